/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Planning: what sealing does to a header. The way back is in rebuild.c. */

#include "mail/sealed.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

/* RFC 9788 for what comes, protected-headers for what is deployed. */
#define BOUNDARY_PREFIX "=_sealpost_"
#define PROTECTION "\r\n protected-headers=\"v1\"; hp=\"cipher\"\r\n"
#define OUTER_SUBJECT "Subject: ...\r\n"

void
sealed_plan_reset(struct sealed_plan *plan)
{
	free(plan->taken);
	header_reset(&plan->added);
	buf_reset(&plan->entity);
	buf_reset(&plan->head);
	*plan = (struct sealed_plan){ 0 };
}

/* The value is exactly "1.0", blanks aside. */
static bool
is_version_1_0(const struct header_field *f)
{
	size_t n;
	const uint8_t *v = header_field_value(f, &n);

	while (n > 0 && (*v == ' ' || *v == '\t')) {
		v++;
		n--;
	}
	while (n > 0 && (v[n - 1] == ' ' || v[n - 1] == '\t'))
		n--;
	return n == 3 && memcmp(v, "1.0", 3) == 0;
}

static bool
keeps_mime_version(const struct header *h)
{
	size_t count;
	const struct header_field *f = header_find(h, "MIME-Version", &count);

	return count == 1 && is_version_1_0(f);
}

/* Thread-Topic repeats the Subject (Outlook): it goes where that goes. */
static bool
is_subject(const struct header_field *f)
{
	static const char *const names[] = { "Subject", "Thread-Topic",
		"Original-Subject", "X-Original-Subject" };

	for (size_t i = 0; i < countof(names); i++)
		if (header_field_is(f, names[i]))
			return true;
	return false;
}

bool
sealed_field_has_password(const struct header_field *f)
{
	size_t n;
	const uint8_t *v = header_field_value(f, &n);

	return is_subject(f) && sealed_subject_has_password(v, n);
}

static bool
wants_protection(const struct header *h, bool asked)
{
	for (size_t i = 0; i < h->count; i++)
		if ((asked && header_field_is(&h->fields[i], "Subject")) ||
		    sealed_field_has_password(&h->fields[i]))
			return true;
	return false;
}

static bool
leaves_outside(const struct sealed_plan *plan, const struct header_field *f,
    bool keep_mime_version)
{
	return header_field_begins(f, "Content-") ||
	    header_field_begins(f, SEALED_MARKER) ||
	    (header_field_is(f, "MIME-Version") && !keep_mime_version) ||
	    (plan->subject_protected && is_subject(f)) ||
	    (!header_field_is(f, "Subject") &&
		sealed_text_has_password(f->raw, f->raw_len));
}

static int
mark_taken(const struct header *h, struct sealed_plan *plan, bool keep,
    struct err *err)
{
	plan->field_count = h->count;
	plan->taken = calloc(h->count + 1, sizeof *plan->taken);
	if (plan->taken == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < h->count; i++)
		plan->taken[i] = leaves_outside(plan, &h->fields[i], keep);
	return 0;
}

static int
add_text(struct header *h, const char *raw, struct err *err)
{
	return header_add_raw(h, raw, strlen(raw), err);
}

static int
plan_added(struct sealed_plan *plan, bool keep_mime_version, struct err *err)
{
	char type[256];

	(void)snprintf(type, sizeof type,
	    "Content-Type: multipart/encrypted;\r\n"
	    "\tprotocol=\"application/pgp-encrypted\";\r\n"
	    "\tboundary=\"%s\"\r\n",
	    plan->boundary);
	if (!keep_mime_version &&
	    add_text(&plan->added, "MIME-Version: 1.0\r\n", err) < 0)
		return -1;
	if (add_text(&plan->added, type, err) < 0)
		return -1;
	return plan->subject_protected
	    ? add_text(&plan->added, OUTER_SUBJECT, err)
	    : 0;
}

/* The field with the two parameters that say what is protected. */
static int
put_protecting_type(struct buf *out, const struct header_field *f,
    struct err *err)
{
	size_t n = f->raw_len - 2;

	while (n > f->value_at && strchr(" \t\r\n", f->raw[n - 1]) != NULL)
		n--;
	if (n > f->value_at && f->raw[n - 1] == ';')
		n--;
	if (buf_put(out, f->raw, n, err) < 0)
		return -1;
	return buf_puts(out, ";" PROTECTION, err);
}

static int
plan_protected_entity(const struct header *h, struct sealed_plan *plan,
    struct err *err)
{
	struct buf *out = &plan->entity;
	bool typed = false;

	for (size_t i = 0; i < h->count; i++) {
		const struct header_field *f = &h->fields[i];
		bool is_type = header_field_is(f, "Content-Type") && !typed;

		if (is_type && put_protecting_type(out, f, err) < 0)
			return -1;
		typed = typed || is_type;
		if (is_type || !(header_field_begins(f, "Content-") ||
				   header_field_is(f, "Subject")))
			continue;
		if (buf_put(out, f->raw, f->raw_len, err) < 0)
			return -1;
	}
	if (!typed && buf_puts(out,
			  "Content-Type: text/plain; charset=us-ascii;"
			  PROTECTION, err) < 0)
		return -1;
	return buf_puts(out, "HP-Outer: " OUTER_SUBJECT "\r\n", err);
}

static int
plan_entity(const struct header *h, struct sealed_plan *plan, struct err *err)
{
	plan->entity = (struct buf){ .limit = 2 * LIMIT_HEADER,
		.secret = true };
	if (plan->subject_protected)
		return plan_protected_entity(h, plan, err);
	for (size_t i = 0; i < h->count; i++) {
		const struct header_field *f = &h->fields[i];

		if (header_field_begins(f, "Content-") &&
		    buf_put(&plan->entity, f->raw, f->raw_len, err) < 0)
			return -1;
	}
	return buf_puts(&plan->entity, "\r\n", err);
}

static int
put_record(struct buf *out, const struct header_field *f, struct err *err)
{
	if (buf_putf(out, err, "%zu\r\n", f->raw_len) < 0)
		return -1;
	return buf_put(out, f->raw, f->raw_len, err);
}

static int
plan_head(const struct header *h, struct sealed_plan *plan, bool unseparated,
    struct err *err)
{
	struct buf *out = &plan->head;

	*out = (struct buf){ .limit = LIMIT_HEAD, .secret = true };
	if (buf_puts(out, "sealpost-head 1\r\n", err) < 0)
		return -1;
	for (size_t i = 0; i < h->count; i++) {
		if (!plan->taken[i])
			continue;
		if (buf_putf(out, err, "taken %zu ", h->count - 1 - i) < 0 ||
		    put_record(out, &h->fields[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < plan->added.count; i++)
		if (buf_puts(out, "added ", err) < 0 ||
		    put_record(out, &plan->added.fields[i], err) < 0)
			return -1;
	if (unseparated && buf_puts(out, "unseparated\r\n", err) < 0)
		return -1;
	return buf_puts(out, "end\r\n", err);
}

static void
make_boundary(struct sealed_plan *plan, const uint8_t seed[SEALED_SEED_SIZE])
{
	int n = snprintf(
	    plan->boundary, sizeof plan->boundary, BOUNDARY_PREFIX);

	for (size_t i = 0; i < SEALED_SEED_SIZE; i++)
		n += snprintf(plan->boundary + n,
		    sizeof plan->boundary - (size_t)n, "%02x", seed[i]);
}

bool
sealed_boundary_seed(const char *content_type, uint8_t seed[SEALED_SEED_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strstr(content_type, BOUNDARY_PREFIX);

	if (at == NULL)
		return false;
	at += strlen(BOUNDARY_PREFIX);
	memset(seed, 0, SEALED_SEED_SIZE);
	for (size_t i = 0; i < 2 * (size_t)SEALED_SEED_SIZE; i++) {
		const char *digit =
		    at[i] == '\0' ? NULL : strchr(digits, at[i]);

		if (digit == NULL)
			return false;
		seed[i / 2] = (uint8_t)(seed[i / 2] << 4 | (digit - digits));
	}
	return true;
}

int
sealed_plan_make(const struct header *h, const struct sealed_options *o,
    struct sealed_plan *plan, struct err *err)
{
	bool keep = keeps_mime_version(h);

	*plan = (struct sealed_plan){ 0 };
	plan->subject_protected = wants_protection(h, o->protect_subject);
	make_boundary(plan, o->boundary_seed);
	if (mark_taken(h, plan, keep, err) < 0 ||
	    plan_added(plan, keep, err) < 0 || plan_entity(h, plan, err) < 0)
		return -1;
	return plan_head(h, plan, o->unseparated, err);
}

int
sealed_put_preamble(const struct sealed_plan *plan, struct buf *out,
    struct err *err)
{
	return buf_putf(out, err,
	    "--%s\r\n"
	    "Content-Type: application/pgp-encrypted\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "\r\n"
	    "--%s\r\n"
	    "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
	    "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n"
	    "\r\n",
	    plan->boundary, plan->boundary);
}

int
sealed_put_epilogue(const struct sealed_plan *plan, struct buf *out,
    struct err *err)
{
	return buf_putf(out, err, "\r\n--%s--\r\n", plan->boundary);
}
