/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/address.h"

#include <errno.h>
#include <idn2.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/buf.h"
#include "base/limits.h"

enum { DOMAIN_MAX = 253, LABEL_MAX = 63, LITERAL_MAX = 255 };

static bool
is_ascii_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static uint8_t
ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
is_ascii(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 0x80)
			return false;
	return true;
}

/* Control characters, blanks of any script, and broken UTF-8. */
static int
check_text(const uint8_t *s, size_t n, struct err *err)
{
	static const uint32_t bad = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Z;

	for (size_t i = 0; i < n;) {
		ucs4_t c;
		int step = u8_mbtoucr(&c, s + i, n - i);

		if (step <= 0)
			return err_set(err, ERR_PERM, "not UTF-8");
		if (uc_is_general_category_withtable(c, bad))
			return err_set(
			    err, ERR_PERM, "a blank or control character");
		i += (size_t)step;
	}
	return 0;
}

/* RFC 5321 Dot-string; RFC 6531 adds everything that is not ASCII. */
static bool
is_dot_atom(const uint8_t *s, size_t n)
{
	if (n == 0 || s[0] == '.' || s[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && s[i + 1] == '.')
			return false;
		if (s[i] != '.' && s[i] < 0x80 && !is_ascii_alnum(s[i]) &&
		    (s[i] == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~", s[i])))
			return false;
	}
	return true;
}

static int
put_unicode_lower(const uint8_t *s, size_t n, struct buf *out, struct err *err)
{
	size_t len = 0;
	cleanup(free_bytes) uint8_t *lower =
	    u8_tolower(s, n, NULL, UNINORM_NFC, NULL, &len);

	if (lower == NULL && errno == ENOMEM)
		return err_nomem(err);
	if (lower == NULL)
		return err_set(err, ERR_PERM, "not UTF-8");
	return buf_put(out, lower, len, err);
}

static int
put_lower(const uint8_t *s, size_t n, struct buf *out, struct err *err)
{
	if (!is_ascii(s, n))
		return put_unicode_lower(s, n, out, err);
	for (size_t i = 0; i < n; i++)
		if (buf_putc(out, ascii_lower(s[i]), err) < 0)
			return -1;
	return 0;
}

/*
 * The local part at s without its quotes, in `plain`; *used is how much of s
 * it takes. "ann"@x is ann@x: a quoted way to write an account's address must
 * not lead around the account.
 */
static int
take_local(const uint8_t *s, size_t n, struct buf *plain, size_t *used,
    struct err *err)
{
	size_t i = 1;

	if (n == 0 || s[0] != '"') {
		const uint8_t *at = memchr(s, '@', n);

		*used = at == NULL ? n : (size_t)(at - s);
		return buf_put(plain, s, *used, err);
	}
	for (; i < n && s[i] != '"'; i++) {
		if (s[i] == '\\' && i + 1 < n)
			i++;
		if (buf_putc(plain, s[i], err) < 0)
			return -1;
	}
	if (i == n)
		return err_set(err, ERR_PERM, "the quote is not closed");
	*used = i + 1;
	if (!is_dot_atom(plain->data, plain->len))
		return err_set(
		    err, ERR_PERM, "a quoted local part is not supported");
	return 0;
}

/* [127.0.0.1] or [IPv6:::1], with its brackets. */
static bool
is_literal(const uint8_t *s, size_t n)
{
	if (n < 3 || n > LITERAL_MAX || s[n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < n; i++)
		if (!is_ascii_alnum(s[i]) &&
		    (s[i] == '\0' || !strchr(".:-", s[i])))
			return false;
	return true;
}

static bool
is_label(const char *s, size_t n)
{
	if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_ascii_alnum((uint8_t)s[i]) && s[i] != '-' &&
		    s[i] != '_')
			return false;
	return true;
}

static bool
is_host_name(const char *s)
{
	if (strlen(s) > DOMAIN_MAX)
		return false;
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!is_label(s, n))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static int
put_idn(const uint8_t *s, struct buf *out, struct err *err)
{
	uint8_t *ascii = NULL;
	int rc =
	    idn2_lookup_u8(s, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (rc == IDN2_MALLOC)
		return err_nomem(err);
	if (rc != IDN2_OK)
		return err_set(
		    err, ERR_PERM, "not a domain: %s", idn2_strerror(rc));
	int put = buf_puts(out, (const char *)ascii, err);
	idn2_free(ascii);
	return put;
}

/* A domain that is plain ASCII needs no mapping, but its A-labels a check. */
static bool
needs_idn(const uint8_t *s, size_t n)
{
	return !is_ascii(s, n) || strcasestr((const char *)s, "xn--") != NULL;
}

/* s[n] is NUL. */
static int
put_domain(const uint8_t *s, size_t n, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf host = { .limit = LIMIT_ADDRESS };

	if (n == 0)
		return err_set(err, ERR_PERM, "no domain");
	if (s[0] == '[' && is_literal(s, n))
		return put_lower(s, n, out, err);
	if (needs_idn(s, n) ? put_idn(s, &host, err) < 0
			    : put_lower(s, n, &host, err) < 0)
		return -1;
	if (host.len > 1 && host.data[host.len - 1] == '.')
		host.len--;
	const char *text = buf_str(&host, err);
	if (text == NULL)
		return -1;
	if (!is_host_name(text))
		return err_set(err, ERR_PERM, "not a domain");
	return buf_puts(out, text, err);
}

static int
put_address(const uint8_t *s, size_t n, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf local = { .limit = LIMIT_ADDRESS };
	size_t used = 0;

	if (take_local(s, n, &local, &used, err) < 0)
		return -1;
	if (local.len == 0)
		return err_set(err, ERR_PERM, "no local part");
	if (used == n || s[used] != '@')
		return err_set(err, ERR_PERM, "no domain");
	if (!is_dot_atom(local.data, local.len))
		return err_set(err, ERR_PERM, "not a local part");
	if (put_lower(local.data, local.len, out, err) < 0 ||
	    buf_putc(out, '@', err) < 0)
		return -1;
	return put_domain(s + used + 1, n - used - 1, out, err);
}

typedef int (*put_function)(
    const uint8_t *s, size_t n, struct buf *out, struct err *err);

/* Checks what addresses and domains have in common, and names the culprit. */
static int
normalize(put_function put, const char *text, size_t n, char out[ADDRESS_SIZE],
    struct err *err)
{
	cleanup(buf_reset) struct buf in = { .limit = LIMIT_ADDRESS };
	cleanup(buf_reset) struct buf done = { .limit = LIMIT_ADDRESS };

	if (n > LIMIT_ADDRESS)
		return err_set(
		    err, ERR_PERM, "address \"%.40s...\": too long", text);
	if (buf_put(&in, text, n, err) < 0 || buf_str(&in, err) == NULL)
		return -1;
	if (check_text(in.data, n, err) < 0 || put(in.data, n, &done, err) < 0)
		return err_context(
		    err, "address \"%.100s\"", (const char *)in.data);
	if (done.len > 0)
		memcpy(out, done.data, done.len);
	out[done.len] = '\0';
	return 0;
}

int
address_normalize(const char *text, char out[ADDRESS_SIZE], struct err *err)
{
	size_t n = strlen(text);

	if (n >= 2 && text[0] == '<' && text[n - 1] == '>')
		return normalize(put_address, text + 1, n - 2, out, err);
	return normalize(put_address, text, n, out, err);
}

int
domain_normalize(const char *text, char out[ADDRESS_SIZE], struct err *err)
{
	return normalize(put_domain, text, strlen(text), out, err);
}

int
address_strip_extension(
    const char *address, const char *delimiters, char out[ADDRESS_SIZE])
{
	const char *at = strrchr(address, '@');
	size_t local = at == NULL ? strlen(address) : (size_t)(at - address);
	size_t cut = local == 0 ? 0 : 1 + strcspn(address + 1, delimiters);
	int found = cut < local;

	if (!found)
		cut = local;
	/* normal form is shorter than ADDRESS_SIZE; be safe all the same */
	(void)snprintf(
	    out, ADDRESS_SIZE, "%.*s%s", (int)cut, address, address + local);
	return found;
}
