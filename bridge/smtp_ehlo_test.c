/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "smtp_ehlo.h"

static void
assert_text(const char *name, struct buf *is, const char *wanted)
{
	const char *text = buf_str(is, NULL);

	assert_non_null(text);
	if (strcmp(text, wanted) != 0)
		fail_msg("%s: expected\n%s\nis\n%s", name, wanted, text);
}

static const struct {
	const char *name, *in, *out;
} filter_cases[] = {
	{ "postfix", "PIPELINING\nSIZE 10240000\nVRFY\nETRN\n"
		     "AUTH PLAIN LOGIN SCRAM-SHA-256\nENHANCEDSTATUSCODES\n"
		     "8BITMIME\nDSN\nSMTPUTF8\nCHUNKING\n",
	    "SIZE 10240000\n8BITMIME\nSMTPUTF8\nDSN\nENHANCEDSTATUSCODES\n" },
	{ "everything else", "BINARYMIME\nBURL imap\nFUTURERELEASE 1 2\n"
			     "XCLIENT NAME\nXFORWARD\nSTARTTLS\nHELP\n"
			     "X-FUTURE\nSIZEABLE\nSIZES 1\n", "" },
	{ "other case", "size 5\n8bitMIME\n", "SIZE 5\n8BITMIME\n" },
	{ "no number", "SIZE\n", "SIZE\n" },
	{ "nothing", "", "" },
};

static void
test_filter(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(filter_cases); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(
		    smtp_ehlo_filter(filter_cases[i].in, &out, NULL), 0);
		assert_text(filter_cases[i].name, &out, filter_cases[i].out);
	}
}

static const struct {
	const char *name, *a, *b, *out;
} common_cases[] = {
	{ "same", "SIZE 5\nDSN\n", "DSN\nSIZE 5\n", "SIZE 5\nDSN\n" },
	{ "smaller", "SIZE 500\n", "SIZE 1000\n", "SIZE 500\n" },
	{ "smaller, other way", "SIZE 1000\n", "SIZE 0500\n", "SIZE 0500\n" },
	{ "same length", "SIZE 501\n", "SIZE 500\n", "SIZE 500\n" },
	{ "no limit", "SIZE 0\n", "SIZE 500\n", "SIZE 500\n" },
	{ "no number", "SIZE 500\n", "SIZE\n", "SIZE 500\n" },
	{ "one has it", "DSN\n8BITMIME\n", "SMTPUTF8\n8BITMIME\n",
	    "8BITMIME\n" },
	{ "differs", "LIMITS RCPTMAX=5\n", "LIMITS RCPTMAX=6\n", "" },
	{ "masked", "CHUNKING\n", "CHUNKING\n", "" },
};

static void
test_common(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(common_cases); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(smtp_ehlo_common(common_cases[i].a,
		                     common_cases[i].b, &out, NULL),
		    0);
		assert_text(common_cases[i].name, &out, common_cases[i].out);
	}
}

static void
test_reply(void **state)
{
	cleanup(buf_reset) struct buf out = { .limit = 1000 };

	(void)state;
	assert_int_equal(
	    smtp_ehlo_reply("SIZE 5\nDSN\n", true, false, &out, NULL), 0);
	assert_text("auth", &out,
	    "250-sealpost-bridge\r\n250-PIPELINING\r\n250-SIZE 5\r\n"
	    "250-DSN\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n");
	buf_clear(&out);
	assert_int_equal(smtp_ehlo_reply("", false, true, &out, NULL), 0);
	assert_text("starttls", &out,
	    "250-sealpost-bridge\r\n250-PIPELINING\r\n250-STARTTLS\r\n"
	    "250 HELP\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_common),
		cmocka_unit_test(test_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
