/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/encoded_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *name, *in, *out;
} words[] = {
	{ "nothing", "", "" },
	{ "plain", " Hello, world", " Hello, world" },
	{ "unfolds", "Hello,\r\n world", "Hello, world" },
	{ "raw octets stay", "caf\xe9 \xc3\xa9", "caf\xe9 \xc3\xa9" },
	{ "q", "=?utf-8?Q?caf=C3=A9_=3D?=", "caf\xc3\xa9 =" },
	{ "b", "=?UTF-8?b?Y2Fmw6k=?=", "caf\xc3\xa9" },
	{ "b without padding", "=?UTF-8?b?Y2Fmw6k?=", "caf\xc3\xa9" },
	{ "b of two, padded", "=?utf-8?B?YQ==Yg==?=", "ab" },
	{ "b with blanks inside", "=?utf-8?B?Y2\r\n Fm?=", "caf" },
	{ "latin 1", "=?iso-8859-1?q?caf=E9?=", "caf\xc3\xa9" },
	{ "language", "=?iso-8859-1*fr?q?caf=E9?=", "caf\xc3\xa9" },
	{ "utf-7", "=?utf-7?q?caf+AOk-?=", "caf\xc3\xa9" },
	{ "utf-7, old name",
	    "=?unicode-1-1-utf-7?q?caf+AOk-?=", "caf\xc3\xa9" },
	{ "utf-16 with mark", "=?utf-16?b?/v8AYQDp?=", "a\xc3\xa9" },
	{ "utf-16 big", "=?utf-16?b?AGEA6Q==?=", "a\xc3\xa9" },
	{ "utf-16 little", "=?utf-16?b?YQDpAA==?=", "a\xc3\xa9" },
	{ "iso-2022-jp", "=?iso-2022-jp?b?GyRCJDMbKEI=?=", "\xe3\x81\x93" },
	{ "shift_jis", "=?shift_jis?q?=82=B1?=", "\xe3\x81\x93" },
	{ "held back", "=?euc-jisx0213?q?=A4=AB?=", "\xe3\x81\x8b" },
	{ "adjacent", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab" },
	{ "adjacent, folded", "=?utf-8?q?a?=\r\n\t =?utf-8?b?Yg==?=", "ab" },
	{ "no blank between", "=?utf-8?q?a?==?utf-8?q?b?=", "ab" },
	{ "half a character each",
	    "=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9" },
	{ "word, text, word", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c" },
	{ "inside a token", "Re:=?utf-8?q?a?=!", "Re:a!" },
	{ "blank in q", "=?utf-8?q?a b?=", "a b" },
	{ "begins with an escape", "=?utf-8?q?=61b?=", "ab" },
	{ "bad escape", "=?utf-8?q?=6x=?=", "=6x=" },
	{ "unknown charset", "=?x-none?q?a=E9?=", "a\xe9" },
	{ "octets that do not convert", "=?iso-8859-3?q?a=A5b?=",
	    "a\xa5"
	    "b" },
	{ "cut at the end", "=?utf-16be?b?AGEB?=", "a\x01" },
	{ "slash in charset",
	    "=?utf-8//IGNORE?q?a?=", "=?utf-8//IGNORE?q?a?=" },
	{ "long charset",
	    "=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?q?a?=",
	    "=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?q?a?=" },
	{ "other encoding", "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
	{ "no charset", "=??q?a?=", "=??q?a?=" },
	{ "not closed", "=?utf-8?q?a", "=?utf-8?q?a" },
	{ "empty text",
	    "=?utf-8?q?"
	    "?=x",
	    "x" },
};

static void
words_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(words); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };
		struct err err = { 0 };
		bool complete = false;

		print_message("%s\n", words[i].name);
		assert_int_equal(
		    encoded_words_decode((const uint8_t *)words[i].in,
			strlen(words[i].in), &out, &complete, &err),
		    0);
		const char *text = buf_str(&out, &err);
		assert_non_null(text);
		assert_string_equal(text, words[i].out);
		assert_int_equal(
		    complete, strcmp(words[i].name, "unknown charset") != 0);
	}
}

/* Cut anywhere, a value is still read to its end and never grows. */
static void
cut_values_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(words); i++) {
		size_t len = strlen(words[i].in);

		for (size_t n = 0; n <= len; n++) {
			cleanup(buf_reset) struct buf out = { .limit = 1000 };
			cleanup(free_bytes) uint8_t *cut = malloc(n + 1);
			bool complete;

			memcpy(cut, words[i].in, n);
			cut = realloc(cut, n > 0 ? n : 1);
			assert_int_equal(
			    encoded_words_decode(cut, n, &out, &complete, NULL),
			    0);
			assert_true(out.len <= n * 3);
		}
	}
}

static void
limit_is_kept(void **state)
{
	static const char in[] = "=?utf-8?q?abcdef?=";
	cleanup(buf_reset) struct buf out = { .limit = 5 };
	struct err err = { 0 };
	bool complete;

	(void)state;
	assert_int_equal(encoded_words_decode((const uint8_t *)in, strlen(in),
			     &out, &complete, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
}

static const struct {
	const char *in, *out;
} q_texts[] = {
	{ "", "" },
	{ "a_b", "a b" },
	{ "=3d=3D=5F", "==_" },
	{ "=", "=" },
	{ "=6", "=6" },
	{ "=6x=g1==61", "=6x=g1=a" },
	{ "a b?=", "a b?=" },
};

static void
q_is_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(q_texts); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 100 };
		const char *in = q_texts[i].in;

		assert_int_equal(encoded_word_q((const uint8_t *)in,
				     strlen(in), &out, NULL),
		    0);
		assert_string_equal(buf_str(&out, NULL), q_texts[i].out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(cut_values_are_bounded),
		cmocka_unit_test(limit_is_kept),
		cmocka_unit_test(q_is_decoded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
