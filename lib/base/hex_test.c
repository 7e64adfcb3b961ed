/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/hex.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* As an octet and as a char with a sign. */
static void
every_character(void **state)
{
	static const char lower[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEF";

	(void)state;
	for (int c = SCHAR_MIN; c <= UINT8_MAX; c++) {
		const char *at = c <= 0 ? NULL : strchr(lower, c);
		int want = at == NULL ? -1 : (int)(at - lower);

		at = c <= 0 ? NULL : strchr(upper, c);
		if (at != NULL)
			want = (int)(at - upper);
		assert_int_equal(hex_value(c), want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
