/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/search_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mail/search_decode.h"
#include "mail/structure.h"

static const struct {
	const char *name, *in, *out;
} folds[] = {
	{ "nothing", "", "" },
	{ "ASCII", "aZ1 \r\n", "AZ1 \r\n" },
	{ "decomposed", "\xc3\xa9\xc3\x84",
	    "E\xcc\x81"
	    "A\xcc\x88" },
	{ "compatible", "\xef\xac\x81", "fi" },
	{ "sharp s", "\xc3\x9f", "\xc3\x9f" },
	{ "Hangul", "\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab" },
	{ "digraph", "\xc7\x86", "\xc7\x85" },
	{ "no UTF-8",
	    "a\xff\xfe"
	    "b\xc3",
	    "A\xef\xbf\xbd"
	    "B\xef\xbf\xbd" },
};

static const struct {
	const char *name, *in, *out;
} words[] = {
	{ "none", "a =? b", "A =? B" },
	{ "q", "=?utf-8?q?a=C3=A9_?=", "AE\xcc\x81 " },
	{ "b", "=?iso-8859-1?B?5A==?=", "A\xcc\x88" },
	{ "blanks between go", "x =?utf-8?q?a?= \t=?utf-8?q?b?= y", "X AB Y" },
	{ "charset is not known", "=?x-none?q?a=C3=A9?=", "a\xc3\xa9" },
	{ "encoding is not known", "=?utf-8?x?a?=", "=?UTF-8?X?A?=" },
	{ "cut", "=?utf-8?q?a?", "=?UTF-8?Q?A?" },
	{ "cut escape", "=?utf-8?q?a=4?=", "A=4" },
};

static const struct {
	const char *name, *in, *base64, *qp;
} encodings[] = {
	{ "nothing", "", "", "" },
	{ "letters", "YWJj", "abc", "YWJj" },
	{ "padded", "YQ==", "a", "YQ=" },
	{ "in lines", "YW\r\nJj", "abc", "YW\r\nJj" },
	{ "ends at another octet", "YWJj*YWJj", "abc", "YWJj*YWJj" },
	{ "a group is not complete", "YWJ", "ab", "YWJ" },
	{ "escape", "=41=e4b", "",
	    "A\xe4"
	    "b" },
	{ "soft line end", "a= \t\r\nb=\nc", "", "abc" },
	{ "blanks at a line's end", "a \t\r\nb  c\n", "i\xb7",
	    "a\r\nb  c\r\n" },
	{ "no escape", "a=xb=4", "", "a=xb" },
	{ "CR alone", "a\rb= \rc", "i", "a\rb= \rc" },
};

static void
assert_text(const struct buf *out, const char *expected, const char *name)
{
	if (out->len == strlen(expected) &&
	    (out->len == 0 || memcmp(out->data, expected, out->len) == 0))
		return;
	fail_msg("%s: \"%.*s\", expected \"%s\"", name, (int)out->len,
	    (const char *)out->data, expected);
}

static void
text_is_folded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(folds); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(
		    search_fold(folds[i].in, strlen(folds[i].in), &out, NULL),
		    0);
		assert_text(&out, folds[i].out, folds[i].name);
	}
}

static void
words_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(words); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(search_fold_words(words[i].in,
				     strlen(words[i].in), &out, NULL),
		    0);
		assert_text(&out, words[i].out, words[i].name);
	}
}

typedef int decoder(
    const uint8_t *s, size_t n, size_t *at, struct buf *out, struct err *err);

static void
check_encoding(
    decoder *decode, const char *in, const char *expected, const char *name)
{
	cleanup(buf_reset) struct buf out = { .limit = 1000 };
	size_t n = strlen(in);

	for (size_t at = 0; at < n;)
		assert_int_equal(
		    decode((const uint8_t *)in, n, &at, &out, NULL), 0);
	assert_text(&out, expected, name);
}

static void
encodings_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(encodings); i++) {
		check_encoding(search_decode_base64, encodings[i].in,
		    encodings[i].base64, encodings[i].name);
		check_encoding(search_decode_qp, encodings[i].in,
		    encodings[i].qp, encodings[i].name);
	}
}

/* A character may be cut anywhere. */
static void
pieces_are_converted(void **state)
{
	static const struct {
		const char *charset, *in, *out;
		size_t n;
	} cases[] = {
		{ "utf-8", "a\xc3\xa9\xf0\x9f\x98\x80z",
		    "AE\xcc\x81\xf0\x9f\x98\x80Z", 8 },
		{ "utf-16le",
		    "a\0\x3d\xd8\x00\xde"
		    "b\0",
		    "A\xf0\x9f\x98\x80"
		    "B",
		    8 },
		{ "iso-2022-jp", "\x1b$B%+%J\x1b(Bx",
		    "\xe3\x82\xab\xe3\x83\x8aX", 11 },
		{ "gb2312", "\xc4\xe3\xff\xba\xc3",
		    "\xe4\xbd\xa0\xef\xbf\xbd\xe5\xa5\xbd", 5 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t step = 1; step <= cases[i].n; step++) {
			cleanup(converter_reset) struct converter c =
			    CONVERTER_NONE;
			cleanup(buf_reset) struct buf out = { .limit = 1000 };

			assert_int_equal(
			    converter_open(&c, cases[i].charset, NULL), 1);
			for (size_t at = 0; at < cases[i].n; at += step) {
				size_t left = cases[i].n - at;

				assert_int_equal(
				    converter_put(&c, cases[i].in + at,
					left < step ? left : step, &out, NULL),
				    0);
			}
			assert_text(&out, cases[i].out, cases[i].charset);
		}
	}
}

static const char message[] =
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  from \t Berlin\r\n"
    "X-Empty:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n"
    "\r\n"
    "preamble\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "=FCber a line=\r\n that goes on\r\n"
    "--b\r\n"
    "Content-Type: application/x\r\n"
    "\r\n"
    "hidden\r\n"
    "--b\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: inner\r\n"
    "\r\n"
    "inside\r\n"
    "--b--\r\n";

static const struct {
	const char *key;
	bool in_body, in_text, in_subject;
} keys[] = {
	{ "GR\xc3\x9c\xc3\x9f"
	  "e",
	    false, true, true },
	{ "gru", false, true, true },
	{ "\xc3\x9f"
	  "e from Berlin",
	    false, false, true },
	{ "\xc3\x9c"
	  "BER A",
	    true, true, false },
	{ "line that", true, true, false },
	{ "preamble", false, false, false },
	{ "hidden", false, false, false },
	{ "inner", false, true, false },
	{ "inside", true, true, false },
	{ "x-empty:", false, true, false },
	{ "quoted-printable", false, true, false },
	{ "\r\n\r\n=", false, false, false },
	{ "rfc822\r\n\r\n", false, true, false },
	{ "on\r\n--b", false, false, false },
};

static void
keys_are_found(void **state)
{
	cleanup(structure_free) struct structure *s = NULL;

	(void)state;
	assert_int_equal(
	    structure_parse(message, sizeof message - 1, &s, NULL), 0);
	for (size_t i = 0; i < countof(keys); i++) {
		cleanup(buf_reset) struct buf key = { .limit = 1000 };
		const char *text = keys[i].key;

		assert_int_equal(
		    search_fold(text, strlen(text), &key, NULL), 0);
		if (search_message(s, &key, false, NULL) != keys[i].in_body ||
		    search_message(s, &key, true, NULL) != keys[i].in_text ||
		    search_header(message, sizeof message - 1, "subject", &key,
			true, NULL) != keys[i].in_subject)
			fail_msg("%s", text);
	}
}

static void
an_empty_key_asks_for_the_field(void **state)
{
	const struct buf none = { .limit = 1 };

	(void)state;
	assert_int_equal(search_header(message, sizeof message - 1, "X-EMPTY",
			     &none, false, NULL),
	    1);
	assert_int_equal(search_header(message, sizeof message - 1, "X-None",
			     &none, false, NULL),
	    0);
}

/* Also where a long body is looked at piece by piece. */
static void
keys_lie_across_pieces(void **state)
{
	cleanup(buf_reset) struct buf key = { .limit = 100 };
	enum { LONG = 200000 };

	(void)state;
	assert_int_equal(search_fold("needle", 6, &key, NULL), 0);
	for (size_t at = 8150; at < 8200; at++) {
		cleanup(buf_reset) struct buf m = { .limit = LONG + 100 };
		cleanup(structure_free) struct structure *s = NULL;

		assert_int_equal(buf_puts(&m, "A: b\r\n\r\n", NULL), 0);
		for (size_t i = 0; i < LONG; i++)
			assert_int_equal(buf_putc(&m, 'x', NULL), 0);
		memcpy(m.data + at * 8, "needle", 6);
		assert_int_equal(structure_parse(m.data, m.len, &s, NULL), 0);
		assert_int_equal(search_message(s, &key, false, NULL), 1);
		m.data[at * 8 + 3] = 'x';
		assert_int_equal(search_message(s, &key, false, NULL), 0);
	}
}

static void
charsets_are_told(void **state)
{
	static const struct {
		const char *charset, *in;
		int rc;
	} cases[] = {
		{ "UTF-8", "\xc3\xa9", 1 },
		{ "utf-8", "\xe9", 2 },
		{ "us-ascii", "a", 1 },
		{ "iso-8859-1", "\xe9", 1 },
		{ "utf-16be", "\xd8", 2 },
		{ "x-none", "a", 0 },
		{ "", "a", 0 },
		{ "utf-16//IGNORE", "a", 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 100 };

		assert_int_equal(search_to_utf8(cases[i].charset, cases[i].in,
				     strlen(cases[i].in), &out, NULL),
		    cases[i].rc);
	}
}

static void
damaged_messages_are_searched(void **state)
{
	static const char octets[] = "-:;=?\"\\\r\n ()\xe4\xff*/Qq";
	cleanup(buf_reset) struct buf key = { .limit = 100 };
	unsigned seed = 1;

	(void)state;
	assert_int_equal(search_fold("needle", 6, &key, NULL), 0);
	for (unsigned n = 0; n < 3000; n++) {
		char damaged[sizeof message];
		cleanup(structure_free) struct structure *s = NULL;

		memcpy(damaged, message, sizeof damaged);
		for (int k = rand_r(&seed) % 8; k >= 0; k--)
			damaged[(size_t)rand_r(&seed) % sizeof damaged] =
			    octets[(size_t)rand_r(&seed) % sizeof octets];
		assert_int_equal(
		    structure_parse(damaged, sizeof damaged, &s, NULL), 0);
		assert_int_equal(search_message(s, &key, true, NULL), 0);
		assert_int_equal(search_header(damaged, sizeof damaged,
				     "Subject", &key, true, NULL),
		    0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_folded),
		cmocka_unit_test(words_are_decoded),
		cmocka_unit_test(encodings_are_decoded),
		cmocka_unit_test(pieces_are_converted),
		cmocka_unit_test(keys_are_found),
		cmocka_unit_test(an_empty_key_asks_for_the_field),
		cmocka_unit_test(keys_lie_across_pieces),
		cmocka_unit_test(charsets_are_told),
		cmocka_unit_test(damaged_messages_are_searched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
