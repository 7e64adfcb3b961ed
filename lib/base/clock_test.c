/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

/* In nanoseconds, of the same clock. */
static int64_t
clock_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Never ahead of the clock, and less than a millisecond behind it. */
static void
counts_whole_milliseconds(void **state)
{
	int64_t end = clock_ms() + 5, before, ms;

	(void)state;
	do {
		before = clock_ns();
		ms = clock_ms();
		assert_true(ms >= before / 1000000);
		assert_true(ms <= clock_ns() / 1000000);
	} while (ms < end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_whole_milliseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
