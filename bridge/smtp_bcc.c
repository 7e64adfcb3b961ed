/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "smtp_bcc.h"

#include <string.h>
#include <strings.h>

static bool
is_destination(const uint8_t *field, size_t n)
{
	static const char *const names[] = { "To:", "Cc:", "Bcc:" };

	for (size_t i = 0; i < countof(names); i++)
		if (n >= strlen(names[i]) &&
		    strncasecmp((const char *)field, names[i],
		        strlen(names[i])) == 0)
			return true;
	return false;
}

/* Could the octet be part of an address? */
static bool
goes_on(uint8_t c)
{
	return c > 0x7f || (c >= '0' && c <= '9') ||
	    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    memchr("!#$%&'*+-/=?^_`{|}~.@", c, 21) != NULL;
}

static bool
names_address(const uint8_t *field, size_t n, const char *address, size_t len)
{
	for (size_t i = 0; len > 0 && i + len <= n; i++)
		if (strncasecmp((const char *)field + i, address, len) == 0 &&
		    (i == 0 || !goes_on(field[i - 1])) &&
		    (i + len == n || !goes_on(field[i + len])))
			return true;
	return false;
}

static bool
header_names(const uint8_t *header, size_t n, const char *address, size_t len)
{
	bool inside = false;

	for (size_t at = 0, line; at < n; at += line) {
		const uint8_t *end = memchr(header + at, '\n', n - at);

		line = end == NULL ? n - at : (size_t)(end - header) + 1 - at;
		if (header[at] != ' ' && header[at] != '\t')
			inside = is_destination(header + at, line);
		if (inside && names_address(header + at, line, address, len))
			return true;
	}
	return false;
}

int
smtp_bcc_put(const uint8_t *header, size_t n, const char *recipients,
    struct buf *out, struct err *err)
{
	bool any = false;

	for (const char *p = recipients; *p != '\0';) {
		size_t len = strcspn(p, "\n");

		if (len > 0 && !header_names(header, n, p, len)) {
			if (buf_puts(out, any ? ",\r\n " : "Bcc: ", err) < 0 ||
			    buf_put(out, p, len, err) < 0)
				return -1;
			any = true;
		}
		p += len + (p[len] == '\n');
	}
	return any ? buf_puts(out, "\r\n", err) : 0;
}
