/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doveadm_tab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = { "b", "?c" };

static int
append_row(void *ctx, char *const *cells, struct err *err)
{
	char *out = ctx;

	if (strcmp(cells[0], "fail") == 0)
		return err_set(err, ERR_TEMP, "it failed");
	(void)snprintf(out + strlen(out), 200 - strlen(out), "<%s|%s>",
	    cells[0], cells[1]);
	return 0;
}

static const struct {
	const char *name, *in;
	size_t len; /* 0: as a string */
	const char *rows; /* NULL: refused */
} cases[] = {
	{ "nothing", "", 0, "" },
	{ "a header alone", "a\tb\tc\n", 0, "" },
	{ "rows", "a\tb\tc\n1\t2\t3\n\t\t\n", 0, "<2|3><|>" },
	{ "another order", "c\tb\n1\t2\n", 0, "<2|1>" },
	{ "without what may be missing", "b\n1\n", 0, "<1|>" },
	{ "without what must be there", "a\tc\n1\t2\n", 0, NULL },
	{ "escapes", "b\n\001t\001n\001r\0011\n", 0, "<\t\n\r\001|>" },
	{ "a NUL, escaped", "b\n\0010\n", 0, NULL },
	{ "an unknown escape", "b\n\001x\n", 0, NULL },
	{ "half an escape", "b\n\001\n", 0, NULL },
	{ "a NUL", "b\n1\0002\n", 6, NULL },
	{ "a row that is too short", "a\tb\n1\n", 0, NULL },
	{ "a row that is too long", "a\tb\n1\t2\t3\n", 0, NULL },
	{ "an empty line", "b\n1\n\n", 0, "<1|><|>" },
	{ "half a line", "b\n1\n2", 0, NULL },
	{ "the row is refused", "b\nfail\n", 0, NULL },
	{ "too many columns",
	    "b\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n", 0,
	    NULL },
};

static int
parse(const char *in, size_t len, char out[200])
{
	struct err err = { 0 };
	int rc;

	out[0] = '\0';
	rc = doveadm_tab_parse(in, len, names, 2, append_row, out, &err);
	assert_true(rc == 0 || err.text[0] != '\0');
	return rc;
}

static void
test_cases(void **state)
{
	char out[200];

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		size_t len = cases[i].len != 0 ? cases[i].len
					       : strlen(cases[i].in);

		print_message("%s\n", cases[i].name);
		assert_int_equal(parse(cases[i].in, len, out),
		    cases[i].rows == NULL ? -1 : 0);
		if (cases[i].rows != NULL)
			assert_string_equal(out, cases[i].rows);
	}
}

/* What is cut in a line is refused; what is cut behind one is its beginning. */
static void
test_cut_everywhere(void **state)
{
	static const char text[] = "a\tb\tc\n1\t2\t3\n4\t\001t\t6\n";
	char out[200];

	(void)state;
	for (size_t n = 1; n < sizeof text; n++)
		assert_int_equal(
		    parse(text, n, out), text[n - 1] == '\n' ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cut_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
