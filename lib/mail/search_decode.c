/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Content-Transfer-Encodings, as leniently as Dovecot decodes for SEARCH. */

#include "mail/search_decode.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"

enum { OCTETS_A_CALL = 8192, BLANKS_KEPT = 77 };

static int
base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Four characters, blanks not counted; fewer at the end. */
static int
decode_group(
    const uint8_t *s, size_t n, size_t *at, struct buf *out, struct err *err)
{
	uint32_t bits = 0;

	for (unsigned have = 0; have < 4 && *at < n; (*at)++) {
		int value = base64_value(s[*at]);

		if (value < 0 && is_space(s[*at]))
			continue;
		if (value < 0) {
			*at = n; /* the first other octet ends it */
			return 0;
		}
		bits = bits << 6 | (uint32_t)value;
		if (have++ == 0)
			continue;
		uint8_t octet = (uint8_t)(bits >> (8 - 2 * have));
		if (buf_putc(out, octet, err) < 0)
			return -1;
	}
	return 0;
}

int
search_decode_base64(
    const uint8_t *s, size_t n, size_t *at, struct buf *out, struct err *err)
{
	size_t end = out->len + OCTETS_A_CALL;

	while (*at < n && out->len < end)
		if (decode_group(s, n, at, out, err) < 0)
			return -1;
	return 0;
}

/* The octets of the line end at `at`; 0 none, -1 the text ends within it. */
static int
line_end(const uint8_t *s, size_t n, size_t at)
{
	if (at == n)
		return -1;
	if (s[at] == '\n')
		return 1;
	if (s[at] != '\r')
		return 0;
	if (at + 1 == n)
		return -1;
	return s[at + 1] == '\n' ? 2 : 0;
}

/* `from` up to `to`, as many blanks of it as Dovecot keeps. */
static int
put_blanks(
    const uint8_t *s, size_t from, size_t to, struct buf *out, struct err *err)
{
	size_t n = to - from > BLANKS_KEPT ? BLANKS_KEPT : to - from;

	return buf_put(out, s + from, n, err);
}

static size_t
skip_blanks(const uint8_t *s, size_t n, size_t at)
{
	while (at < n && (s[at] == ' ' || s[at] == '\t'))
		at++;
	return at;
}

/*
 * Blanks, perhaps none, and perhaps a line end: it is `newline` then. A CR that
 * ends no line is text.
 */
static int
decode_blanks(const uint8_t *s, size_t n, size_t *at, const char *newline,
    const char *before, struct buf *out, struct err *err)
{
	size_t start = *at;
	size_t behind = skip_blanks(s, n, start);
	int end = line_end(s, n, behind);

	if (end < 0) {
		*at = n;
		return 0;
	}
	*at = behind + (size_t)end;
	if (end > 0)
		return buf_puts(out, newline, err);
	if (buf_puts(out, before, err) < 0 ||
	    put_blanks(s, start, behind, out, err) < 0)
		return -1;
	if (s[behind] != '\r')
		return 0;
	(*at)++;
	return buf_putc(out, '\r', err);
}

/* At "=" */
static int
decode_escape(
    const uint8_t *s, size_t n, size_t *at, struct buf *out, struct err *err)
{
	size_t i = *at + 1;

	if (i == n || (hex_value(s[i]) >= 0 && i + 1 == n)) {
		*at = n;
		return 0;
	}
	if (hex_value(s[i]) >= 0 && hex_value(s[i + 1]) >= 0) {
		*at += 3;
		return buf_putc(out,
		    (uint8_t)(hex_value(s[i]) * 16 + hex_value(s[i + 1])), err);
	}
	*at += 1;
	return decode_blanks(s, n, at, "", "=", out, err);
}

int
search_decode_qp(
    const uint8_t *s, size_t n, size_t *at, struct buf *out, struct err *err)
{
	size_t end = out->len + OCTETS_A_CALL;

	while (*at < n && out->len < end) {
		uint8_t c = s[*at];
		int rc;

		if (c == '=') {
			rc = decode_escape(s, n, at, out, err);
		} else if (is_space(c)) {
			rc = decode_blanks(s, n, at, "\r\n", "", out, err);
		} else {
			(*at)++;
			rc = buf_putc(out, c, err);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}
