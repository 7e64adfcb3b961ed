/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Memory runs out at each allocation of a SEARCH in turn. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault_testing.h"
#include "search.h"

enum { MANY = 10000 };

static const char message[] = "Subject: a\r\n\r\nabc\r\n";

static int
get_size(void *ctx, uint64_t *octets, struct err *err)
{
	(void)ctx;
	(void)err;
	*octets = sizeof message - 1;
	return 0;
}

static int
get_octets(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	(void)ctx;
	(void)err;
	*data = (const uint8_t *)message;
	*n = sizeof message - 1;
	return 0;
}

static const char expected[] =
    "RETURN (SAVE) CHARSET iso-8859-1 UID 1:2,4 "
    "OR UID 2:4 (UID 1 SUBJECT \"A\") "
    "OR (UID 1 BODY {1}\r\n\xe4) NOT (SEEN OR UID 2:4 (UID 1 LARGER 1))";

static int
put_both(struct search *s, struct err *err)
{
	static const struct search_message m = { NULL, get_size, get_octets,
		get_octets };
	cleanup(buf_reset) struct buf a = { 0 };
	cleanup(buf_reset) struct buf b = { 0 };

	if (search_put_candidates(s, &a, err) < 0 ||
	    search_plain(s, 1, err) < 0 || search_sealed(s, 2, &m, err) < 0 ||
	    search_sealed(s, 4, &m, err) < 0 ||
	    search_put_program(s, &b, err) < 0)
		return -1;
	assert_int_equal(b.len, strlen(expected));
	assert_memory_equal(b.data, expected, b.len);
	return 0;
}

static int
try_search(struct err *err)
{
	static const char program[] = "RETURN (SAVE) CHARSET iso-8859-1 "
				      "SUBJECT {1}\r\nA OR BODY {1}\r\n\xe4 "
				      "NOT (SEEN LARGER 1)";
	cleanup(search_free) struct search *s = NULL;

	if (search_parse(program, sizeof program - 1, &s, err) < 0) {
		assert_null(s);
		return -1;
	}
	return put_both(s, err);
}

static void
short_memory_is_temporary(void **state)
{
	unsigned long n = 1;

	(void)state;
	for (; n < MANY; n++) {
		struct err err = { 0 };

		fault_at(n);
		int rc = try_search(&err);
		if (!fault_off()) {
			assert_int_equal(rc, 0);
			break;
		}
		/* iconv is asked twice */
		if (rc != 0 && err.kind != ERR_TEMP)
			fail_msg(
			    "%lu: %d, %d %s", n, rc, (int)err.kind, err.text);
	}
	print_message("%lu allocations\n", n - 1);
	assert_in_range(n, 2, MANY - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_memory_is_temporary),
	};

	if (!FAULT_TESTING)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
