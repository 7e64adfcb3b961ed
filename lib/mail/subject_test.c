/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

static const struct {
	const char *name, *in;
	bool has;
} subjects[] = {
	{ "bare", "encrypt:", true },
	{ "plain", " encrypt: hunter2", true },
	{ "upper case", " ENCRYPT: hunter2", true },
	{ "mixed case", "eNcRyPt:x", true },
	{ "blank before the colon", " encrypt : x", true },
	{ "blanks inside", " enc rypt: x", true },
	{ "tab in front", "\tencrypt: x", true },
	{ "folded", "\r\n encrypt\r\n : x", true },
	{ "reply", " Re: encrypt: x", true },
	{ "reply without blank", " re:encrypt:x", true },
	{ "counted reply", " Re[2]: encrypt: x", true },
	{ "counted reply, round", " Re(2): encrypt: x", true },
	{ "counted reply, power", " Re^3: encrypt: x", true },
	{ "blank in the prefix", " Re [2] : encrypt: x", true },
	{ "many", " Fwd: Fw: AW: WG: SV: VS: Antw: TR: RV: ENC: encrypt: x",
	    true },
	{ "another language",
	    " \xe5\x9b\x9e\xe5\xa4\x8d\xef\xbc\x9a encrypt:", true },
	{ "list tag", " [list] Re: encrypt: x", true },
	{ "encoded", "=?utf-8?q?encrypt=3A_x?=", true },
	{ "encoded in b", "=?utf-8?b?ZW5jcnlwdDogeA==?=", true },
	{ "only the word is encoded", " =?utf-8?q?encrypt?=: x", true },
	{ "partly encoded", " enc=?utf-8?q?ryp?=t: x", true },
	{ "in two words", "=?utf-8?q?enc?=\r\n =?utf-8?b?cnlwdDo=?=", true },
	{ "utf-7", "=?utf-7?q?+AGUAbg-crypt:?=", true },
	{ "utf-16", "=?utf-16?b?AGUAbgBjAHIAeQBwAHQAOg==?=", true },
	{ "utf-16 little", "=?utf-16le?b?ZQBuAGMAcgB5AHAAdAA6AA==?=", true },
	{ "encoded reply", "=?iso-8859-1?q?R=E9?=: encrypt: x", true },
	{ "soft hyphen",
	    "en\xc2\xad"
	    "crypt: x",
	    true },
	{ "zero width space",
	    "\xe2\x80\x8b"
	    "encrypt: x",
	    true },
	{ "zero width joiner", "e\xe2\x80\x8dncrypt: x", true },
	{ "byte order mark",
	    "\xef\xbb\xbf"
	    "encrypt: x",
	    true },
	{ "variation selector", "e\xef\xb8\x8fncrypt: x", true },
	{ "no-break space",
	    "\xc2\xa0"
	    "encrypt\xc2\xa0: x",
	    true },
	{ "no-break space, latin 1",
	    "\xa0"
	    "encrypt: x",
	    true },
	{ "full width", "\xef\xbd\x85ncrypt\xef\xbc\x9a x", true },
	{ "control byte", "enc\x01rypt: x", true },
	{ "unknown charset: doubt", "=?x-none?q?encrypt=3A?=", true },
	{ "unknown charset elsewhere: doubt", "a =?x-none?q?b?=", true },
	{ "word that is not closed: doubt", " =?utf-8?q?encrypt", true },
	{ "word of unknown encoding: doubt", " Re: =?utf-8?x?encrypt?=", true },
	{ "empty", "", false },
	{ "blank", " ", false },
	{ "no colon", " encrypt this", false },
	{ "in the middle", " please encrypt: x", false },
	{ "behind a sentence",
	    " Minutes of the meeting of Tuesday: encrypt: yes", false },
	{ "longer word", " encrypted: x", false },
	{ "another word", " decrypt: x", false },
	{ "prefix without colon", " Re encrypt: x", false },
	{ "only prefixes", " Re: Re: Re:", false },
	{ "tag not closed", " [list encrypt: x", false },
	{ "usual", " Re: Lunch?", false },
	{ "usual, encoded", "=?utf-8?q?Caf=C3=A9?=", false },
};

static void
passwords_are_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(subjects); i++) {
		print_message("%s\n", subjects[i].name);
		assert_int_equal(
		    sealed_subject_has_password((const uint8_t *)subjects[i].in,
			strlen(subjects[i].in)),
		    subjects[i].has);
	}
}

static void
nul_does_not_hide(void **state)
{
	static const uint8_t in[] = "\0encr\0ypt: x";

	(void)state;
	assert_true(sealed_subject_has_password(in, sizeof in - 1));
}

static void
too_long_is_doubt(void **state)
{
	cleanup(free_bytes) uint8_t *in = malloc(LIMIT_SUBJECT + 1);

	(void)state;
	memset(in, 'a', LIMIT_SUBJECT + 1);
	assert_false(sealed_subject_has_password(in, 2000));
	assert_true(sealed_subject_has_password(in, LIMIT_SUBJECT + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_noticed),
		cmocka_unit_test(nul_does_not_hide),
		cmocka_unit_test(too_long_is_doubt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
