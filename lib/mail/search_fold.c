/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Case folding and charsets of SEARCH. */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "mail/encoded_word.h"
#include "mail/rfc822.h"
#include "mail/search_decode.h"
#include "mail/search_text.h"

enum {
	HANGUL_FIRST = 0xac00,
	HANGUL_LAST = 0xd7a3,
	HANGUL_T_COUNT = 28,
	HANGUL_N_COUNT = 21 * HANGUL_T_COUNT,
};

static int
put_character(ucs4_t c, struct buf *out, struct err *err)
{
	uint8_t octets[6];
	int n = u8_uctomb(octets, c, sizeof octets);

	return n < 0 ? 0 : buf_put(out, octets, (size_t)n, err);
}

static int
put_hangul(ucs4_t c, struct buf *out, struct err *err)
{
	ucs4_t s = c - HANGUL_FIRST;

	if (put_character(0x1100 + s / HANGUL_N_COUNT, out, err) < 0 ||
	    put_character(
		0x1161 + s % HANGUL_N_COUNT / HANGUL_T_COUNT, out, err) < 0)
		return -1;
	return s % HANGUL_T_COUNT == 0
		   ? 0
		   : put_character(0x11a7 + s % HANGUL_T_COUNT, out, err);
}

/*
 * Dovecot has no decompositions of characters with a titlecase of their own
 * (U+01C5), nor of those beyond the BMP into more than one.
 */
static int
fold_character(ucs4_t c, struct buf *out, struct err *err)
{
	ucs4_t title = uc_totitle(c);
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag;

	if (title < 0x80)
		return buf_putc(out, (uint8_t)title, err);
	if (title >= HANGUL_FIRST && title <= HANGUL_LAST)
		return put_hangul(title, out, err);
	int count = uc_decomposition(title, &tag, parts);
	if (count <= 0 || (count > 1 && title > 0xffff) ||
	    uc_toupper(title) != title)
		return put_character(title, out, err);
	for (int i = 0; i < count; i++)
		if (put_character(parts[i], out, err) < 0)
			return -1;
	return 0;
}

/* Once for all the octets in a row that are no UTF-8. */
static int
put_replacement(struct buf *out, struct err *err)
{
	if (out->len >= 3 &&
	    memcmp(out->data + out->len - 3, UTF8_REPLACEMENT, 3) == 0)
		return 0;
	return buf_put(out, UTF8_REPLACEMENT, 3, err);
}

/* Folded or as it is. */
static int
put_utf8(
    const uint8_t *s, size_t n, bool fold, struct buf *out, struct err *err)
{
	while (n > 0) {
		ucs4_t c = *s;
		int len = c < 0x80 ? 1 : u8_mbtoucr(&c, s, n);
		int rc = 0;

		if (len <= 0)
			rc = put_replacement(out, err);
		else if (fold)
			rc = fold_character(c, out, err);
		else
			rc = buf_put(out, s, (size_t)len, err);
		if (rc < 0)
			return -1;
		s += len <= 0 ? 1 : len;
		n -= len <= 0 ? 1 : (size_t)len;
	}
	return 0;
}

int
search_fold(const void *utf8, size_t n, struct buf *out, struct err *err)
{
	return put_utf8(utf8, n, true, out, err);
}

static bool
is_utf8(const char *charset)
{
	return strcasecmp(charset, "us-ascii") == 0 ||
	       strcasecmp(charset, "ascii") == 0 ||
	       strcasecmp(charset, "utf-8") == 0 ||
	       strcasecmp(charset, "utf8") == 0;
}

/* iconv_open() gives a slash a meaning, and an empty name. */
static bool
is_charset_name(const char *s)
{
	return *s != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-_.:+()")] == '\0';
}

/*
 * 1, 0 the charset is not known, -1 ERR_TEMP. glibc says EINVAL in some places
 * where memory was short: it is asked twice.
 */
static int
open_charset(const char *charset, iconv_t *cd, struct err *err)
{
	if (!is_charset_name(charset))
		return 0;
	for (unsigned tried = 0; tried < 2; tried++) {
		*cd = iconv_open("UTF-8", charset);
		if (*cd != (iconv_t)-1)
			return 1;
		if (errno != EINVAL)
			return err_nomem(err);
	}
	return 0;
}

int
converter_open(struct converter *c, const char *charset, struct err *err)
{
	converter_reset(c);
	return is_utf8(charset) ? 1 : open_charset(charset, &c->cd, err);
}

void
converter_reset(struct converter *c)
{
	if (c->cd != (iconv_t)-1)
		(void)iconv_close(c->cd);
	c->cd = (iconv_t)-1;
	buf_reset(&c->rest);
}

/* Octets of a character that the end of the text cuts off. */
static size_t
unfinished(const uint8_t *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		const uint8_t *start = s + n - back;
		ucs4_t c;

		if ((*start & 0xc0) == 0x80)
			continue;
		return *start >= 0xc0 && u8_mbtoucr(&c, start, back) == -2
			   ? back
			   : 0;
	}
	return 0;
}

/* Converts; *used says how much. What is invalid is replaced. */
static int
convert(iconv_t cd, const uint8_t *s, size_t n, size_t *used, struct buf *out,
    struct err *err)
{
	char piece[4096];
	char *in = (char *)(uintptr_t)s;
	size_t left = n;
	size_t invalid_at = SIZE_MAX;

	while (left > 0) {
		char *to = piece;
		size_t room = sizeof piece;
		size_t rc = iconv(cd, &in, &left, &to, &room);
		int why = rc == (size_t)-1 ? errno : 0;

		if (put_utf8((const uint8_t *)piece, sizeof piece - room, true,
			out, err) < 0)
			return -1;
		if (why == EINVAL)
			break;
		if (why != EILSEQ)
			continue;
		if (invalid_at != out->len &&
		    buf_put(out, UTF8_REPLACEMENT, 3, err) < 0)
			return -1;
		invalid_at = out->len;
		in++;
		left--;
	}
	*used = n - left;
	return 0;
}

static int
put_all(struct converter *c, const uint8_t *s, size_t n, size_t *used,
    struct buf *out, struct err *err)
{
	if (c->cd != (iconv_t)-1)
		return convert(c->cd, s, n, used, out, err);
	*used = n - unfinished(s, n);
	return put_utf8(s, *used, true, out, err);
}

/* What waits, with a few octets more that may complete it. */
static int
put_rest(struct converter *c, const uint8_t **s, size_t *n, struct buf *out,
    struct err *err)
{
	while (c->rest.len > 0 && *n > 0) {
		size_t used;

		if (c->rest.len == c->rest.limit)
			buf_clear(&c->rest);
		if (buf_putc(&c->rest, **s, err) < 0)
			return -1;
		(*s)++;
		(*n)--;
		if (put_all(c, c->rest.data, c->rest.len, &used, out, err) < 0)
			return -1;
		if (used == 0)
			continue;
		memmove(c->rest.data, c->rest.data + used, c->rest.len - used);
		c->rest.len -= used;
	}
	return 0;
}

int
converter_put(struct converter *c, const void *data, size_t n, struct buf *out,
    struct err *err)
{
	const uint8_t *s = data;
	size_t used;

	if (put_rest(c, &s, &n, out, err) < 0 || n == 0)
		return n == 0 ? 0 : -1;
	if (put_all(c, s, n, &used, out, err) < 0)
		return -1;
	size_t left = n - used;
	if (left > c->rest.limit)
		left = 0;
	return left == 0 ? 0 : buf_put(&c->rest, s + used, left, err);
}

int
search_to_utf8(const char *charset, const void *text, size_t n, struct buf *out,
    struct err *err)
{
	if (is_utf8(charset)) {
		if (n > 0 && u8_check(text, n) != NULL)
			return 2;
		return buf_put(out, text, n, err) < 0 ? -1 : 1;
	}
	iconv_t cd;
	int result = open_charset(charset, &cd, err);

	if (result != 1)
		return result;
	char *in = (char *)(uintptr_t)text;
	while (n > 0 && result == 1) {
		char piece[512];
		char *to = piece;
		size_t room = sizeof piece;
		size_t rc = iconv(cd, &in, &n, &to, &room);

		if (rc == (size_t)-1 && errno != E2BIG)
			result = 2;
		if (buf_put(out, piece, sizeof piece - room, err) < 0)
			result = -1;
	}
	(void)iconv_close(cd);
	return result;
}

/* Text in a charset that is not known is not folded. */
static int
put_word_text(const char *charset, const struct buf *text, struct buf *out,
    struct err *err)
{
	cleanup(converter_reset) struct converter c = CONVERTER_NONE;
	int rc = converter_open(&c, charset, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return put_utf8(text->data, text->len, false, out, err);
	if (c.cd == (iconv_t)-1)
		return put_utf8(text->data, text->len, true, out, err);
	return converter_put(&c, text->data, text->len, out, err);
}

/*
 * The word whose text behind "=?" is s: its octets in *len, 0 when it is none.
 * Anything may stand between the question marks.
 */
static int
decode_word(
    const uint8_t *s, size_t n, size_t *len, struct buf *out, struct err *err)
{
	const uint8_t *q[3];
	const uint8_t *at = s, *end = s + n;

	*len = 0;
	for (unsigned i = 0; i < 3; i++) {
		q[i] = at < end ? memchr(at, '?', (size_t)(end - at)) : NULL;
		if (q[i] == NULL)
			return 0;
		at = q[i] + 1;
	}
	if (at == end || *at != '=' || strchr("qQbB", q[0][1]) == NULL ||
	    q[0][1] == '\0')
		return 0;
	cleanup(free_str) char *charset =
	    strndup((const char *)s, (size_t)(q[0] - s));
	cleanup(buf_reset) struct buf text = { .limit = n };
	size_t text_len = (size_t)(q[2] - q[1]) - 1, used = 0;

	if (charset == NULL)
		return err_nomem(err);
	if ((q[0][1] | 0x20) == 'q') {
		if (encoded_word_q(q[1] + 1, text_len, &text, err) < 0)
			return -1;
	} else {
		while (used < text_len)
			if (search_decode_base64(
				q[1] + 1, text_len, &used, &text, err) < 0)
				return -1;
	}
	*len = (size_t)(at - s) + 1;
	return put_word_text(charset, &text, out, err);
}

static bool
is_blank_text(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] != ' ' && s[i] != '\t' && s[i] != '\r' && s[i] != '\n')
			return false;
	return true;
}

int
search_fold_words(const void *value, size_t n, struct buf *out, struct err *err)
{
	const uint8_t *s = value;
	size_t start = 0, at = 0;

	if (n == 0)
		return 0;
	while (at + 1 < n) {
		size_t len;

		if (s[at] != '=' || s[at + 1] != '?') {
			at++;
			continue;
		}
		if (!is_blank_text(s + start, at - start) &&
		    search_fold(s + start, at - start, out, err) < 0)
			return -1;
		start = at;
		at += 2;
		if (decode_word(s + at, n - at, &len, out, err) < 0)
			return -1;
		at += len;
		if (len > 0)
			start = at;
	}
	return search_fold(s + start, n - start, out, err);
}
