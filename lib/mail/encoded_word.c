/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/encoded_word.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"

enum { CHARSET_SIZE = 41, WORD_TEXT_MAX = 8192 };

/* =?charset?encoding?text?= */
struct word {
	char charset[CHARSET_SIZE];
	char encoding; /* 'b' or 'q' */
	const uint8_t *text;
	size_t text_len;
	size_t len; /* all of it */
};

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Only what charset names are made of: iconv_open() gives '/' a meaning. */
static bool
is_charset_octet(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr("-_.:+", c));
}

/* The charset at s; a language (RFC 2231) behind it is skipped. 0 = none. */
static size_t
parse_charset(const uint8_t *s, size_t n, char out[CHARSET_SIZE])
{
	size_t i = 0;

	while (i < n && i < CHARSET_SIZE - 1 && is_charset_octet(s[i])) {
		out[i] = (char)s[i];
		i++;
	}
	out[i] = '\0';
	if (i > 0 && i < n && s[i] == '*')
		while (i < n && s[i] != '?' && !is_blank(s[i]))
			i++;
	return i;
}

static bool
parse_word(const uint8_t *s, size_t n, struct word *w)
{
	if (n < 8 || s[0] != '=' || s[1] != '?')
		return false;
	size_t i = 2 + parse_charset(s + 2, n - 2, w->charset);

	if (i == 2 || n - i < 5 || s[i] != '?' || s[i + 2] != '?')
		return false;
	w->encoding = (char)(s[i + 1] | 0x20);
	if (w->encoding != 'b' && w->encoding != 'q')
		return false;
	w->text = s + i + 3;
	size_t room = n - i - 3 < WORD_TEXT_MAX ? n - i - 3 : WORD_TEXT_MAX;
	const uint8_t *end = memmem(w->text, room, "?=", 2);
	if (end == NULL)
		return false;
	w->text_len = (size_t)(end - w->text);
	w->len = (size_t)(end + 2 - s);
	return true;
}

int
encoded_word_q(const uint8_t *text, size_t n, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text[i] == '_' ? ' ' : text[i];

		if (c == '=' && n - i > 2 && hex_value(text[i + 1]) >= 0 &&
		    hex_value(text[i + 2]) >= 0) {
			c = (uint8_t)(hex_value(text[i + 1]) * 16 +
				      hex_value(text[i + 2]));
			i += 2;
		}
		if (buf_putc(out, c, err) < 0)
			return -1;
	}
	return 0;
}

static int
base64_value(uint8_t c)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(alphabet, c);

	return at == NULL ? -1 : (int)(at - alphabet);
}

/* Skips what is not base64; padding in the middle starts a new group. */
static int
decode_b(const struct word *w, struct buf *out, struct err *err)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < w->text_len; i++) {
		int value = base64_value(w->text[i]);

		if (w->text[i] == '=')
			have = 0;
		if (value < 0)
			continue;
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (buf_putc(out, (uint8_t)(bits >> have), err) < 0)
			return -1;
	}
	return 0;
}

/* UTF-16 without a byte order mark: ASCII text shows which half is zero. */
static const char *
charset_for_iconv(const char *charset, const struct buf *octets)
{
	if (strcasecmp(charset, "unicode-1-1-utf-7") == 0)
		return "UTF-7";
	if (strcasecmp(charset, "utf-16") != 0 || octets->len < 2)
		return charset;
	const uint8_t *s = octets->data;
	if ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff))
		return charset;
	return s[1] == 0 ? "UTF-16LE" : "UTF-16BE";
}

/* Some converters hold back a character that the next one may change. */
static int
put_held_back(iconv_t cd, struct buf *out, struct err *err)
{
	char piece[64];
	char *to = piece;
	size_t room = sizeof piece;

	(void)iconv(cd, NULL, NULL, &to, &room);
	return buf_put(out, piece, sizeof piece - room, err);
}

/* What cannot be converted is kept, octet by octet. */
static int
convert(iconv_t cd, const struct buf *octets, struct buf *out, struct err *err)
{
	char *in = (char *)octets->data;
	size_t left = octets->len;

	while (left > 0) {
		char piece[256];
		char *to = piece;
		size_t room = sizeof piece;
		size_t rc = iconv(cd, &in, &left, &to, &room);
		bool bad = rc == (size_t)-1 && errno != E2BIG;

		if (buf_put(out, piece, sizeof piece - room, err) < 0)
			return -1;
		if (bad && left > 0) {
			if (buf_putc(out, (uint8_t)*in, err) < 0)
				return -1;
			in++;
			left--;
		}
	}
	return put_held_back(cd, out, err);
}

static int
put_converted(const char *charset, const struct buf *octets, struct buf *out,
    bool *complete, struct err *err)
{
	if (octets->len == 0)
		return 0;
	if (strcasecmp(charset, "utf-8") == 0 ||
	    strcasecmp(charset, "us-ascii") == 0)
		return buf_put(out, octets->data, octets->len, err);

	iconv_t cd = iconv_open("UTF-8", charset_for_iconv(charset, octets));
	if (cd == (iconv_t)-1 && errno != EINVAL)
		return err_nomem(err);
	if (cd == (iconv_t)-1) {
		*complete = false;
		return buf_put(out, octets->data, octets->len, err);
	}
	int rc = convert(cd, octets, out, err);
	(void)iconv_close(cd);
	return rc;
}

static int
put_word(const struct word *w, struct buf *out, bool *complete, struct err *err)
{
	cleanup(buf_reset) struct buf octets = {
		.limit = WORD_TEXT_MAX,
		.secret = out->secret,
	};
	int rc = w->encoding == 'q'
	    ? encoded_word_q(w->text, w->text_len, &octets, err)
	    : decode_b(w, &octets, err);

	if (rc < 0)
		return -1;
	return put_converted(w->charset, &octets, out, complete, err);
}

/* Blanks between two encoded words are no part of the text. */
static size_t
blanks_before_word(const uint8_t *s, size_t n)
{
	struct word next;
	size_t blanks = 0;

	while (blanks < n && is_blank(s[blanks]))
		blanks++;
	return parse_word(s + blanks, n - blanks, &next) ? blanks : 0;
}

int
encoded_words_decode(const uint8_t *value, size_t n, struct buf *out,
    bool *complete, struct err *err)
{
	*complete = true;
	for (size_t i = 0; i < n;) {
		struct word w;

		if (parse_word(value + i, n - i, &w)) {
			if (put_word(&w, out, complete, err) < 0)
				return -1;
			i += w.len;
			i += blanks_before_word(value + i, n - i);
			continue;
		}
		uint8_t c = value[i++];
		if (c != '\r' && c != '\n' && buf_putc(out, c, err) < 0)
			return -1;
	}
	return 0;
}
