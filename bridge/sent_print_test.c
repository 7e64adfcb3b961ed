/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sent.h"

#define HEAD "From: a\r\nMessage-ID: <1@x>\r\nSubject: s\r\n"

static const char base[] = HEAD "\r\nbody\r\n\r\nend\r\n";

static const struct {
	const char *name, *text;
	bool same;
} cases[] = {
	{ "itself", HEAD "\r\nbody\r\n\r\nend\r\n", true },
	{ "with a Bcc", HEAD "Bcc: b\r\n\r\nbody\r\n\r\nend\r\n", true },
	{ "other fields", "message-id:\r\n <1@x>\r\n\r\nbody\r\n\r\nend\r\n",
	    true },
	{ "no line end", HEAD "\r\nbody\r\n\r\nend", true },
	{ "more line ends", HEAD "\r\nbody\r\n\r\nend\r\n\r\n\r\n", true },
	{ "LF", "Message-ID: <1@x>\n\nbody\n\nend\n", true },
	{ "another id", "Message-ID: <2@x>\r\n\r\nbody\r\n\r\nend\r\n",
	    false },
	{ "another body", HEAD "\r\nbody\r\nend\r\n", false },
	{ "another end", HEAD "\r\nbody\r\n\r\nend.\r\n", false },
	{ "second id counts not", HEAD "Message-ID: <2@x>\r\n\r\nbody\r\n"
	                               "\r\nend\r\n", true },
};

static struct crypt *engine;
static const uint8_t key[SENT_PRINT_LEN] = { 1, 2, 3 };

/* Fed in steps. */
static int
print_of(const char *text, size_t step, uint8_t out[SENT_PRINT_LEN])
{
	cleanup(sent_printer_free) struct sent_printer *p = NULL;
	size_t n = strlen(text);

	assert_int_equal(sent_printer_keyed(engine, key, &p, NULL), 0);
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(sent_printer_feed(p, text + at,
		                     n - at < step ? n - at : step, NULL),
		    0);
	return sent_printer_finish(p, out, NULL);
}

static void
test_cases(void **state)
{
	uint8_t wanted[SENT_PRINT_LEN], is[SENT_PRINT_LEN];

	(void)state;
	assert_int_equal(print_of(base, sizeof base, wanted), 1);
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t step = 1; step < 40; step++) {
			assert_int_equal(
			    print_of(cases[i].text, step, is), 1);
			if ((memcmp(is, wanted, sizeof is) == 0) !=
			    cases[i].same)
				fail_msg("%s, step %zu", cases[i].name, step);
		}
}

static void
test_no_id(void **state)
{
	uint8_t out[SENT_PRINT_LEN];

	(void)state;
	assert_int_equal(print_of("From: a\r\n\r\nMessage-ID: <1@x>\r\n", 5,
	                     out),
	    0);
	assert_int_equal(print_of("Message-ID: \r\n\r\n", 5, out), 0);
	assert_int_equal(print_of("", 5, out), 0);
	assert_int_equal(print_of("Message-ID: <1@x>\r\n", 5, out), 1);
	assert_int_equal(print_of("Message-ID: <1@x>", 5, out), 1);
}

static int
open_crypt(void **state)
{
	(void)state;
	return crypt_open(&engine, NULL);
}

static int
close_crypt(void **state)
{
	(void)state;
	crypt_close(&engine);
	return 0;
}

static void
test_key(void **state)
{
	static const uint8_t other[SENT_PRINT_LEN] = { 1, 2, 4 };
	cleanup(sent_printer_free) struct sent_printer *p = NULL;
	uint8_t with[SENT_PRINT_LEN], without[SENT_PRINT_LEN];

	(void)state;
	assert_int_equal(print_of(HEAD "\r\nx\r\n", 1, with), 1);
	assert_int_equal(sent_printer_keyed(engine, other, &p, NULL), 0);
	assert_int_equal(sent_printer_feed(p, HEAD "\r\nx\r\n",
	                     strlen(HEAD "\r\nx\r\n"), NULL),
	    0);
	assert_int_equal(sent_printer_finish(p, without, NULL), 1);
	assert_memory_not_equal(with, without, SENT_PRINT_LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_no_id),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
