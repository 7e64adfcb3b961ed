/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "smtp_ehlo.h"

#include <string.h>

#include "upstream_smtp.h"

/* CHUNKING, BINARYMIME, BURL: the message must come line by line, whole. */
static const char *const passed[] = { "SIZE", "8BITMIME", "SMTPUTF8", "DSN",
	"ENHANCEDSTATUSCODES", "LIMITS", "MT-PRIORITY", "REQUIRETLS" };

static int
put_keyword(const char *keyword, const char *value, size_t len,
    struct buf *out, struct err *err)
{
	if (buf_puts(out, keyword, err) < 0)
		return -1;
	if (len > 0 && (buf_putc(out, ' ', err) < 0 ||
	                   buf_put(out, value, len, err) < 0))
		return -1;
	return buf_putc(out, '\n', err);
}

int
smtp_ehlo_filter(const char *server, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < countof(passed); i++) {
		size_t len = 0;
		const char *value = smtp_keyword(server, passed[i], &len);

		if (value != NULL &&
		    put_keyword(passed[i], value, len, out, err) < 0)
			return -1;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* Is the decimal number a smaller than b? 0 and nothing mean no limit. */
static bool
is_smaller(const char *a, size_t a_len, const char *b, size_t b_len)
{
	for (; a_len > 0 && *a == '0'; a++)
		a_len--;
	for (; b_len > 0 && *b == '0'; b++)
		b_len--;
	if (a_len == 0 || b_len == 0)
		return a_len > 0;
	if (a_len != b_len)
		return a_len < b_len;
	return memcmp(a, b, a_len) < 0;
}

int
smtp_ehlo_common(
    const char *a, const char *b, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < countof(passed); i++) {
		size_t len = 0, other_len = 0;
		const char *value = smtp_keyword(a, passed[i], &len);
		const char *other = smtp_keyword(b, passed[i], &other_len);
		bool same = len == other_len && value != NULL &&
		    other != NULL && memcmp(value, other, len) == 0;

		if (value == NULL || other == NULL)
			continue;
		if (strcmp(passed[i], "SIZE") == 0) {
			if (is_smaller(other, other_len, value, len)) {
				value = other;
				len = other_len;
			}
		} else if (!same) {
			continue;
		}
		if (put_keyword(passed[i], value, len, out, err) < 0)
			return -1;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

int
smtp_ehlo_reply(const char *filtered, bool auth, bool starttls,
    struct buf *out, struct err *err)
{
	if (buf_puts(out, "250-sealpost-bridge\r\n250-PIPELINING\r\n", err) <
	    0)
		return -1;
	for (const char *p = filtered; *p != '\0';) {
		size_t len = strcspn(p, "\n");

		if (buf_puts(out, "250-", err) < 0 ||
		    buf_put(out, p, len, err) < 0 ||
		    buf_puts(out, "\r\n", err) < 0)
			return -1;
		p += len + (p[len] == '\n');
	}
	if ((starttls && buf_puts(out, "250-STARTTLS\r\n", err) < 0) ||
	    (auth && buf_puts(out, "250-AUTH PLAIN LOGIN\r\n", err) < 0))
		return -1;
	return buf_puts(out, "250 HELP\r\n", err);
}
