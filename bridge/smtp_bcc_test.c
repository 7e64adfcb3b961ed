/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "smtp_bcc.h"

static const struct {
	const char *name, *header, *recipients, *out;
} cases[] = {
	{ "all named", "To: ann@x.example\r\ncc: Bob <bob@x.example>\r\n",
	    "ann@x.example\nBOB@x.example\n", "" },
	{ "one hidden", "To: ann@x.example\r\n",
	    "ann@x.example\neve@x.example\n", "Bcc: eve@x.example\r\n" },
	{ "two hidden", "To: ann@x.example\r\n",
	    "eve@x.example\nmal@x.example\n",
	    "Bcc: eve@x.example,\r\n mal@x.example\r\n" },
	{ "part of another", "To: joann@x.example, ann@x.example.org\r\n",
	    "ann@x.example\n", "Bcc: ann@x.example\r\n" },
	{ "folded", "To: bob@x.example,\r\n\tann@x.example\r\n",
	    "ann@x.example\n", "" },
	{ "in another field", "Subject: ann@x.example\r\nFrom: ann@x.example"
	                      "\r\n ann@x.example\r\n",
	    "ann@x.example\n", "Bcc: ann@x.example\r\n" },
	{ "client's own", "Bcc: ann@x.example\r\n", "ann@x.example\n", "" },
	{ "no header", "", "ann@x.example\n", "Bcc: ann@x.example\r\n" },
	{ "nobody", "To: ann@x.example\r\n", "", "" },
	{ "empty address", "", "\n", "" },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(smtp_bcc_put(
		                     (const uint8_t *)cases[i].header,
		                     strlen(cases[i].header),
		                     cases[i].recipients, &out, NULL),
		    0);
		const char *is = buf_str(&out, NULL);

		if (is == NULL || strcmp(is, cases[i].out) != 0)
			fail_msg("%s: \"%s\"", cases[i].name, is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
