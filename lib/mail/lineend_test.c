/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/lineend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct lineend_case {
	const char *in;
	const char *crlf; /* what the library sees */
	enum lineend form;
};

static const struct lineend_case cases[] = {
	{ "a\nb\n", "a\r\nb\r\n", LINEEND_LF },
	{ "a\r\nb\r\n", "a\r\nb\r\n", LINEEND_CRLF },
	{ "a\nb\r\nc\n", "a\r\nb\r\r\nc\r\n", LINEEND_LF },
	{ "a\r\nb\nc\r\n", "a\r\nb\nc\r\n", LINEEND_CRLF },
	{ "\n\n", "\r\n\r\n", LINEEND_LF },
	{ "\r\n", "\r\n", LINEEND_CRLF },
	{ "no line end", "no line end", LINEEND_CRLF },
	{ "a\nb\r", "a\r\nb\r", LINEEND_LF },
	{ "a\n\r\r\n\r", "a\r\n\r\r\r\n\r", LINEEND_LF },
	{ "", "", LINEEND_CRLF },
};

static void
feed(const struct lineend_case *c, size_t step)
{
	cleanup(buf_reset) struct buf crlf = { .limit = 4096 };
	cleanup(buf_reset) struct buf back = { .limit = 4096 };
	cleanup(lineend_reset) struct lineend_filter in;
	cleanup(lineend_reset) struct lineend_filter out;
	struct err err = { 0 };
	size_t n = strlen(c->in);

	lineend_in_init(&in, sink_to_buf(&crlf));
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(lineend_in_put(&in, c->in + at,
				     n - at < step ? n - at : step, &err), 0);
	assert_int_equal(lineend_in_finish(&in, &err), 0);
	assert_int_equal(in.form, c->form);
	assert_string_equal(buf_str(&crlf, &err), c->crlf);

	lineend_out_init(&out, in.form, sink_to_buf(&back));
	for (size_t at = 0; at < crlf.len; at += step)
		assert_int_equal(lineend_out_put(&out, crlf.data + at,
				     crlf.len - at < step ? crlf.len - at
							  : step, &err), 0);
	assert_int_equal(lineend_out_finish(&out, &err), 0);
	assert_string_equal(buf_str(&back, &err), c->in);
}

static void
comes_back_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].crlf) + 1; step++)
			feed(&cases[i], step);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
