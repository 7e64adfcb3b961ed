/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
print(const struct table *t, bool colour, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	assert_non_null(f);
	table_print(t, f, colour);
	fclose(f);
}

static void
test_columns(void **state)
{
	static const char *const names[] = { "A", "LONGER" };
	cleanup(table_reset) struct table t = { .columns = 2 };
	char out[500];
	struct err err;

	(void)state;
	assert_int_equal(table_header(&t, names, &err), 0);
	assert_int_equal(table_put(&t, RED, "m\xc3\xbcnchen", &err), 0);
	assert_int_equal(table_putf(&t, PLAIN, &err, "%d", 7), 0);
	assert_int_equal(table_put(&t, PLAIN, "x\n\x1b[2J", &err), 0);
	assert_int_equal(table_put(&t, PLAIN, "", &err), 0);
	print(&t, false, out, sizeof out);
	assert_string_equal(out, "A        LONGER\n"
				 "m\xc3\xbcnchen  7\n"
				 "x??[2J   \n");
	print(&t, true, out, sizeof out);
	assert_non_null(
	    strstr(out, "\033[31mm\xc3\xbcnchen\033[0m  7\n"));
}

/* More than it was made for, and a row that was not finished. */
static void
test_growth(void **state)
{
	cleanup(table_reset) struct table t = { .columns = 3 };
	static char out[20000];
	size_t lines = 0;
	struct err err;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(table_putf(&t, PLAIN, &err, "%d", i), 0);
	print(&t, false, out, sizeof out);
	for (const char *p = out; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 333);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
