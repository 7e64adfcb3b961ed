/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* From the client to the server: commands that need no change. */

#include <string.h>

#include "base/limits.h"
#include "imap_session.h"

/* Has the server ended the command that is being sent? */
static bool
is_answered(
    const struct imap_session *s, const struct imap_own *own, const char *tag)
{
	if (own != NULL)
		return own->done;
	for (size_t i = 0; i < s->forwarded_count; i++)
		if (strcmp(s->forwarded[i].tag, tag) == 0)
			return false;
	return true;
}

int
imap_send_announcement(struct imap_session *s, uint64_t n, struct imap_own *own,
    const char *tag, struct err *err)
{
	char text[40];
	int len = snprintf(text, sizeof text, "{%llu%s}\r\n",
	    (unsigned long long)n, s->literal_plus ? "+" : "");

	if (net_stream_write(s->server, text, (size_t)len, err) < 0)
		return -1;
	if (s->literal_plus)
		return 1;
	s->continued = false;
	while (!s->continued) {
		if (is_answered(s, own, tag))
			return 0;
		if (imap_relay(s, own, err) < 0)
			return -1;
	}
	return 1;
}

/* Where "{n}" begins in a line that ends with it. */
static size_t
before_announcement(const uint8_t *line, size_t n)
{
	while (n > 0 && line[n - 1] != '{')
		n--;
	return n - 1;
}

int
imap_send_text(struct imap_session *s, const void *text, size_t n,
    struct imap_own *own, const char *tag, struct err *err)
{
	const uint8_t *at = text, *end = at + n, *eol;

	while ((eol = memmem(at, (size_t)(end - at), "\r\n", 2)) != NULL) {
		struct imap_literal l;
		size_t len = (size_t)(eol - at);

		if (imap_literal_announced(at, len, &l, err) <= 0 ||
		    l.octets > (size_t)(end - eol - 2))
			return err_set(err, ERR_PROTO, "a line within a line");
		if (net_stream_write(
			s->server, at, before_announcement(at, len), err) < 0)
			return -1;

		int rc = imap_send_announcement(s, l.octets, own, tag, err);

		if (rc <= 0)
			return rc;
		at = eol + 2;
		if (net_stream_write(s->server, at, (size_t)l.octets, err) < 0)
			return -1;
		at += l.octets;
	}
	return net_stream_write(s->server, at, (size_t)(end - at), err) < 0 ? -1
									    : 1;
}

/* The mailbox that SELECT names. NULL without memory or argument. */
static char *
mailbox_of(const struct imap_command *c)
{
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_IMAP_LINE };
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v;
	size_t n;

	if (imap_next(&at, &v, NULL) <= 0 ||
	    imap_put_octets(&v, &name, NULL) < 0 ||
	    buf_str(&name, NULL) == NULL)
		return NULL;
	/* INBOX has no case: one name in the cache */
	if (imap_equal(name.data, name.len, "INBOX"))
		memcpy(name.data, "INBOX", sizeof "INBOX");
	return (char *)buf_steal(&name, &n);
}

static int
note(struct imap_session *s, const struct imap_command *c,
    enum imap_effect effect, struct err *err)
{
	while (s->forwarded_count == IMAP_PIPELINE)
		if (imap_relay(s, NULL, err) < 0)
			return -1;

	struct imap_forwarded *f = &s->forwarded[s->forwarded_count];

	*f = (struct imap_forwarded){ .effect = effect };
	memcpy(f->tag, c->tag, sizeof f->tag);
	if (effect == EFFECT_SELECT) {
		f->mailbox = mailbox_of(c);
		if (f->mailbox == NULL)
			f->mailbox = strdup("");
		if (f->mailbox == NULL)
			return err_nomem(err);
	}
	s->forwarded_count++;
	return 0;
}

int
imap_forward(struct imap_session *s, const struct imap_command *c,
    enum imap_effect effect, struct err *err)
{
	const struct buf *t = &s->command.text;

	/* much at once while the server may be waiting for us: deadlock */
	if (s->forwarded_octets + t->len > LIMIT_IMAP_LOGIN &&
	    imap_drain(s, err) < 0)
		return -1;
	if (note(s, c, effect, err) < 0)
		return -1;
	if (s->forwarded_count == 1)
		s->forwarded_octets = 0;
	s->forwarded_octets += t->len;

	int rc = imap_send_text(s, t->data, t->len, NULL, c->tag, err);

	if (rc <= 0)
		return rc;
	return net_stream_write(s->server, "\r\n", 2, err);
}
