/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * From the server to the client: response by response, with the capabilities
 * filtered, and nothing of a message that no command of the bridge asked for.
 */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_session.h"
#include "proto/imap_capability.h"

void
imap_own_reset(struct imap_own *o)
{
	buf_reset(&o->result);
}

void
imap_own_begin(struct imap_session *s, struct imap_own *o)
{
	(void)snprintf(
	    o->tag, sizeof o->tag, "%s%x", s->own_tag, ++s->own_count);
	o->done = o->ok = o->too_large = false;
	buf_reset(&o->result);
	o->result.limit = LIMIT_IMAP_LINE;
}

/* ---- what is changed on the way ---- */

static int
relay_text(struct imap_session *s, const void *text, size_t n, struct err *err)
{
	if (net_stream_write(s->client, text, n, err) < 0)
		return -1;
	return net_stream_write(s->client, "\r\n", 2, err);
}

/* From `from` to `to` of the response. */
static int
put_part(
    struct buf *out, const uint8_t *from, const uint8_t *to, struct err *err)
{
	return buf_put(out, from, (size_t)(to - from), err);
}

/* Blank-separated, those that pass. */
static int
put_capabilities(
    struct buf *out, const uint8_t *list, const uint8_t *end, struct err *err)
{
	cleanup(buf_reset) struct buf words = { .limit = out->limit };

	if (imap_capability_filter(list, (size_t)(end - list), &words, err) < 0)
		return -1;
	return buf_put(out, words.data, words.len, err);
}

/*
 * A status response from `from` on. What its code says may be capabilities, or
 * (RFC 2193, 2221) another server, to which the client would go without us.
 */
static int
put_status(const struct imap_response *r, const uint8_t *from,
    const struct buf *text, struct buf *out, struct err *err)
{
	static const char name[] = "CAPABILITY ";
	const uint8_t *end = text->data + text->len;
	struct imap_value unused;

	if (imap_code_is(r, "REFERRAL", &unused))
		return put_part(out, from, r->code - 1, err) < 0
			   ? -1
			   : put_part(out, r->rest, end, err);
	if (!imap_code_is(r, "CAPABILITY", &unused) ||
	    r->code_len < sizeof name)
		return put_part(out, from, end, err);

	const uint8_t *list = r->code + sizeof name - 1;
	const uint8_t *close = r->code + r->code_len;

	if (put_part(out, from, list, err) < 0 ||
	    put_capabilities(out, list, close, err) < 0)
		return -1;
	return put_part(out, close, end, err);
}

/* A status response, whatever its tag. */
static int
relay_status(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_IMAP_RESPONSE };
	const struct buf *t = &s->response.text;

	if (r->code == NULL)
		return relay_text(s, t->data, t->len, err);
	if (put_status(r, t->data, t, &out, err) < 0)
		return -1;
	return relay_text(s, out.data, out.len, err);
}

static int
relay_capability_data(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_IMAP_LINE };
	const struct buf *t = &s->response.text;

	if (put_part(&out, t->data, r->rest, err) < 0 ||
	    put_capabilities(&out, r->rest, t->data + t->len, err) < 0)
		return -1;
	return relay_text(s, out.data, out.len, err);
}

static int
relay_enabled(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_IMAP_LINE };
	struct imap_cursor c = imap_cursor(r->rest, r->rest_len);
	struct imap_value v;

	if (buf_puts(&out, "* ENABLED", err) < 0)
		return -1;
	while (imap_next(&c, &v, NULL) > 0)
		if (imap_enable_passes(v.data, v.len) &&
		    (buf_putc(&out, ' ', err) < 0 ||
			buf_put(&out, v.data, v.len, err) < 0))
			return -1;
	return relay_text(s, out.data, out.len, err);
}

/* 1 all of its items may pass, 0, -1. */
static int
all_pass(const struct imap_response *r, struct err *err)
{
	struct imap_cursor items;
	struct imap_value name, value;
	int rc;

	if (imap_fetch_open(r, &items, err) < 0)
		return -1;
	while ((rc = imap_fetch_next(&items, &name, &value, err)) > 0)
		if (!imap_item_passes(name.data, name.len))
			return 0;
	return rc < 0 ? -1 : 1;
}

/* Nobody asked for it: flags may pass, octets of a message may not. */
static int
relay_fetch(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	struct imap_cursor items;
	struct imap_value name, value;
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_IMAP_RESPONSE };
	int kept = 0;
	int rc = all_pass(r, err);

	if (rc != 0) /* mostly so: a listing of flags is long */
		return rc < 0 ? -1
			      : relay_text(s, s->response.text.data,
				    s->response.text.len, err);
	if (imap_fetch_open(r, &items, err) < 0 ||
	    buf_putf(&out, err, "* %u FETCH (", r->number) < 0)
		return -1;
	while ((rc = imap_fetch_next(&items, &name, &value, err)) > 0) {
		if (!imap_item_passes(name.data, name.len))
			continue;
		if ((kept++ > 0 && buf_putc(&out, ' ', err) < 0) ||
		    buf_put(&out, name.raw, name.raw_len, err) < 0 ||
		    buf_putc(&out, ' ', err) < 0 ||
		    buf_put(&out, value.raw, value.raw_len, err) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (kept == 0)
		return 0;
	return buf_putc(&out, ')', err) < 0
		   ? -1
		   : relay_text(s, out.data, out.len, err);
}

static int
relay_data(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	if (imap_response_is(r, "CAPABILITY"))
		return relay_capability_data(s, r, err);
	if (imap_response_is(r, "ENABLED"))
		return relay_enabled(s, r, err);
	if (imap_response_is(r, "FETCH"))
		return relay_fetch(s, r, err);
	return relay_text(s, s->response.text.data, s->response.text.len, err);
}

/* ---- answers to what was forwarded ---- */

static void
forget_mailbox(struct imap_session *s)
{
	free_str(&s->mailbox);
	s->uidvalidity = 0;
	s->has_facts = false;
	imap_kinds_reset(&s->kinds);
}

static void
take_effect(struct imap_session *s, struct imap_forwarded *f, bool ok)
{
	switch (f->effect) {
	case EFFECT_SELECT: /* a SELECT that fails leaves none selected */
		forget_mailbox(s);
		if (ok) {
			s->mailbox = steal(&f->mailbox);
			s->uidvalidity = s->next_uidvalidity;
		}
		s->next_uidvalidity = 0;
		break;
	case EFFECT_CLOSE:
		if (ok)
			forget_mailbox(s);
		break;
	case EFFECT_IDLE:
		s->idling = false;
		break;
	case EFFECT_NONE:
		break;
	}
}

static int
relay_tagged(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	size_t i = 0;

	while (i < s->forwarded_count &&
	       (strlen(s->forwarded[i].tag) != r->tag_len ||
		   memcmp(s->forwarded[i].tag, r->tag, r->tag_len) != 0))
		i++;
	/* it had ended IDLE when our DONE came */
	if (i == s->forwarded_count && imap_equal(r->tag, r->tag_len, "DONE"))
		return 0;
	if (i == s->forwarded_count)
		return err_set(err, ERR_PROTO,
		    "the server answers a command that was not given");
	take_effect(s, &s->forwarded[i], imap_response_is(r, "OK"));
	free(s->forwarded[i].mailbox);
	s->forwarded_count--;
	memmove(&s->forwarded[i], &s->forwarded[i + 1],
	    (s->forwarded_count - i) * sizeof s->forwarded[0]);
	return relay_status(s, r, err);
}

static int
end_own(struct imap_own *own, const struct imap_response *r,
    const struct buf *text, struct err *err)
{
	own->done = true;
	own->ok = imap_response_is(r, "OK");
	return put_status(r, r->word, text, &own->result, err);
}

static bool
is_own(const struct imap_own *own, const struct imap_response *r)
{
	return own != NULL && strlen(own->tag) == r->tag_len &&
	       memcmp(own->tag, r->tag, r->tag_len) == 0;
}

/* ---- one response ---- */

static int
take_status(
    struct imap_session *s, const struct imap_response *r, struct err *err)
{
	struct imap_value v;

	if (imap_response_is(r, "BYE"))
		s->ended = true;
	if (imap_code_is(r, "UIDVALIDITY", &v) &&
	    !imap_number(v.data, v.len, &s->next_uidvalidity))
		s->next_uidvalidity = 0;
	return relay_status(s, r, err);
}

static int
take_continuation(struct imap_session *s, struct err *err)
{
	s->continued = true;
	if (!s->idling)
		return 0;
	return relay_text(s, s->response.text.data, s->response.text.len, err);
}

static int
dispatch(struct imap_session *s, struct imap_own *own, struct err *err)
{
	struct imap_response r;
	int rc = 0;

	if (imap_response_parse(
		s->response.text.data, s->response.text.len, &r, err) < 0)
		return -1;
	switch (r.kind) {
	case IMAP_CONTINUE:
		return take_continuation(s, err);
	case IMAP_TAGGED:
		if (is_own(own, &r))
			return end_own(own, &r, &s->response.text, err);
		return relay_tagged(s, &r, err);
	case IMAP_STATUS:
		return take_status(s, &r, err);
	case IMAP_DATA:
		if (own != NULL && own->data != NULL)
			rc = own->data(own->ctx, &r, err);
		return rc != 0 ? (rc < 0 ? -1 : 0) : relay_data(s, &r, err);
	}
	return 0;
}

/* Up to a literal: is it a FETCH response? */
static bool
is_fetch(const struct imap_session *s, struct imap_response *r)
{
	return imap_response_parse(s->response.text.data,
		   s->response.text.len, r, NULL) == 0 &&
	       r->kind == IMAP_DATA && imap_response_is(r, "FETCH");
}

static bool
is_streamed(const struct imap_session *s, const struct imap_own *own)
{
	struct imap_response r;

	return own != NULL && own->streams != NULL && is_fetch(s, &r) &&
	       own->streams(own->ctx, &r);
}

static bool
is_taken(const struct imap_session *s, const struct imap_own *own,
    struct sink *to)
{
	uint64_t octets = s->response.literal.octets;
	struct imap_response r;

	return own != NULL && own->takes != NULL &&
	       octets > LIMIT_SPOOL_MEMORY && is_fetch(s, &r) &&
	       own->takes(own->ctx, &r, octets, to);
}

/* In place of "{n}": an empty string. */
static int
withdraw_announcement(struct imap_frame *f, struct err *err)
{
	struct buf *t = &f->text;

	while (t->len > f->line_at && t->data[t->len - 1] != '{')
		t->len--;
	t->len--;
	if (t->len > f->line_at && t->data[t->len - 1] == '~')
		t->len--;
	return buf_puts(t, "\"\"", err);
}

/* What was gathered, and the literal behind it, to the client. */
static int
stream_literal(struct imap_session *s, struct err *err)
{
	struct imap_frame *f = &s->response;
	const struct sink client = imap_stream_sink(s->client);

	s->torn = true; /* until all of the response is there */
	if (net_stream_write(s->client, f->text.data, f->text.len, err) < 0 ||
	    imap_read_literal(s->server, f->literal.octets, &client, err) < 0)
		return -1;
	buf_clear(&f->text);
	imap_frame_resume(f);
	return 0;
}

static int
take_literal(
    struct imap_session *s, struct imap_own *own, bool *lost, struct err *err)
{
	struct imap_frame *f = &s->response;
	struct sink to;

	if (f->literal.octets <= f->text.limit - f->text.len) {
		if (!is_taken(s, own, &to))
			return imap_keep_literal(s->server, f, err);
		if (withdraw_announcement(f, err) < 0 ||
		    imap_read_literal(
			s->server, f->literal.octets, &to, err) < 0)
			return -1;
		own->took = true;
		imap_frame_resume(f);
		return 0;
	}
	if (own == NULL ||
	    imap_skip_literal(s->server, f->literal.octets, err) < 0)
		return err_set(err, ERR_PROTO, "the server's answer is huge");
	own->too_large = *lost = true;
	imap_frame_resume(f);
	return 0;
}

/* Up to its end. 1 when it is in s->response, 0 when the client has it. */
static int
gather(struct imap_session *s, struct imap_own *own, struct err *err)
{
	enum imap_framed what;
	bool streamed = false, lost = false;
	int rc;

	if (own != NULL)
		own->took = false;
	for (;;) {
		rc = imap_read(s->server, &s->response, &what, err);
		if (rc <= 0)
			return rc < 0 ? -1
				      : err_set(err, ERR_TEMP,
					    "the server has gone");
		if (what == IMAP_FRAME_WHOLE)
			break;
		if (s->response.literal.octets > UINT32_MAX) /* RFC 3501, 9 */
			return err_set(
			    err, ERR_PROTO, "the server's answer is absurd");
		streamed = streamed || is_streamed(s, own);
		rc = streamed ? stream_literal(s, err)
			      : take_literal(s, own, &lost, err);
		if (rc < 0)
			return -1;
	}
	if (lost)
		return 0;
	if (!streamed && !is_streamed(s, own))
		return 1;
	if (relay_text(s, s->response.text.data, s->response.text.len, err) < 0)
		return -1;
	s->torn = false;
	return 0;
}

int
imap_relay(struct imap_session *s, struct imap_own *own, struct err *err)
{
	int rc;

	if (own != NULL && s->ended)
		return err_set(err, ERR_TEMP, "the server has said goodbye");
	if (net_stream_buffered(s->server) == 0 &&
	    (net_stream_flush(s->client, err) < 0 ||
		net_stream_flush(s->server, err) < 0))
		return -1;
	rc = gather(s, own, err);
	if (rc > 0)
		rc = dispatch(s, own, err);
	imap_frame_reset(&s->response);
	if (s->response.text.size > LIMIT_SPOOL_MEMORY)
		buf_reset(&s->response.text);
	return rc < 0 ? -1 : 0;
}

int
imap_run(struct imap_session *s, struct imap_own *own, const char *text,
    size_t n, struct err *err)
{
	imap_own_begin(s, own);
	if (net_stream_write(s->server, own->tag, strlen(own->tag), err) < 0 ||
	    net_stream_write(s->server, " ", 1, err) < 0)
		return -1;

	int rc = imap_send_text(s, text, n, own, NULL, err);

	if (rc < 0 ||
	    (rc > 0 && net_stream_write(s->server, "\r\n", 2, err) < 0))
		return -1;
	while (!own->done)
		if (imap_relay(s, own, err) < 0)
			return -1;
	return 0;
}

int
imap_drain(struct imap_session *s, struct err *err)
{
	while (s->forwarded_count > 0)
		if (imap_relay(s, NULL, err) < 0)
			return -1;
	return 0;
}
