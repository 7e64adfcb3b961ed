/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_set(void **state)
{
	struct err err = { .kind = ERR_NONE };

	(void)state;
	assert_int_equal(err_set(&err, ERR_PERM, "open %s", "/x"), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_string_equal(err.text, "open /x");
	assert_int_equal(err_set(NULL, ERR_PERM, "nobody asks"), -1);
	assert_int_equal(err_context(NULL, "nobody asks"), -1);
}

static void
test_control_bytes(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_PERM, "a %s", "b\r\nroot: logged in\t\x7f\x1b[2J");
	assert_string_equal(err.text, "a b??root: logged in???[2J");
	err_context(&err, "x\ny");
	assert_string_equal(err.text, "x?y: a b??root: logged in???[2J");
}

static void
test_context_keeps_kind(void **state)
{
	struct err err;

	(void)state;
	err_nomem(&err);
	assert_int_equal(err_context(&err, "file %d", 7), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text, "file 7: out of memory");
}

static void
test_too_long(void **state)
{
	char text[3 * ERR_TEXT_SIZE];
	struct err err;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&err, ERR_PERM, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
	err_context(&err, "%s", text);
	assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_control_bytes),
		cmocka_unit_test(test_context_keeps_kind),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
