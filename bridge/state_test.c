/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "state.h"

enum { PATH_SIZE = 4096, LONGEST = 174 };

static void
check(const char *address, const char *expected)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	struct err err = { 0 };

	assert_int_equal(
	    state_put_path("/s", "sent", address, &path, &err), 0);
	assert_string_equal((const char *)path.data, expected);
}

static void
test_path(void **state)
{
	(void)state;
	check("ann@x.example", "/s/sent-ann@x.example");
	check("a/b=c~@x.example", "/s/sent-a%2Fb%3Dc%7E@x.example");
	check("\xc3\xa9@x.example", "/s/sent-%C3%A9@x.example");
}

/* "sent-ADDRESS=PRINT=XXXXXX.eml" is as long as a name may be, never longer. */
static void
test_long(void **state)
{
	char longest[LONGEST + 1], longer[LONGEST + 2], expected[300];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[LONGEST] = '\0';
	(void)snprintf(expected, sizeof expected, "/s/sent-%s", longest);
	check(longest, expected);
	memset(longer, 'a', sizeof longer);
	longer[LONGEST + 1] = '\0';
	check(longer,
	    "/s/sent-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~"
	    "011b49dc68918e993625cc2f7427f873be6c0331604b30c5a1b61bd18a91b90b");
	longer[LONGEST] = 'b';
	check(longer,
	    "/s/sent-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~"
	    "4994805ede97f6cd0a16fa3f066272d991f0ce9cfb88660bb50fbf25e18695eb");
}

/* Three characters for an octet: the hash is of what stands in the name. */
static void
test_long_escaped(void **state)
{
	char address[64 + sizeof "@x.example"];

	(void)state;
	memset(address, '/', 64);
	memcpy(address + 64, "@x.example", sizeof "@x.example");
	check(address,
	    "/s/sent-%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%2F%~"
	    "631137b7388d293ac72124a8366bad0fb0845bbcdeef4494731bd77f2e6c5f54");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_long_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
