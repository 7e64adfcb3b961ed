/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "smtp_judge.h"

#include <string.h>

#include "mail/sealed.h"

/* Octets of the physical line at p, with its line end. */
static size_t
line_length(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	return end == NULL ? n : (size_t)(end - p) + 1;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool
smtp_header_has_password(const uint8_t *header, size_t n)
{
	for (size_t at = 0; at < n;) {
		size_t len = line_length(header + at, n - at);

		while (at + len < n && is_blank(header[at + len]))
			len += line_length(header + at + len, n - at - len);
		if (sealed_text_has_password(header + at, len))
			return true;
		at += len;
	}
	return false;
}

size_t
smtp_header_end(const uint8_t *data, size_t n, size_t *from)
{
	if (n >= 2 && data[0] == '\r' && data[1] == '\n')
		return 2;
	for (size_t i = *from; i + 4 <= n; i++)
		if (memcmp(data + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	*from = n > 3 ? n - 3 : 0;
	return 0;
}
