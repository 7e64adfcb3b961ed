/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static const struct {
	const char *set;
	uint32_t in[6], out[6];
} cases[] = {
	{ "1", { 1 }, { 1, 2 } },
	{ "1:3", { 2, 3, 1 }, { 1, 2, 3, 4 } },
	{ "3:1,2", { 2, 3, 1 }, { 4, 2 } },
	{ "7,1:2,9:10,2:4", { 7, 1, 3, 4, 9, 10 }, { 5, 6, 8, 11 } },
	{ "1,1,1", { 1 }, { 1 } },
	{ "5:*", { 5, UINT32_MAX, 1 }, { 1, 4 } },
	{ "*", { 12 }, { 12 } },
	{ "4294967295:5", { 9, 3 }, { 3 } },
	{ "$", { 1, 1, 77 }, { 0 } },
};

/* Those that are in it, one after another; then those that are not. */
static void
test_members(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(imap_members_reset) struct imap_members m = { 0 };

		assert_int_equal(imap_members_init(&m, cases[i].set,
				     strlen(cases[i].set), NULL),
		    0);
		for (size_t k = 0; k < 6 && cases[i].in[k] != 0; k++)
			if (!imap_members_take(&m, cases[i].in[k]))
				fail_msg("%s: not %u", cases[i].set,
				    (unsigned)cases[i].in[k]);
		for (size_t k = 0; k < 6 && cases[i].out[k] != 0; k++)
			if (imap_members_take(&m, cases[i].out[k]))
				fail_msg("%s: %u", cases[i].set,
				    (unsigned)cases[i].out[k]);
	}
}

/* As many answers as the set has numbers, and no more. */
static void
test_repeated(void **state)
{
	cleanup(imap_members_reset) struct imap_members m = { 0 };
	unsigned taken = 0;

	(void)state;
	assert_int_equal(imap_members_init(&m, "1:10,5:20", 9, NULL), 0);
	for (int i = 0; i < 1000; i++)
		taken += imap_members_take(&m, 7);
	assert_int_equal(taken, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
