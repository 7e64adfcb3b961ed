/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* AUTHENTICATE PLAIN and LOGIN, with and without an initial response. */

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "imap_session.h"
#include "proto/sasl.h"

static int
say_challenge(struct imap_session *s, const struct sasl *x, struct err *err)
{
	size_t n;
	const uint8_t *octets = sasl_challenge(x, &n);
	char text[200] = "";

	if (base64_size(n) >= sizeof text)
		return err_set(err, ERR_TEMP, "a challenge is too long");
	text[base64_encode(octets, n, text)] = '\0';
	if (imap_say(s->client, err, "+ %s", text) < 0)
		return -1;
	return net_stream_flush(s->client, err);
}

/* One line of the client, decoded. 1, 0 cancelled or malformed, -1. */
static int
decode(const void *line, size_t n, struct buf *out)
{
	long len;

	if (imap_equal(line, n, "="))
		n = 0; /* an empty initial response */
	if (buf_reserve(out, n, NULL) < 0)
		return 0;
	len = n == 0 ? 0 : base64_decode(line, n, out->data);
	out->len = len < 0 ? 0 : (size_t)len;
	return len >= 0;
}

static int
read_answer(struct imap_session *s, struct buf *out, struct err *err)
{
	enum imap_framed what;
	int rc;

	imap_frame_reset(&s->command);
	rc = imap_read(s->client, &s->command, &what, err);
	if (rc <= 0)
		return rc < 0 ? -1
			      : err_set(err, ERR_TEMP, "the client has gone");
	if (what != IMAP_FRAME_WHOLE)
		return err_set(err, ERR_PROTO, "a literal in AUTHENTICATE");
	return decode(s->command.text.data, s->command.text.len, out);
}

/* Up to the password: 1, 0 the client did not bring it about, -1. */
static int
converse(struct imap_session *s, struct sasl *x, bool has_first,
    struct buf *answer, struct err *err)
{
	enum sasl_step next;
	int rc;

	if ((has_first ? sasl_answer(x, answer->data, answer->len, &next, err)
		       : sasl_begin(x, &next, err)) < 0)
		return -1;
	while (next == SASL_CHALLENGE) {
		if (say_challenge(s, x, err) < 0)
			return -1;
		buf_clear(answer);
		rc = read_answer(s, answer, err);
		if (rc <= 0)
			return rc;
		if (sasl_answer(x, answer->data, answer->len, &next, err) < 0)
			return -1;
	}
	return next == SASL_PASSWORD;
}

static const struct sasl_mechanism *
mechanism(const struct imap_value *v)
{
	if (imap_is(v, "PLAIN"))
		return sasl_find("PLAIN");
	return imap_is(v, "LOGIN") ? sasl_find("LOGIN") : NULL;
}

static int
exchange(struct imap_session *s, const char *tag,
    const struct sasl_mechanism *m, const struct imap_value *first,
    struct err *err)
{
	cleanup(sasl_free) struct sasl *x = NULL;
	cleanup(buf_reset) struct buf answer = { .limit = LIMIT_IMAP_LOGIN,
		.secret = true };
	bool has_first = first->raw_len > 0;
	size_t len;

	if (sasl_new(s->bridge->crypt, m, "unused", &x, err) < 0)
		return -1;
	if (has_first && !decode(first->data, first->len, &answer))
		return imap_say(s->client, err,
		    "%s BAD Invalid base64 data in initial response.", tag);

	int rc = converse(s, x, has_first, &answer, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return imap_say(
		    s->client, err, "%s BAD Authentication aborted.", tag);

	const char *password = sasl_password(x, &len);

	return imap_log_in_as(s, tag, sasl_user(x), password, len, err);
}

int
imap_do_authenticate(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value name, first;
	char tag[IMAP_TAG_SIZE]; /* the command's text will be used anew */

	memcpy(tag, c->tag, sizeof tag);
	if (!imap_may_log_in(s))
		return imap_say(s->client, err,
		    "%s NO [PRIVACYREQUIRED] Only with TLS.", tag);
	if (imap_next(&at, &name, NULL) <= 0 ||
	    imap_next(&at, &first, NULL) < 0 || !imap_at_end(&at))
		return imap_say(
		    s->client, err, "%s BAD Invalid arguments.", tag);

	const struct sasl_mechanism *m = mechanism(&name);

	if (m == NULL)
		return imap_say(s->client, err,
		    "%s NO Unsupported authentication mechanism.", tag);
	return exchange(s, tag, m, &first, err);
}
