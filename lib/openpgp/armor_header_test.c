/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/armor_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static const struct {
	const char *line;
	bool known;
} lines[] = {
	{ "Version: GnuPG v1", true },
	{ "Version: GnuPG v2.0.22 (GNU/Linux)", true },
	{ "Version: GnuPG/MacGPG2 v2.0.17 (Darwin)", true },
	{ "Version: OpenPGP.js v4.10.10", true },
	{ "Version: OpenPGP.js VERSION", true },
	{ "Version: BCPG v1.47", true },
	{ "Version: ProtonMail", true },
	{ "Version: Mailvelope v4.4.1", true },
	{ "Version: FlowCrypt 8.0.0 Gmail Encryption", true },
	{ "Version: PGP Universal 2.9.1 (Build 347)", true },
	{ "Version: Encryption Desktop 10.3.0 (Build 8741)", true },
	{ "Version: GnuPG v2 ", true },
	{ "Comment: https://openpgpjs.org", true },
	{ "Comment: https://protonmail.com", true },
	{ "Comment: GPGTools - https://gpgtools.org", true },
	{ "Comment: Using GnuPG with Thunderbird - https://www.enigmail.net/",
	    true },
	{ "Comment: Using GnuPG with Mozilla - http://enigmail.mozdev.org/",
	    true },
	{ "Comment: Seamlessly send and receive encrypted email", true },
	{ "Charset: utf-8", true },
	{ "Charset: ISO-8859-1", true },
	{ "MessageID: 0123456789abcdef0123456789abcdef", true },
	{ "", false },
	{ "Version:", false },
	{ "Version: ", false },
	{ "Version: Hello", false },
	{ "Version: GnuPG, Hello!", false },
	{ "Version: GnuPG \xe9", false },
	{ "Version: GnuPG 0123456789012345678901234567890123456789"
	  "0123456789012345678",
	    false },
	{ "version: GnuPG v1", false },
	{ "Comment: Hello", false },
	{ "Comment: The meeting is at noon", false },
	{ "Comment: https://openpgpjs.org Hello", false },
	{ "Comment: GPGTools - Hello", false },
	{ "Comment: Seamlessly send and receive encrypted email. Hello",
	    false },
	{ "Charset: utf-8 Hello", false },
	{ "MessageID: Hello world", false },
	{ "Hash: SHA256", false },
	{ "X-Note: Hello", false },
	{ "Hello", false },
};

static void
lines_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(lines); i++) {
		unsigned seen = 0;

		print_message("%s\n", lines[i].line);
		assert_int_equal(
		    armor_header_is_known((const uint8_t *)lines[i].line,
			strlen(lines[i].line), &seen),
		    lines[i].known);
	}
}

static void
nul_is_unknown(void **state)
{
	static const uint8_t line[] = "Version: GnuPG \0v1";
	unsigned seen = 0;

	(void)state;
	assert_false(armor_header_is_known(line, sizeof line - 1, &seen));
}

static void
a_key_comes_once(void **state)
{
	static const uint8_t line[] = "Version: GnuPG v1";
	static const uint8_t other[] = "Charset: utf-8";
	unsigned seen = 0;

	(void)state;
	assert_true(armor_header_is_known(line, sizeof line - 1, &seen));
	assert_true(armor_header_is_known(other, sizeof other - 1, &seen));
	assert_false(armor_header_is_known(line, sizeof line - 1, &seen));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_known),
		cmocka_unit_test(nul_is_unknown),
		cmocka_unit_test(a_key_comes_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
