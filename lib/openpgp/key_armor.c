/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/key_armor.h"

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "openpgp/crc24.h"

enum { CRC_CHARACTERS = 4 };

enum place { OUTSIDE, IN_HEADERS, IN_DATA, AFTER_CRC, BEHIND };

struct reader {
	bool is_private; /* which kind of key is wanted */
	enum place place;
	size_t line;
	struct buf base64;
	struct buf *out;
	bool has_crc;
	uint32_t crc;
};

struct line {
	const char *text;
	size_t len;
};

static bool
begins_with(const struct line *l, const char *prefix)
{
	size_t n = strlen(prefix);

	return l->len >= n && memcmp(l->text, prefix, n) == 0;
}

static bool
is(const struct line *l, const char *text)
{
	return l->len == strlen(text) && begins_with(l, text);
}

static const char secret_key[] =
    "this is a secret key: never give it to a server; export the public one "
    "with gpg --export";

static int
too_large(struct err *err)
{
	return err_set(err, ERR_PERM,
	    "too large for a key: more than %d octets", LIMIT_CERTIFICATE);
}

static int
check_kind(const struct reader *r, const struct line *l, struct err *err)
{
	if (r->is_private)
		return is(l, "-----BEGIN PGP PRIVATE KEY BLOCK-----")
		    ? 0
		    : err_set(err, ERR_PERM,
		          "line %zu: \"%.*s\" does not begin a private key",
		          r->line, (int)(l->len < 60 ? l->len : 60), l->text);
	if (begins_with(l, "-----BEGIN PGP PRIVATE KEY BLOCK") ||
	    begins_with(l, "-----BEGIN PGP SECRET KEY BLOCK"))
		return err_set(
		    err, ERR_PERM, "line %zu: %s", r->line, secret_key);
	if (!is(l, "-----BEGIN PGP PUBLIC KEY BLOCK-----"))
		return err_set(err, ERR_PERM,
		    "line %zu: \"%.*s\" does not begin a public key", r->line,
		    (int)(l->len < 60 ? l->len : 60), l->text);
	return 0;
}

static int
on_begin(struct reader *r, const struct line *l, struct err *err)
{
	if (check_kind(r, l, err) < 0)
		return -1;
	if (r->place != OUTSIDE)
		return err_set(err, ERR_PERM,
		    "line %zu: a second key begins here; give one %s at a "
		    "time",
		    r->line, r->is_private ? "private key" : "certificate");
	r->place = IN_HEADERS;
	return 0;
}

static int
on_header(struct reader *r, const struct line *l, struct err *err)
{
	if (l->len == 0)
		r->place = IN_DATA;
	else if (memchr(l->text, ':', l->len) == NULL)
		return err_set(err, ERR_PERM,
		    "line %zu: the armor is damaged: an empty line should "
		    "stand before the data",
		    r->line);
	return 0;
}

static int
on_crc(struct reader *r, const struct line *l, struct err *err)
{
	uint8_t crc[3];

	if (l->len != 1 + CRC_CHARACTERS ||
	    base64_decode(l->text + 1, CRC_CHARACTERS, crc) != sizeof crc)
		return err_set(err, ERR_PERM,
		    "line %zu: the armor's checksum is damaged", r->line);
	r->crc = (uint32_t)crc[0] << 16 | (uint32_t)crc[1] << 8 | crc[2];
	r->has_crc = true;
	r->place = AFTER_CRC;
	return 0;
}

static int
on_end(struct reader *r, const struct line *l, struct err *err)
{
	struct buf *out = r->out;

	if (!is(l, r->is_private ? "-----END PGP PRIVATE KEY BLOCK-----"
	                         : "-----END PGP PUBLIC KEY BLOCK-----"))
		return err_set(err, ERR_PERM,
		    "line %zu: the armor ends with the wrong line", r->line);
	if (r->base64.len / 4 * 3 > out->limit)
		return too_large(err);
	if (buf_reserve(out, r->base64.len / 4 * 3, err) < 0)
		return -1;

	long n = base64_decode(
	    (const char *)r->base64.data, r->base64.len, out->data);

	if (n < 0)
		return err_set(err, ERR_PERM,
		    "the armor that ends in line %zu is damaged: not base64",
		    r->line);
	out->len = (size_t)n;
	if (r->has_crc && crc24(CRC24_INIT, out->data, out->len) != r->crc)
		return err_set(err, ERR_PERM,
		    "the armor that ends in line %zu is damaged: its checksum "
		    "does not match",
		    r->line);
	r->place = BEHIND;
	return 0;
}

static int
on_line(struct reader *r, const struct line *l, struct err *err)
{
	if (begins_with(l, "-----BEGIN PGP "))
		return on_begin(r, l, err);
	switch (r->place) {
	case OUTSIDE:
	case BEHIND:
		return 0;
	case IN_HEADERS:
		return on_header(r, l, err);
	case IN_DATA:
		if (begins_with(l, "="))
			return on_crc(r, l, err);
		if (begins_with(l, "-----"))
			return on_end(r, l, err);
		return buf_put(&r->base64, l->text, l->len, err);
	case AFTER_CRC:
		return l->len == 0 ? 0 : on_end(r, l, err);
	}
	return err_set(err, ERR_PERM, "unreachable");
}

/* Cuts the next line off the text, without blanks and line end behind it. */
static struct line
next_line(const char **at, const char *end)
{
	const char *start = *at;
	const char *lf = memchr(start, '\n', (size_t)(end - start));
	const char *stop = lf == NULL ? end : lf;

	*at = lf == NULL ? end : lf + 1;
	while (stop > start &&
	       (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r'))
		stop--;
	return (struct line){ .text = start, .len = (size_t)(stop - start) };
}

static int
read_text(struct reader *r, const char *text, size_t n, struct err *err)
{
	const char *end = text + n;

	while (text < end) {
		struct line l = next_line(&text, end);

		r->line++;
		if (on_line(r, &l, err) < 0)
			return -1;
	}
	if (r->place == OUTSIDE)
		return err_set(err, ERR_PERM, "%s",
		    r->is_private
		        ? "this is no private key: there is no line "
		          "\"-----BEGIN PGP PRIVATE KEY BLOCK-----\""
		        : "this is no OpenPGP certificate: neither binary nor "
		          "a line \"-----BEGIN PGP PUBLIC KEY BLOCK-----\"");
	if (r->place != BEHIND)
		return err_set(err, ERR_PERM,
		    "line %zu: the %s is cut off here: its END line is "
		    "missing",
		    r->line, r->is_private ? "private key" : "certificate");
	return 0;
}

static int
dearmor(const uint8_t *data, size_t n, bool is_private, struct buf *out,
    struct err *err)
{
	if (n == 0)
		return err_set(err, ERR_PERM, "there is no %s: empty",
		    is_private ? "private key" : "certificate");

	bool binary = (data[0] & 0x80) != 0;

	if (n > (binary ? 1 : 2) * (size_t)LIMIT_CERTIFICATE)
		return too_large(err);
	if (binary)
		return buf_put(out, data, n, err);

	struct reader r = { .is_private = is_private,
		.out = out,
		.base64 = { .limit = 2 * (size_t)LIMIT_CERTIFICATE,
			.secret = is_private } };
	int rc = read_text(&r, (const char *)data, n, err);

	buf_reset(&r.base64);
	return rc;
}

int
key_dearmor(const uint8_t *data, size_t n, struct buf *out, struct err *err)
{
	return dearmor(data, n, false, out, err);
}

int
secret_key_dearmor(
    const uint8_t *data, size_t n, struct buf *out, struct err *err)
{
	return dearmor(data, n, true, out, err);
}
