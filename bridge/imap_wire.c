/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "imap_wire.h"

#include <stdarg.h>
#include <string.h>

int
imap_read(struct net_stream *s, struct imap_frame *f, enum imap_framed *what,
    struct err *err)
{
	bool fresh = !f->within && f->text.len == 0;

	for (;;) {
		const uint8_t *data;
		size_t n, eaten;
		int rc = net_stream_read(s, &data, &n, err);

		if (rc < 0)
			return -1;
		if (rc == 0 && fresh)
			return 0;
		if (rc == 0)
			return err_set(
			    err, ERR_TEMP, "%s has gone", net_stream_peer(s));
		rc = imap_frame_feed(f, data, n, &eaten, what, err);
		net_stream_ate(s, eaten);
		if (rc < 0)
			return -1;
		if (*what != IMAP_FRAME_MORE)
			return 1;
		fresh = false;
	}
}

int
imap_read_literal(struct net_stream *s, uint64_t octets, const struct sink *to,
    struct err *err)
{
	while (octets > 0) {
		const uint8_t *data;
		size_t n;
		int rc = net_stream_read(s, &data, &n, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(
			    err, ERR_TEMP, "%s has gone", net_stream_peer(s));
		if (n > octets)
			n = (size_t)octets;
		if (sink_put(to, data, n, err) < 0)
			return -1;
		net_stream_ate(s, n);
		octets -= n;
	}
	return 0;
}

static int
forget(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	(void)ctx;
	(void)data;
	(void)n;
	(void)err;
	return 0;
}

int
imap_skip_literal(struct net_stream *s, uint64_t octets, struct err *err)
{
	const struct sink nowhere = { .put = forget };

	return imap_read_literal(s, octets, &nowhere, err);
}

int
imap_keep_literal(struct net_stream *s, struct imap_frame *f, struct err *err)
{
	const struct sink text = sink_to_buf(&f->text);

	if (f->literal.octets > f->text.limit - f->text.len)
		return err_set(err, ERR_PERM, "a literal is too large");
	/* at once: growth by doubling is dear where memory is wiped */
	if (buf_reserve(&f->text, (size_t)f->literal.octets, err) < 0 ||
	    imap_read_literal(s, f->literal.octets, &text, err) < 0)
		return -1;
	imap_frame_resume(f);
	return 0;
}

static int
put_stream(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return net_stream_write(ctx, data, n, err);
}

struct sink
imap_stream_sink(struct net_stream *s)
{
	return (struct sink){ .put = put_stream, .ctx = s };
}

int
imap_say(struct net_stream *s, struct err *err, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_TEMP, "cannot format a line");
	size_t len = strlen(line);
	memcpy(line + len, "\r\n", 2);
	return net_stream_write(s, line, len + 2, err);
}
