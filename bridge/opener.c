/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "opener.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/sealed.h"
#include "opener_private.h"
#include "user_private.h"

/* ---- taking apart ---- */

int
opener_split(
    const void *message, size_t n, struct opener_parts *out, struct err *err)
{
	cleanup(header_reader_reset) struct header_reader r;
	size_t used = 0;
	size_t rest = 0;

	header_reader_init(&r, &out->header);
	r.pending.secret = true;
	out->message = out->body = message;
	out->message_len = out->body_len = n;
	if (n == 0)
		return 0;
	if (header_reader_feed(&r, message, n, &used, err) < 0 ||
	    header_reader_finish(&r, err) < 0)
		return -1;
	(void)header_reader_rest(&r, &rest);
	out->body = (const uint8_t *)message + used - rest;
	out->body_len = n - used + rest;
	return 0;
}

void
opener_parts_reset(struct opener_parts *p)
{
	header_reset(&p->header);
}

static void
opening_reset(struct opening *o)
{
	pgp_last_reset(&o->last);
}

static bool
is_encrypted_type(const struct header_field *f)
{
	static const char type[] = "multipart/encrypted";
	size_t n;
	const uint8_t *v = header_field_value(f, &n);

	while (n > 0 && strchr(" \t\r\n", *v) != NULL && *v != '\0') {
		v++;
		n--;
	}
	return n >= strlen(type) &&
	       strncasecmp((const char *)v, type, strlen(type)) == 0;
}

static bool
may_be_encrypted(const struct header *h)
{
	size_t count = 0;
	const struct header_field *f = header_find(h, "Content-Type", &count);

	return f != NULL && is_encrypted_type(f);
}

bool
opener_may_be_encrypted(const void *header, size_t n)
{
	cleanup(opener_parts_reset) struct opener_parts p = { 0 };

	/* what cannot be read now is looked at more closely */
	return opener_split(header, n, &p, NULL) < 0 ||
	       may_be_encrypted(&p.header);
}

/* ---- what the server sealed ---- */

static int
rebuild_header(struct opening *o, const struct opener_parts *stored,
    const struct sealed_marker *marker, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf record = { .limit = LIMIT_HEAD,
		.secret = true };

	if (opener_decrypt(
		o, marker->head.data, marker->head.len, &record, NULL, err) < 0)
		return err_context(err, "sealed header record");
	return sealed_rebuild_header(
	    &stored->header, marker, record.data, record.len, out, err);
}

/* The entity's body is the original's; its header has said what it had to. */
static int
put_entity_body(const struct buf *entity, uint64_t octets, struct buf *out,
    struct err *err)
{
	cleanup(opener_parts_reset) struct opener_parts e = { 0 };

	if (opener_split(entity->data, entity->len, &e, err) < 0)
		return -1;
	if (e.body_len != octets)
		return err_set(err, ERR_PERM,
		    "the sealed body has %zu octets, its marker says %llu",
		    e.body_len, (unsigned long long)octets);
	return buf_put(out, e.body, e.body_len, err);
}

static int
open_sealed(struct opening *o, const struct opener_parts *stored,
    const struct sealed_marker *marker, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf entity = {
		.limit = out->limit + LIMIT_HEADER,
		.secret = true,
	};

	if (marker->body_octets > out->limit)
		return err_set(err, ERR_PERM, "larger than max_message");
	if (rebuild_header(o, stored, marker, out, err) < 0 ||
	    buf_reserve(&entity, stored->body_len / 4 * 3, err) < 0 ||
	    opener_decrypt_body(o, stored, &entity, NULL, err) < 0 ||
	    buf_reserve(out, (size_t)marker->body_octets, err) < 0)
		return -1;
	return put_entity_body(&entity, marker->body_octets, out, err);
}

/* ---- the interface ---- */

/* Born with its limit, whatever the caller has made of it. */
static void
prepare(struct user *u, struct buf *b)
{
	buf_reset(b);
	b->limit = user_max_message(u);
	b->secret = true;
}

/* An error that stays is a message that stays as it is stored. */
static int
judge(int rc, struct buf *b, enum opened *kind, const struct err *why,
    struct err *err)
{
	if (rc == 0)
		return 0;
	buf_reset(b);
	if (why->kind == ERR_TEMP)
		return err_set(err, ERR_TEMP, "%s", why->text);
	*kind = OPENED_NEVER;
	return 0;
}

/* A marker that cannot be read: it is sealed, but not for this program. */
static bool
is_marked(const struct header *h)
{
	size_t count = 0;

	return header_find(h, "X-Sealpost", &count) != NULL;
}

static int
open_encrypted(struct opening *o, const struct opener_parts *stored,
    enum opened *kind, struct buf *message, struct err *err)
{
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };
	int rc = sealed_find_marker(&stored->header, &marker, err);

	if (rc < 0)
		return -1;
	if (rc == 1) {
		*kind = OPENED_SEALED;
		return open_sealed(o, stored, &marker, message, err);
	}
	if (is_marked(&stored->header))
		return err_set(err, ERR_PERM, "its marker cannot be read");
	*kind = OPENED_FOREIGN;
	if (o->user->account->decrypt_foreign)
		return opener_open_foreign(o, stored, message, err);
	*kind = OPENED_PLAIN;
	return 0;
}

int
opener_open(struct user *u, const void *stored, size_t n, enum opened *kind,
    struct buf *message, struct err *err)
{
	cleanup(opener_parts_reset) struct opener_parts p = { 0 };
	cleanup(opening_reset) struct opening o = { .user = u };
	struct err why = { 0 };

	prepare(u, message);
	*kind = OPENED_PLAIN;

	int rc = opener_split(stored, n, &p, &why);

	if (rc == 0 && !may_be_encrypted(&p.header))
		return 0;
	if (rc == 0)
		rc = open_encrypted(&o, &p, kind, message, &why);
	return judge(rc, message, kind, &why, err);
}

/* Without it, where the header ends is seen in the body alone. */
static bool
ends_in_empty_line(const struct buf *header)
{
	static const char end[] = "\r\n\r\n";
	size_t n = header->len < strlen(end) ? 2 : strlen(end);

	return header->len >= n &&
	       memcmp(header->data + header->len - n, end, n) == 0;
}

/* 1, 0 the body is needed, -1. */
static int
open_sealed_header(struct opening *o, const struct opener_parts *p,
    const struct sealed_marker *marker, struct buf *header, uint64_t *octets,
    struct err *err)
{
	struct err why = { 0 };
	int rc = rebuild_header(o, p, marker, header, &why);

	if (rc == 0 && marker->body_octets > header->limit - header->len)
		rc = err_set(&why, ERR_PERM, "larger than max_message");
	if (rc < 0) {
		buf_reset(header);
		return why.kind == ERR_TEMP
			   ? err_set(err, ERR_TEMP, "%s", why.text)
			   : 0;
	}
	if (!ends_in_empty_line(header)) {
		buf_reset(header);
		return 0;
	}
	*octets = header->len + marker->body_octets;
	return 1;
}

static int
open_encrypted_header(struct opening *o, const struct opener_parts *p,
    enum opened *kind, struct buf *header, uint64_t *octets, struct err *err)
{
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };
	int rc = sealed_find_marker(&p->header, &marker, err);

	if (rc < 0)
		return -1;
	if (rc == 1) {
		*kind = OPENED_SEALED;
		return open_sealed_header(o, p, &marker, header, octets, err);
	}
	return o->user->account->decrypt_foreign && !is_marked(&p->header) ? 0
									   : 1;
}

int
opener_open_header(struct user *u, const void *stored, size_t n,
    enum opened *kind, struct buf *header, uint64_t *octets, struct err *err)
{
	cleanup(opener_parts_reset) struct opener_parts p = { 0 };
	cleanup(opening_reset) struct opening o = { .user = u };
	struct err why = { 0 };

	prepare(u, header);
	*kind = OPENED_PLAIN;
	if (opener_split(stored, n, &p, &why) < 0)
		return why.kind == ERR_TEMP
			   ? err_set(err, ERR_TEMP, "%s", why.text)
			   : 0;
	if (!may_be_encrypted(&p.header))
		return 1;
	return open_encrypted_header(&o, &p, kind, header, octets, err);
}
