/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "smtp_judge.h"

#define FROM "From: Ann <ann@x.example>\r\n"

static const struct {
	const char *name, *header;
	bool has;
} cases[] = {
	{ "plain", FROM "Subject: hello\r\n", false },
	{ "begins", FROM "Subject: encrypt:pw:x\r\n", true },
	{ "no second colon", "Subject: encrypt:pw\r\n", true },
	{ "case", "SUBJECT: EnCrypt:pw:x\r\n", true },
	{ "blanks", "Subject:   encrypt :pw:x\r\n", true },
	{ "reply", "Subject: Re: encrypt:pw:x\r\n", true },
	{ "replies", "Subject: AW: Fwd: Re[2]: encrypt:pw:x\r\n", true },
	{ "folded", "Subject:\r\n encrypt:pw:x\r\n", true },
	{ "folded inside", "Subject: enc\r\n\trypt:pw:x\r\n", true },
	{ "folded at a blank line", "Subject:\r\n \r\n encrypt:pw:x\r\n",
	    true },
	{ "Q", "Subject: =?UTF-8?Q?encrypt=3AP=C3=A4ss=3AEin_?=\r\n"
	       " =?UTF-8?Q?Betreff?=\r\n", true },
	{ "B", "Subject: =?utf-8?B?ZW5jcnlwdDpwdzp4?=\r\n", true },
	{ "charset that is not known", "Subject: =?x-no?B?ZW5jcnlwdDpw?=\r\n",
	    true },
	{ "blank before the colon", "Subject : encrypt:pw:x\r\n", true },
	{ "Thread-Topic", FROM "Thread-Topic: encrypt:pw:x\r\n", true },
	{ "Comments", "Comments: encrypt:pw:x\r\n", true },
	{ "Keywords", "Keywords: Re: encrypt:pw:x\r\n", true },
	{ "X", "X-My-Subject-Of-A-Name-That-Is-Long: encrypt:pw:x\r\n",
	    true },
	{ "Content-Description", "Content-Description: encrypt:p:x\r\n",
	    true },
	{ "no field", FROM "encrypt:pw:x\r\n", true },
	{ "no field, behind one that is none", FROM "oops\r\n"
	                                             "Subject: encrypt:p:x\r\n",
	    true },
	{ "begins with a continuation", " encrypt:pw:x\r\n" FROM, true },
	{ "last line without an end", FROM "Subject: encrypt:pw:x", true },
	{ "second Subject", "Subject: a\r\nSubject: encrypt:pw:x\r\n", true },
	{ "inside", "Subject: how to encrypt: a tutorial\r\n", false },
	{ "another word", "Subject: encryption: x\r\n", false },
	{ "address", "To: encrypt:pw@x.example;\r\n", false },
	{ "charset of a name", "From: =?x-no?B?QUJD?= <a@x.example>\r\n",
	    false },
	{ "empty", "", false },
	{ "only the end", "\r\n", false },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		if (smtp_header_has_password(
		        (const uint8_t *)cases[i].header,
		        strlen(cases[i].header)) != cases[i].has)
			fail_msg("%s", cases[i].name);
}

static void
test_end(void **state)
{
	static const char text[] = "a: b\r\nc: d\r\n\r\nbody\r\n\r\n";
	size_t from = 0;

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		size_t end = smtp_header_end((const uint8_t *)text, n, &from);

		assert_int_equal(end, n < 14 ? 0 : 14);
	}
	from = 0;
	assert_int_equal(
	    smtp_header_end((const uint8_t *)"\r\nx", 3, &from), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
