/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/smtp_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *in, *out;
	bool malformed;
	const char *rest; /* behind the end; NULL = it has not come */
} cases[] = {
	{ "empty", ".\r\nQUIT\r\n", "", false, "QUIT\r\n" },
	{ "lines", "a\r\nb\r\n.\r\n", "a\r\nb\r\n", false, "" },
	{ "dots undone", "..a\r\n.b\r\n...\r\n.\r\n", ".a\r\nb\r\n..\r\n",
	    false, "" },
	{ "dot within", "a.\r\n.\r\n", "a.\r\n", false, "" },
	{ "no end", "a\r\n.", "a\r\n", false, NULL },
	{ "bare LF", "a\nb\r\n.\r\n", "a\nb\r\n", true, "" },
	{ "bare CR", "a\rb\r\n.\r\n", "a\rb\r\n", true, "" },
	{ "LF.LF is no end", "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", true, "" },
	{ "LF.CRLF is no end", "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", true,
	    "" },
	{ "CR.CRLF is no end", "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n", true,
	    "" },
	{ "CRLF.LF is no end", "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", true,
	    "" },
	{ "CRLF.CR is no end", "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", true,
	    "" },
	{ "CRCRLF", "a\r\r\n.\r\n", "a\r\r\n", true, "" },
};

static void
feed_in_steps(size_t i, size_t step)
{
	cleanup(buf_reset) struct buf out = { .limit = 1000 };
	const uint8_t *in = (const uint8_t *)cases[i].in;
	size_t n = strlen(cases[i].in), at = 0, eaten;
	struct smtp_data d = { 0 };
	struct err err = { 0 };
	int rc = 0;

	while (rc == 0 && at < n) {
		size_t some = n - at < step ? n - at : step;

		rc = smtp_data_feed(&d, in + at, some, &eaten, &out, &err);
		assert_true(rc >= 0 && (rc == 1 || eaten == some));
		at += eaten;
	}
	assert_int_equal(rc, cases[i].rest != NULL);
	assert_string_equal(buf_str(&out, &err), cases[i].out);
	assert_int_equal(d.malformed, cases[i].malformed);
	if (cases[i].rest != NULL)
		assert_string_equal(cases[i].in + at, cases[i].rest);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		print_message("%s\n", cases[i].name);
		for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++)
			feed_in_steps(i, step);
	}
}

static void
test_full(void **state)
{
	cleanup(buf_reset) struct buf out = { .limit = 3 };
	struct smtp_data d = { 0 };
	struct err err = { 0 };
	size_t eaten;

	(void)state;
	assert_int_equal(smtp_data_feed(&d, (const uint8_t *)"abcd", 4, &eaten,
	                     &out, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
