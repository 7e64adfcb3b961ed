/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "smtp_judge.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "mail/sealed.h"

/* Their values cannot be text that somebody wrote as a subject. */
static const char *const structured[] = { "From", "To", "Cc", "Bcc", "Sender",
	"Reply-To", "Date", "Message-ID", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"Content-Disposition", "Received", "Return-Path", "DKIM-Signature",
	"Autocrypt", "Disposition-Notification-To", "Return-Receipt-To" };

static bool
is_structured(const uint8_t *name, size_t n)
{
	for (size_t i = 0; i < countof(structured); i++)
		if (strlen(structured[i]) == n &&
		    strncasecmp((const char *)name, structured[i], n) == 0)
			return true;
	return false;
}

/* One field with its continuation lines, or whatever stands there. */
static bool
field_has_password(const uint8_t *field, size_t n)
{
	const uint8_t *colon = memchr(field, ':', n);
	size_t name = colon == NULL ? 0 : (size_t)(colon - field);

	if (colon != NULL && is_structured(field, name))
		return false;
	if (colon != NULL &&
	    sealed_subject_has_password(colon + 1, n - name - 1))
		return true;
	return sealed_subject_has_password(field, n);
}

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
		if (field_has_password(header + at, len))
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
