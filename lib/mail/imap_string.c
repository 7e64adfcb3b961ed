/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/imap_string.h"

#include <string.h>

/* With more than so many characters to escape a literal is shorter. */
enum { ESCAPES_MAX = 4 };

static bool
can_be_quoted(const char *s)
{
	unsigned escapes = 0;

	for (; *s != '\0'; s++) {
		if (*s == '\r' || *s == '\n' || (*s & 0x80) != 0)
			return false;
		if ((*s == '"' || *s == '\\') && ++escapes > ESCAPES_MAX)
			return false;
	}
	return true;
}

static int
put_literal(struct buf *out, const void *data, size_t n, struct err *err)
{
	if (buf_putf(out, err, "{%zu}\r\n", n) < 0)
		return -1;
	return buf_put(out, data, n, err);
}

static int
put_quoted(struct buf *out, const char *s, struct err *err)
{
	if (buf_putc(out, '"', err) < 0)
		return -1;
	for (; *s != '\0'; s++) {
		if ((*s == '"' || *s == '\\') && buf_putc(out, '\\', err) < 0)
			return -1;
		if (buf_putc(out, (uint8_t)*s, err) < 0)
			return -1;
	}
	return buf_putc(out, '"', err);
}

int
imap_put_nstring(struct buf *out, const char *s, struct err *err)
{
	if (s == NULL)
		return buf_puts(out, "NIL", err);
	return can_be_quoted(s) ? put_quoted(out, s, err)
				: put_literal(out, s, strlen(s), err);
}

int
imap_put_nstring_unfolded(struct buf *out, const char *s, struct err *err)
{
	if (s == NULL || strpbrk(s, "\r\n") == NULL)
		return imap_put_nstring(out, s, err);
	cleanup(buf_reset) struct buf line = { .limit = strlen(s) + 1 };

	for (; *s != '\0'; s++) {
		bool is_end = *s == '\r' || *s == '\n';

		if (!is_end && buf_putc(&line, (uint8_t)*s, err) < 0)
			return -1;
		if (is_end && s[1] != '\0' && strchr(" \t\r\n", s[1]) == NULL &&
		    buf_putc(&line, ' ', err) < 0)
			return -1;
	}
	const char *text = buf_str(&line, err);
	return text == NULL ? -1 : imap_put_nstring(out, text, err);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
put_squeezed(struct buf *out, const char *s, struct err *err)
{
	bool pending = false;

	for (; *s != '\0'; s++) {
		if (is_space(*s)) {
			pending = out->len > 0;
			continue;
		}
		if (pending && buf_putc(out, ' ', err) < 0)
			return -1;
		pending = false;
		if (buf_putc(out, (uint8_t)*s, err) < 0)
			return -1;
	}
	return 0;
}

static bool
is_plain_text(const char *s)
{
	for (; *s != '\0'; s++)
		if ((*s & 0x80) != 0 || strchr("\"\\\t\r\n", *s) != NULL)
			return false;
	return true;
}

int
imap_put_text(struct buf *out, const char *s, struct err *err)
{
	size_t n = strlen(s);
	cleanup(buf_reset) struct buf text = { .limit = n + 1 };

	if (put_squeezed(&text, s, err) < 0)
		return -1;
	if (text.len == 0)
		return buf_puts(out, "\"\"", err);
	return text.len == n && is_plain_text(s)
		   ? put_quoted(out, s, err)
		   : put_literal(out, text.data, text.len, err);
}
