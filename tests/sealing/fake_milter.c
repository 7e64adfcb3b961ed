/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "fake_milter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct smfiDesc callbacks;
	void *session;
	char reply[200];
	struct header header; /* as edited so far */
	struct buf body;
	bool body_replaced;
	unsigned edits, fail_edit;
} fake;

bool fake_in_milter;

/* Calls into the milter. */
#define IN_MILTER(call)                                                   \
	__extension__({                                                   \
		fake_in_milter = true;                                    \
		sfsistat status_ = (call);                                \
		fake_in_milter = false;                                   \
		status_;                                                  \
	})

static SMFICTX *
context(void)
{
	return (SMFICTX *)(void *)&fake;
}

int __wrap_smfi_register(struct smfiDesc d);
int __wrap_smfi_setpriv(SMFICTX *ctx, void *p);
void *__wrap_smfi_getpriv(SMFICTX *ctx);
char *__wrap_smfi_getsymval(SMFICTX *ctx, char *name);
int __wrap_smfi_setreply(SMFICTX *ctx, char *code, char *status, char *text);
int __wrap_smfi_addheader(SMFICTX *ctx, char *name, char *value);
int __wrap_smfi_insheader(SMFICTX *ctx, int at, char *name, char *value);
int __wrap_smfi_chgheader(SMFICTX *ctx, char *name, int nth, char *value);
int __wrap_smfi_replacebody(SMFICTX *ctx, unsigned char *p, int n);

int
__wrap_smfi_register(struct smfiDesc d)
{
	fake.callbacks = d;
	return MI_SUCCESS;
}

int
__wrap_smfi_setpriv(SMFICTX *ctx, void *p)
{
	(void)ctx;
	fake.session = p;
	return MI_SUCCESS;
}

void *
__wrap_smfi_getpriv(SMFICTX *ctx)
{
	(void)ctx;
	return fake.session;
}

char *
__wrap_smfi_getsymval(SMFICTX *ctx, char *name)
{
	static char id[] = "4bXyZ12";

	(void)ctx;
	return strcmp(name, "i") == 0 ? id : NULL;
}

int
__wrap_smfi_setreply(SMFICTX *ctx, char *code, char *status, char *text)
{
	(void)ctx;
	(void)snprintf(fake.reply, sizeof fake.reply, "%s %s %s", code, status,
	    text);
	return MI_SUCCESS;
}

static bool
edit_fails(void)
{
	return ++fake.edits == fake.fail_edit;
}

/* "Name:" and the value as it is, as with SMFIP_HDR_LEADSPC. */
static void
put_raw(struct buf *raw, const char *name, const char *value)
{
	struct err err = { 0 };

	assert_null(strchr(value, '\r'));
	assert_int_equal(buf_putf(raw, &err, "%s:", name), 0);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			assert_int_equal(buf_putc(raw, '\r', &err), 0);
		assert_int_equal(buf_putc(raw, (uint8_t)*value, &err), 0);
	}
	assert_int_equal(buf_puts(raw, "\r\n", &err), 0);
}

static void
add_at(size_t at, const char *name, const char *value)
{
	cleanup(buf_reset) struct buf raw = { .limit = 1 << 20 };
	struct err err = { 0 };

	put_raw(&raw, name, value);
	assert_true(raw.len < 60000); /* or Postfix cuts it */
	assert_int_equal(header_add_raw(&fake.header, raw.data, raw.len,
			     &err), 0);

	struct header *h = &fake.header;
	struct header_field f = h->fields[h->count - 1];

	memmove(h->fields + at + 1, h->fields + at,
	    (h->count - 1 - at) * sizeof f);
	h->fields[at] = f;
}

int
__wrap_smfi_addheader(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	if (edit_fails())
		return MI_FAILURE;
	fake_in_milter = false;
	add_at(fake.header.count, name, value);
	fake_in_milter = true;
	return MI_SUCCESS;
}

int
__wrap_smfi_insheader(SMFICTX *ctx, int at, char *name, char *value)
{
	(void)ctx;
	if (edit_fails())
		return MI_FAILURE;
	assert_true(at >= 1); /* 0 is above the hop's own Received */
	fake_in_milter = false;
	add_at((size_t)at - 1, name, value);
	fake_in_milter = true;
	return MI_SUCCESS;
}

int
__wrap_smfi_chgheader(SMFICTX *ctx, char *name, int nth, char *value)
{
	struct header *h = &fake.header;

	(void)ctx;
	assert_null(value);
	if (edit_fails())
		return MI_FAILURE;
	for (size_t i = 0; i < h->count; i++) {
		if (!header_field_is(&h->fields[i], name) || --nth > 0)
			continue;
		free(h->fields[i].raw);
		memmove(h->fields + i, h->fields + i + 1,
		    (h->count - 1 - i) * sizeof *h->fields);
		h->count--;
		return MI_SUCCESS;
	}
	fail_msg("there is no such %s", name);
	return MI_FAILURE;
}

int
__wrap_smfi_replacebody(SMFICTX *ctx, unsigned char *p, int n)
{
	struct err err = { 0 };

	(void)ctx;
	if (edit_fails())
		return MI_FAILURE;
	assert_in_range(n, 1, 65535);
	fake_in_milter = false;
	if (!fake.body_replaced)
		buf_clear(&fake.body);
	fake.body_replaced = true;
	assert_int_equal(buf_put(&fake.body, p, (size_t)n, &err), 0);
	fake_in_milter = true;
	return MI_SUCCESS;
}

void
fake_fail_edit(unsigned n)
{
	fake.fail_edit = n;
}

unsigned
fake_edits(void)
{
	return fake.edits;
}

const char *
fake_reply(void)
{
	return fake.reply;
}

sfsistat
fake_negotiate(unsigned long actions, unsigned long steps)
{
	unsigned long a = 0, b = 0, c = 0, d = 0;

	return fake.callbacks.xxfi_negotiate(context(), actions, steps, 0, 0,
	    &a, &b, &c, &d);
}

/* The value as Postfix hands it over: folded with LF. */
static sfsistat
send_field(const struct header_field *f)
{
	size_t n, len = 0;
	const uint8_t *v = header_field_value(f, &n);
	char *name = malloc(f->name_len + 1), *value = malloc(n + 1);
	sfsistat status;

	assert_non_null(name);
	assert_non_null(value);
	memcpy(name, f->raw, f->name_len);
	name[f->name_len] = '\0';
	for (size_t i = 0; i < n; i++)
		if (v[i] != '\r')
			value[len++] = (char)v[i];
	value[len] = '\0';
	status = IN_MILTER(
	    fake.callbacks.xxfi_header(context(), name, value));
	free(name);
	free(value);
	return status;
}

static sfsistat
send_header(const struct header *h)
{
	for (size_t i = 0; i < h->count; i++) {
		sfsistat status = send_field(&h->fields[i]);

		if (status != SMFIS_CONTINUE)
			return status;
	}
	return IN_MILTER(fake.callbacks.xxfi_eoh(context()));
}

static sfsistat
send_body(const uint8_t *p, size_t n, size_t piece)
{
	while (n > 0) {
		size_t k = n < piece ? n : piece;
		sfsistat status = IN_MILTER(fake.callbacks.xxfi_body(
		    context(), (unsigned char *)(uintptr_t)p, k));

		if (status != SMFIS_CONTINUE)
			return status;
		p += k;
		n -= k;
	}
	return IN_MILTER(fake.callbacks.xxfi_eom(context()));
}

static sfsistat
send_envelope(const char *const *recipients)
{
	static char sender[] = "<s@example.com>";
	char *from[] = { sender, NULL };
	sfsistat status =
	    IN_MILTER(fake.callbacks.xxfi_envfrom(context(), from));

	for (; status == SMFIS_CONTINUE && *recipients != NULL; recipients++) {
		char address[400];
		char *to[] = { address, NULL };

		(void)snprintf(address, sizeof address, "%s", *recipients);
		status = IN_MILTER(
		    fake.callbacks.xxfi_envrcpt(context(), to));
	}
	return status;
}

static void
begin(const void *message, size_t n, const uint8_t **body, size_t *body_len)
{
	cleanup(header_reader_reset) struct header_reader r;
	struct err err = { 0 };
	size_t used;

	header_reset(&fake.header);
	buf_reset(&fake.body);
	fake.body.limit = SIZE_MAX / 2;
	fake.body_replaced = false;
	fake.edits = 0;
	fake.reply[0] = '\0';
	header_reader_init(&r, &fake.header);
	assert_int_equal(header_reader_feed(&r, message, n, &used, &err), 0);
	assert_true(r.separated);
	*body = (const uint8_t *)message + used;
	*body_len = n - used;
	assert_int_equal(buf_put(&fake.body, *body, *body_len, &err), 0);
}

static void
deliver(struct buf *stored)
{
	struct err err = { 0 };

	for (size_t i = 0; i < fake.header.count; i++)
		assert_int_equal(buf_put(stored, fake.header.fields[i].raw,
				     fake.header.fields[i].raw_len, &err), 0);
	assert_int_equal(buf_puts(stored, "\r\n", &err), 0);
	assert_int_equal(buf_put(stored, fake.body.data, fake.body.len, &err),
	    0);
}

sfsistat
fake_send(const char *const *recipients, const void *message, size_t n,
    size_t piece, struct buf *stored)
{
	cleanup(header_reset) struct header original = { 0 };
	const uint8_t *body;
	size_t body_len;

	begin(message, n, &body, &body_len);
	original = fake.header;
	fake.header = (struct header){ 0 };
	for (size_t i = 0; i < original.count; i++) {
		struct err err = { 0 };

		assert_int_equal(header_add_raw(&fake.header,
				     original.fields[i].raw,
				     original.fields[i].raw_len, &err), 0);
	}

	sfsistat status = send_envelope(recipients);

	if (status == SMFIS_CONTINUE)
		status = send_header(&original);
	if (status == SMFIS_CONTINUE)
		status = send_body(body, body_len, piece);
	if (status == SMFIS_CONTINUE)
		deliver(stored);
	else
		(void)IN_MILTER(fake.callbacks.xxfi_abort(context()));
	(void)IN_MILTER(fake.callbacks.xxfi_close(context()));
	return status;
}
