/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/armor_header.h"

#include <string.h>

#include "base/cleanup.h"
#include "openpgp/cursor.h"

enum { VERSION_MAX = 64, URL_MAX = 64, CHARSET_MAX = 20, ID_MAX = 40 };

static bool
is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

/* Letters, digits, and some others; at most max of them. */
static bool
is_made_of(struct octets s, const char *others, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || strchr(others, s.p[i]) == NULL))
			return false;
	return s.n <= max;
}

static bool
skip_text(struct octets *s, const char *text)
{
	size_t len = strlen(text);

	if (s->n < len || memcmp(s->p, text, len) != 0)
		return false;
	s->p += len;
	s->n -= len;
	return true;
}

/* "GnuPG v2.0.22 (GNU/Linux)" */
static bool
is_version(struct octets s)
{
	static const char *const programs[] = {
		"APG ",
		"BCPG ",
		"Encryption Desktop ",
		"FlowCrypt ",
		"GnuPG",
		"Mailvelope ",
		"NetPGP ",
		"OpenKeychain ",
		"OpenPGP.js ",
		"PGP ",
		"PGP Desktop ",
		"ProtonMail",
		"RNP ",
		"Symantec ",
	};

	if (s.n > VERSION_MAX)
		return false;
	for (size_t i = 0; i < countof(programs); i++) {
		struct octets rest = s;

		if (skip_text(&rest, programs[i]) &&
		    is_made_of(rest, " ._+()/-", VERSION_MAX))
			return true;
	}
	return false;
}

static bool
is_url(struct octets s)
{
	if (!skip_text(&s, "https://") && !skip_text(&s, "http://"))
		return false;
	return is_made_of(s, "./-", URL_MAX);
}

/* "Using GnuPG with Thunderbird - https://www.enigmail.net/" */
static bool
is_comment(struct octets s)
{
	static const char *const names[] = {
		"GPGTools - ",
		"Using GnuPG with Icedove - ",
		"Using GnuPG with Mozilla - ",
		"Using GnuPG with SeaMonkey - ",
		"Using GnuPG with Thunderbird - ",
	};

	if (skip_text(&s, "Seamlessly send and receive encrypted email"))
		return s.n == 0;
	for (size_t i = 0; i < countof(names); i++)
		if (skip_text(&s, names[i]))
			break;
	return is_url(s);
}

static bool
is_charset(struct octets s)
{
	return is_made_of(s, "-_", CHARSET_MAX);
}

static bool
is_message_id(struct octets s)
{
	return is_made_of(s, "", ID_MAX);
}

bool
armor_header_is_known(const uint8_t *line, size_t n, unsigned *seen)
{
	static const struct {
		const char *key;
		bool (*is_known)(struct octets value);
	} keys[] = {
		{ "Version: ", is_version },
		{ "Comment: ", is_comment },
		{ "Charset: ", is_charset },
		{ "MessageID: ", is_message_id },
	};
	struct octets s = { line, n };

	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	for (unsigned i = 0; i < countof(keys); i++) {
		if (!skip_text(&s, keys[i].key))
			continue;
		bool again = (*seen & 1U << i) != 0;
		*seen |= 1U << i;
		return !again && keys[i].is_known(s);
	}
	return false;
}
