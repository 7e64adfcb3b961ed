/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_token.h"

#include <string.h>
#include <strings.h>

static int
malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTO, "IMAP: %s", what);
}

static int
skip_quoted(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	v->raw = c->at++;
	v->data = c->at;
	while (c->at < c->end && *c->at != '"') {
		if (*c->at == '\\')
			c->at++;
		if (c->at < c->end)
			c->at++;
	}
	if (c->at >= c->end)
		return malformed(err, "a string that does not end");
	v->len = (size_t)(c->at - v->data);
	c->at++;
	v->type = IMAP_QUOTED;
	return 1;
}

/* At "{" or "~{": "{" digits ["+" | "-"] "}" CRLF octets. */
static int
skip_literal(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	size_t n = 0;

	v->raw = c->at;
	c->at += *c->at == '~' ? 2 : 1;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		if (__builtin_mul_overflow(n, (size_t)10, &n) ||
		    __builtin_add_overflow(n, (size_t)(*c->at - '0'), &n))
			return malformed(err, "a literal's size");
	if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
		c->at++;
	if (c->end - c->at < 3 || memcmp(c->at, "}\r\n", 3) != 0)
		return malformed(err, "a literal");
	c->at += 3;
	if (n > (size_t)(c->end - c->at))
		return malformed(err, "a literal that is cut");
	v->data = c->at;
	v->len = n;
	c->at += n;
	v->type = IMAP_LITERAL;
	return 1;
}

static bool
at_literal(const struct imap_cursor *c)
{
	return c->at[0] == '{' ||
	       (c->at[0] == '~' && c->end - c->at > 1 && c->at[1] == '{');
}

static int
skip_atom(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	v->raw = v->data = c->at;
	while (c->at < c->end && strchr(" ()\"\r\n", *c->at) == NULL)
		c->at++;
	v->len = (size_t)(c->at - v->data);
	v->type = IMAP_ATOM;
	return v->len > 0 ? 1 : malformed(err, "a NUL");
}

/* A string or an atom; what begins an atom is not looked at. */
static int
skip_simple(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	int rc;

	if (*c->at == '"')
		rc = skip_quoted(c, v, err);
	else if (at_literal(c))
		rc = skip_literal(c, v, err);
	else
		rc = skip_atom(c, v, err);
	v->raw_len = (size_t)(c->at - v->raw);
	return rc;
}

/* At the "(" or "[" that opens: behind the one that closes. */
static int
skip_nested(struct imap_cursor *c, char open, char close, struct err *err)
{
	size_t depth = 0;

	while (c->at < c->end) {
		struct imap_value inner;

		if (*c->at == '"' || at_literal(c)) {
			if (skip_simple(c, &inner, err) < 0)
				return -1;
			continue;
		}
		depth += *c->at == (uint8_t)open;
		depth -= *c->at == (uint8_t)close;
		c->at++;
		if (depth == 0)
			return 1;
	}
	return malformed(err, "a parenthesis that is not closed");
}

static void
skip_blanks(struct imap_cursor *c)
{
	while (c->at < c->end && *c->at == ' ')
		c->at++;
}

bool
imap_at_end(const struct imap_cursor *c)
{
	struct imap_cursor look = *c;

	skip_blanks(&look);
	return look.at == look.end;
}

int
imap_next(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	*v = (struct imap_value){ 0 };
	skip_blanks(c);
	if (c->at == c->end)
		return 0;
	if (*c->at == ')' || *c->at == '\r' || *c->at == '\n')
		return malformed(err, "a parenthesis or line end too many");
	if (*c->at != '(')
		return skip_simple(c, v, err);
	v->type = IMAP_LIST;
	v->raw = c->at;
	if (skip_nested(c, '(', ')', err) < 0)
		return -1;
	v->raw_len = (size_t)(c->at - v->raw);
	v->data = v->raw + 1;
	v->len = v->raw_len - 2;
	return 1;
}

int
imap_next_item(struct imap_cursor *c, struct imap_value *v, struct err *err)
{
	*v = (struct imap_value){ 0 };
	skip_blanks(c);
	if (c->at == c->end)
		return 0;
	v->raw = v->data = c->at;
	while (c->at < c->end && strchr(" ()\"\r\n", *c->at) == NULL) {
		if (*c->at != '[')
			c->at++;
		else if (skip_nested(c, '[', ']', err) < 0)
			return -1;
	}
	v->len = v->raw_len = (size_t)(c->at - v->raw);
	if (v->len == 0)
		return malformed(err, "a name is missing");
	return 1;
}

bool
imap_equal(const void *data, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(data, word, n) == 0;
}

bool
imap_is(const struct imap_value *v, const char *word)
{
	return v->type == IMAP_ATOM && imap_equal(v->data, v->len, word);
}

int
imap_put_octets(const struct imap_value *v, struct buf *out, struct err *err)
{
	if (v->type == IMAP_LIST)
		return malformed(err, "a list where a string should be");
	if (v->type != IMAP_QUOTED)
		return buf_put(out, v->data, v->len, err);
	for (size_t i = 0; i < v->len; i++) {
		if (v->data[i] == '\\' && i + 1 < v->len)
			i++;
		if (buf_putc(out, v->data[i], err) < 0)
			return -1;
	}
	return 0;
}

int
imap_put_literal(const void *data, size_t n, struct buf *out, struct err *err)
{
	if (buf_putf(out, err, "{%zu}\r\n", n) < 0 ||
	    buf_put(out, data, n, err) < 0)
		return -1;

	uint8_t *end = out->data + out->len;

	for (uint8_t *at = end - n; (at = memchr(at, 0, (size_t)(end - at)));)
		*at = 0x80;
	return 0;
}

int
imap_put_string(const void *data, size_t n, struct buf *out, struct err *err)
{
	const uint8_t *s = data;

	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] >= 127)
			return imap_put_literal(data, n, out, err);
	if (buf_putc(out, '"', err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (((s[i] == '"' || s[i] == '\\') &&
			buf_putc(out, '\\', err) < 0) ||
		    buf_putc(out, s[i], err) < 0)
			return -1;
	return buf_putc(out, '"', err);
}

bool
imap_number(const void *data, size_t n, uint32_t *out)
{
	const uint8_t *s = data;
	uint64_t sum = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		sum = sum * 10 + (uint64_t)(s[i] - '0');
	}
	*out = (uint32_t)sum;
	return sum <= UINT32_MAX;
}
