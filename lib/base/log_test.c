/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Standard error goes into a file while fn runs. */
static void
capture(void (*fn)(void), char *out, size_t size)
{
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	fn();
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(f);
	out[fread(out, 1, size - 1, f)] = '\0';
	fclose(f);
}

static void
say_all(void)
{
	log_open("milter", true);
	log_info("4bXyZ12: sealed, rcpt=<%s>, size=%d", "ann@example.org", 5);
	log_warning("slow");
	log_err("gone");
}

static void
test_levels(void **state)
{
	char out[1000], expected[1000];
	long pid = (long)getpid();

	(void)state;
	capture(say_all, out, sizeof out);
	(void)snprintf(expected, sizeof expected,
	    "sealpost/milter[%ld]: 4bXyZ12: sealed, rcpt=<ann@example.org>, "
	    "size=5\n"
	    "sealpost/milter[%ld]: warning: slow\n"
	    "sealpost/milter[%ld]: error: gone\n",
	    pid, pid, pid);
	assert_string_equal(out, expected);
}

static void
say_evil(void)
{
	log_open("milter", true);
	log_info("rcpt=<%s>", "a\nsealpost/milter[1]: sealed\r\x1b");
}

static void
test_one_line(void **state)
{
	char out[1000];

	(void)state;
	capture(say_evil, out, sizeof out);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	assert_null(strchr(out, '\r'));
	assert_null(strchr(out, '\x1b'));
}

static void
say_much(void)
{
	char text[5000];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	log_open("milter", true);
	log_warning("%s", text);
}

static void
test_long_line(void **state)
{
	char out[6000];

	(void)state;
	capture(say_much, out, sizeof out);
	assert_true(strlen(out) < 1100);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void
test_text(void **state)
{
	char out[LOG_TEXT_SIZE];
	char text[200];

	(void)state;
	assert_string_equal(log_text(out, "a\tb\nc\x7f"), "a?b?c?");
	assert_string_equal(log_text(out, ""), "");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(strlen(log_text(out, text)), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
