/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_frame.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "proto/imap_response.h"

/* Where the digits of "{123+}" begin; NULL when the line ends otherwise. */
static const uint8_t *
digits_before(const uint8_t *line, const uint8_t *close)
{
	const uint8_t *at = close;

	while (at > line && at[-1] >= '0' && at[-1] <= '9')
		at--;
	return at < close && at > line && at[-1] == '{' ? at : NULL;
}

static int
number(const uint8_t *at, const uint8_t *end, uint64_t *out, struct err *err)
{
	uint64_t n = 0;

	for (; at < end; at++)
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n) ||
		    n > INT64_MAX)
			return err_set(
			    err, ERR_PROTO, "the size of a literal is absurd");
	*out = n;
	return 0;
}

int
imap_literal_announced(
    const void *data, size_t n, struct imap_literal *out, struct err *err)
{
	const uint8_t *line = data;
	const uint8_t *end = line + n, *digits;
	bool waits = true;

	if (n < 3 || end[-1] != '}')
		return 0;
	end--;
	if (end[-1] == '+' || end[-1] == '-') {
		waits = false;
		end--;
	}
	digits = digits_before(line, end);
	if (digits == NULL)
		return 0;
	*out = (struct imap_literal){ .waits = waits,
		.binary = digits - line >= 2 && digits[-2] == '~' };
	return number(digits, end, &out->octets, err) < 0 ? -1 : 1;
}

/* The first line of a response is complete: may it have literals? */
static bool
is_status(const struct buf *text)
{
	struct imap_response r;

	return imap_response_parse(text->data, text->len, &r, NULL) < 0 ||
	       r.kind != IMAP_DATA;
}

static int
end_line(struct imap_frame *f, enum imap_framed *what, struct err *err)
{
	struct buf *t = &f->text;

	if (t->len > f->line_at && t->data[t->len - 1] == '\r')
		t->len--;
	if (f->is_response && f->line_at == 0 && !f->within)
		f->no_literals = t->len == 0 || is_status(t);
	f->within = true;

	int rc = f->no_literals || t->len == f->line_at
		     ? 0
		     : imap_literal_announced(t->data + f->line_at,
			   t->len - f->line_at, &f->literal, err);

	*what = rc > 0 ? IMAP_FRAME_LITERAL : IMAP_FRAME_WHOLE;
	return rc > 0 ? buf_put(t, "\r\n", 2, err) : rc;
}

int
imap_frame_feed(struct imap_frame *f, const uint8_t *in, size_t n,
    size_t *eaten, enum imap_framed *what, struct err *err)
{
	const uint8_t *lf = n == 0 ? NULL : memchr(in, '\n', n);
	size_t some = lf == NULL ? n : (size_t)(lf - in);

	*eaten = 0;
	*what = IMAP_FRAME_MORE;
	if (some > 0 && memchr(in, '\0', some) != NULL)
		return err_set(err, ERR_PROTO, "a NUL in a line");
	if (some + 2 > f->text.limit ||
	    f->text.len > f->text.limit - some - 2 ||
	    f->text.len - f->line_at + some > LIMIT_IMAP_RESPONSE)
		return err_set(err, ERR_PROTO, "a line is too long");
	if (buf_put(&f->text, in, some, err) < 0)
		return -1;
	*eaten = lf == NULL ? some : some + 1;
	return lf == NULL ? 0 : end_line(f, what, err);
}

void
imap_frame_resume(struct imap_frame *f)
{
	f->line_at = f->text.len;
}

void
imap_frame_reset(struct imap_frame *f)
{
	buf_clear(&f->text);
	f->within = f->no_literals = false;
	f->line_at = 0;
}
