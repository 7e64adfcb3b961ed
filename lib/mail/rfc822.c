/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/rfc822.h"

#include <string.h>

void
rfc822_put(struct rfc822 *l, struct buf *out, const void *data, size_t n)
{
	if (out != NULL && buf_put(out, data, n, NULL) < 0)
		l->nomem = true;
}

bool
rfc822_at(const struct rfc822 *l, char c)
{
	return l->i < l->n && l->s[l->i] == (uint8_t)c;
}

bool
rfc822_ended(const struct rfc822 *l)
{
	return l->i >= l->n;
}

static int
more(const struct rfc822 *l)
{
	return l->i < l->n ? 1 : 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
rfc822_is_atext(uint8_t c)
{
	return c > 0x20 && c != 0x7f && strchr("\"(),.:;<>@[\\]", c) == NULL;
}

/* RFC 2045 without what Dovecot lets pass: 8-bit octets and dots. */
static bool
is_token(uint8_t c)
{
	return c == '.' ||
	       (rfc822_is_atext(c) && c != '/' && c != '=' && c != '?');
}

/* A quoted pair may not hide a line end or a NUL. */
static bool
is_quoted_pair(const struct rfc822 *l)
{
	uint8_t c = l->s[l->i + 1];

	return c != '\r' && c != '\n' && c != '\0';
}

/* What a delimited text is made of: "..." or (...) or [...]. */
struct delimited {
	char open, close;
	bool nests, keeps_backslash;
};

/*
 * One octet of a delimited text; *sure is moved where everything so far is to
 * be kept even when the end is missing.
 */
static void
put_octet(struct rfc822 *l, struct buf *out, size_t first, size_t *sure)
{
	uint8_t c = l->s[l->i];

	if (out == NULL)
		return;
	if (c == '\n') {
		if (l->i > first && l->s[l->i - 1] == '\r' && out->len > *sure)
			out->len--;
		*sure = out->len;
	} else if (c == '\0') {
		rfc822_put(l, out, UTF8_REPLACEMENT, 3);
		*sure = out->len;
	} else {
		rfc822_put(l, out, &c, 1);
	}
}

/* At a backslash: eats what it quotes. -1 when that is missing. */
static int
put_quoted_pair(
    struct rfc822 *l, const struct delimited *d, struct buf *out, size_t *sure)
{
	if (l->i + 1 >= l->n) {
		l->i = l->n;
		return -1;
	}
	if (!is_quoted_pair(l) || d->keeps_backslash)
		rfc822_put(l, out, "\\", 1);
	if (!is_quoted_pair(l))
		return 0;
	if (out != NULL && !d->keeps_backslash)
		*sure = out->len;
	l->i++;
	rfc822_put(l, out, &l->s[l->i], 1);
	return 0;
}

/* The cursor is behind the opening octet; then behind the closing one. */
static int
take_delimited(struct rfc822 *l, const struct delimited *d, struct buf *out)
{
	size_t first = l->i, depth = 1;
	size_t sure = out == NULL ? 0 : out->len;

	for (; l->i < l->n; l->i++) {
		char c = (char)l->s[l->i];

		if (c == d->close && --depth == 0) {
			l->i++;
			return more(l);
		}
		if (c == d->open && !d->nests)
			break;
		if (c == d->open)
			depth++;
		if (c != '\\')
			put_octet(l, out, first, &sure);
		else if (put_quoted_pair(l, d, out, &sure) < 0)
			break;
	}
	if (out != NULL)
		out->len = sure;
	return -1;
}

static int
skip_comment(struct rfc822 *l)
{
	static const struct delimited comment = { '(', ')', true, false };

	if (l->comment != NULL)
		buf_clear(l->comment);
	l->i++;
	return take_delimited(l, &comment, l->comment);
}

int
rfc822_skip_blanks(struct rfc822 *l)
{
	while (l->i < l->n) {
		if (is_blank(l->s[l->i]))
			l->i++;
		else if (l->s[l->i] != '(')
			break;
		else if (skip_comment(l) < 0)
			return -1;
	}
	return more(l);
}

static size_t
take_while(struct rfc822 *l, bool (*wanted)(uint8_t), struct buf *out)
{
	size_t start = l->i;

	while (l->i < l->n && wanted(l->s[l->i]))
		l->i++;
	if (l->i > start)
		rfc822_put(l, out, l->s + start, l->i - start);
	return l->i - start;
}

int
rfc822_atom(struct rfc822 *l, struct buf *out)
{
	if (take_while(l, rfc822_is_atext, out) == 0)
		return -1;
	return rfc822_skip_blanks(l);
}

static bool
is_atext_or_dot(uint8_t c)
{
	return c == '.' || rfc822_is_atext(c);
}

int
rfc822_quoted(struct rfc822 *l, struct buf *out)
{
	static const struct delimited quoted = { '"', '"', false, false };

	l->i++;
	if (take_delimited(l, &quoted, out) < 0)
		return -1;
	return rfc822_skip_blanks(l);
}

int
rfc822_phrase(struct rfc822 *l, struct buf *out)
{
	if (rfc822_ended(l))
		return 0;
	if (rfc822_at(l, '.'))
		return -1;
	for (;;) {
		int rc = 1;

		if (rfc822_at(l, '"')) {
			rc = rfc822_quoted(l, out);
		} else {
			(void)take_while(l, is_atext_or_dot, out);
			rc = rfc822_skip_blanks(l);
		}
		if (rc <= 0)
			return rc;
		if (!is_atext_or_dot(l->s[l->i]) && !rfc822_at(l, '"'))
			return 1;
		rfc822_put(l, out, " ", 1);
	}
}

static int
dot_atom(struct rfc822 *l, struct buf *out)
{
	for (;;) {
		if (take_while(l, rfc822_is_atext, out) == 0)
			return -1;
		int rc = rfc822_skip_blanks(l);
		if (rc <= 0)
			return rc;
		if (!rfc822_at(l, '.'))
			return 1;
		l->i++;
		rfc822_put(l, out, ".", 1);
		if (rfc822_skip_blanks(l) <= 0)
			return -1;
	}
}

static int
domain_literal(struct rfc822 *l, struct buf *out)
{
	static const struct delimited literal = { '[', ']', false, true };

	l->i++;
	rfc822_put(l, out, "[", 1);
	if (take_delimited(l, &literal, out) < 0)
		return -1;
	rfc822_put(l, out, "]", 1);
	return rfc822_skip_blanks(l);
}

int
rfc822_domain(struct rfc822 *l, struct buf *out)
{
	l->i++;
	if (rfc822_skip_blanks(l) <= 0)
		return -1;
	return rfc822_at(l, '[') ? domain_literal(l, out) : dot_atom(l, out);
}

int
rfc822_mime_token(struct rfc822 *l, struct buf *out)
{
	(void)take_while(l, is_token, out);
	return rfc822_skip_blanks(l);
}

int
rfc822_content_type(struct rfc822 *l, struct buf *out)
{
	if (rfc822_skip_blanks(l) <= 0 || rfc822_mime_token(l, out) <= 0 ||
	    out->len == 0)
		return -1;
	size_t type_len = out->len;
	int rc = -1;

	if (rfc822_at(l, '/')) {
		l->i++;
		rfc822_put(l, out, "/", 1);
		rc =
		    rfc822_skip_blanks(l) <= 0 ? -1 : rfc822_mime_token(l, out);
	}
	if (rc < 0 || out->len == type_len + 1 ||
	    (!rfc822_ended(l) && !rfc822_at(l, ';'))) {
		buf_clear(out);
		return -1;
	}
	return rc;
}
