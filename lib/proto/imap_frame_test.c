/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

static const struct {
	const char *name, *in;
	bool is_response;
	const char *out; /* what was gathered, each with | behind it */
	bool refused;
} cases[] = {
	{ "one", "a NOOP\r\n", false, "a NOOP|", false },
	{ "LF alone", "a NOOP\nb X\n", false, "a NOOP|b X|", false },
	{ "empty", "\r\n", false, "|", false },
	{ "not whole", "a NOOP\r\nb", false, "a NOOP|", false },
	{ "literal", "a LOGIN {3}\r\nann {2+}\r\npw\r\n", false,
	    "a LOGIN {3}\r\nann {2+}\r\npw|", false },
	{ "minus", "a X {2-}\r\n\r\n\r\n", false, "a X {2-}\r\n\r\n|", false },
	{ "LF behind it", "a X {1}\nb\n", false, "a X {1}\r\nb|", false },
	{ "none", "a X {0}\r\n\r\n", false, "a X {0}\r\n|", false },
	{ "no literal", "a X {x}\r\n", false, "a X {x}|", false },
	{ "braces", "a X {}\r\n", false, "a X {}|", false },
	{ "brace at once", "{2}\r\nab c\r\n", false, "{2}\r\nab c|", false },
	{ "absurd", "a X {99999999999999999999}\r\n", false, "", true },
	{ "beyond int64", "a X {9223372036854775808}\r\n", false, "", true },
	{ "too long",
	    "a 456789012345678901234567890123456789012345678901234567"
	    "8901234567890123456789012345678901234567890\r\n",
	    false, "", true },
	{ "response", "* 1 FETCH (BODY[] {3}\r\n)\r\n FLAGS ())\r\n", true,
	    "* 1 FETCH (BODY[] {3}\r\n)\r\n FLAGS ())|", false },
	{ "status is text", "* OK {3}\r\na BAD {5}\r\n+ {7}\r\n", true,
	    "* OK {3}|a BAD {5}|+ {7}|", false },
	{ "status ends", "* OK x\r\n* X {1}\r\n)\r\n", true,
	    "* OK x|* X {1}\r\n)|", false },
	{ "nonsense", "{3}\r\n", true, "{3}|", false },
};

/* False when it was refused. */
static bool
feed_piece(struct imap_frame *f, const uint8_t *in, size_t n, uint64_t *left,
    struct buf *out)
{
	struct err err = { 0 };

	while (n > 0) {
		enum imap_framed what;
		size_t eaten;

		if (*left > 0) {
			assert_int_equal(buf_put(&f->text, in, 1, &err), 0);
			if (--*left == 0)
				imap_frame_resume(f);
			in++;
			n--;
			continue;
		}
		if (imap_frame_feed(f, in, n, &eaten, &what, &err) < 0) {
			assert_int_equal(err.kind, ERR_PROTO);
			return false;
		}
		in += eaten;
		n -= eaten;
		if (what == IMAP_FRAME_LITERAL) {
			*left = f->literal.octets;
			if (*left == 0)
				imap_frame_resume(f);
		} else if (what == IMAP_FRAME_WHOLE) {
			assert_int_equal(
			    buf_put(out, f->text.data, f->text.len, &err), 0);
			assert_int_equal(buf_putc(out, '|', &err), 0);
			imap_frame_reset(f);
		}
	}
	return true;
}

static void
gathered_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++) {
			cleanup(buf_reset) struct buf out = { .limit = 999 };
			struct imap_frame f = { .text = { .limit = 80 },
				.is_response = cases[i].is_response };
			size_t n = strlen(cases[i].in);
			uint64_t left = 0;
			bool taken = true;

			for (size_t at = 0; taken && at < n; at += step)
				taken = feed_piece(&f,
				    (const uint8_t *)cases[i].in + at,
				    n - at < step ? n - at : step, &left, &out);
			assert_int_equal(taken, !cases[i].refused);
			assert_string_equal(buf_str(&out, NULL), cases[i].out);
			buf_reset(&f.text);
		}
}

static void
nul_is_refused(void **state)
{
	struct imap_frame f = { .text = { .limit = 80 } };
	struct err err = { 0 };
	enum imap_framed what;
	size_t eaten;

	(void)state;
	assert_int_equal(imap_frame_feed(&f, (const uint8_t *)"a\0b\r\n", 5,
			     &eaten, &what, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PROTO);
	buf_reset(&f.text);
}

/* However much the text may hold for the sake of literals. */
static void
a_line_has_a_limit(void **state)
{
	static uint8_t piece[1 << 20];
	struct imap_frame f = { .text = { .limit = SIZE_MAX / 4 },
		.is_response = true };
	enum imap_framed what;
	size_t eaten, fed = 0;

	(void)state;
	memset(piece, 'x', sizeof piece);
	while (
	    imap_frame_feed(&f, piece, sizeof piece, &eaten, &what, NULL) == 0)
		fed += eaten;
	assert_int_equal(fed, LIMIT_IMAP_RESPONSE);
	imap_frame_reset(&f);
	fed = 0;
	for (size_t i = 0; i < 40; i++) { /* literals are no part of it */
		static const uint8_t line[] = "* 1 FETCH {1048576}\n";

		assert_int_equal(imap_frame_feed(&f, line, sizeof line - 1,
				     &eaten, &what, NULL),
		    0);
		assert_int_equal(what, IMAP_FRAME_LITERAL);
		assert_int_equal(
		    buf_put(&f.text, piece, sizeof piece, NULL), 0);
		imap_frame_resume(&f);
	}
	buf_reset(&f.text);
}

static void
literals_are_known(void **state)
{
	static const struct {
		const char *line;
		int rc;
		struct imap_literal is;
	} lines[] = {
		{ "{0}", 1, { 0, true, false } },
		{ "x {310}", 1, { 310, true, false } },
		{ "x {310+}", 1, { 310, false, false } },
		{ "x {310-}", 1, { 310, false, false } },
		{ "x ~{310}", 1, { 310, true, true } },
		{ "x ~{310+}", 1, { 310, false, true } },
		{ "310}", 0, { 0 } },
		{ "{+}", 0, { 0 } },
		{ "{1+-}", 0, { 0 } },
		{ "{1} ", 0, { 0 } },
		{ "{9223372036854775807}", 1, { INT64_MAX, true, false } },
		{ "{18446744073709551617}", -1, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < countof(lines); i++) {
		struct imap_literal l = { 0 };

		assert_int_equal(imap_literal_announced(lines[i].line,
				     strlen(lines[i].line), &l, NULL),
		    lines[i].rc);
		if (lines[i].rc < 1)
			continue;
		assert_int_equal(l.octets, lines[i].is.octets);
		assert_int_equal(l.waits, lines[i].is.waits);
		assert_int_equal(l.binary, lines[i].is.binary);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathered_at_every_cut),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(a_line_has_a_limit),
		cmocka_unit_test(literals_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
