/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Decodes by arithmetic alone: the definition, to compare with. */
static size_t
by_definition(const uint8_t s[4], size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len = s[0] < 0x80 ? 1
	    : (s[0] & 0xe0) == 0xc0 ? 2
	    : (s[0] & 0xf0) == 0xe0 ? 3
	    : (s[0] & 0xf8) == 0xf0 ? 4
				    : 0;

	if (len <= 1 || len > n)
		return len > n ? 0 : len;

	uint32_t c = (uint32_t)(s[0] - lead[len]);

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

/* All first and second octets, with followers that matter, cut anywhere. */
static void
test_all(void **state)
{
	static const uint8_t follower[] = { 0x00, 0x7f, 0x80, 0xbf, 0xc0 };

	(void)state;
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++)
			for (size_t f = 0; f < sizeof follower; f++) {
				const uint8_t s[4] = { (uint8_t)a,
					(uint8_t)b, follower[f],
					follower[f] };

				for (size_t n = 1; n <= 4; n++)
					assert_int_equal(
					    utf8_character(s, n),
					    by_definition(s, n));
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
