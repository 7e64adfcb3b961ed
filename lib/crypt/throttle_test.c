/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/throttle.h"

#include "crypt/testing.h"

enum { CAP = 5000 };

static struct throttle *
fresh(struct crypt *crypt)
{
	struct throttle *t = NULL;
	struct err err;

	assert_int_equal(throttle_new(crypt, &t, &err), 0);
	return t;
}

static int64_t
fail_at(struct throttle *t, const char *account, const char *rip, int64_t now)
{
	const struct throttle_client c = throttle_client_of(rip);
	struct err err;
	int64_t delay = -1;

	assert_int_equal(throttle_failed(t, account, &c, now, CAP, &delay,
	                     &err), 0);
	return delay;
}

static void
addresses(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "2001:db8::1", "2001:db8::ffff:ffff:ffff:2", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
	};
	static const char *const none[] = { "", "unknown", "192.0.2", "a.b",
		"192.0.2.1 ", "2001:db8::1%eth0" };

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct throttle_client a = throttle_client_of(cases[i].a);
		struct throttle_client b = throttle_client_of(cases[i].b);

		assert_true(a.len > 0 && b.len > 0);
		assert_int_equal(memcmp(&a, &b, sizeof a) == 0,
		    cases[i].same);
	}
	for (size_t i = 0; i < countof(none); i++)
		assert_int_equal(throttle_client_of(none[i]).len, 0);
}

static void
grows_to_the_cap(void **state)
{
	cleanup(throttle_free) struct throttle *t = fresh(*state);
	static const int64_t by_account[] = { 250, 500, 1000, 2000, 4000,
		5000, 5000 };
	static const int64_t by_client[] = { 0, 0, 0, 250, 500, 1000 };
	char name[40];

	for (size_t i = 0; i < countof(by_account); i++)
		assert_int_equal(fail_at(t, "ann", "unknown", 0),
		    by_account[i]);
	for (int i = 0; i < 100; i++)
		assert_true(fail_at(t, "ann", "unknown", 0) == CAP);
	for (size_t i = 0; i < countof(by_client); i++)
		assert_int_equal(fail_at(t, "", "192.0.2.1", 0),
		    by_client[i]);
	(void)snprintf(name, sizeof name, "other");
	assert_int_equal(fail_at(t, name, "192.0.2.2", 0), 250);
}

static void
forgets(void **state)
{
	cleanup(throttle_free) struct throttle *t = fresh(*state);

	for (int i = 0; i < 4; i++)
		(void)fail_at(t, "ann", "unknown", 0);
	/* three minutes: one of the four is left, this is the second */
	assert_int_equal(fail_at(t, "ann", "unknown", 180000), 500);
	assert_int_equal(fail_at(t, "ann", "unknown", 180000 + 3600000), 250);
}

/* A flood of names displaces none who fails again and again. */
static void
flood(void **state)
{
	cleanup(throttle_free) struct throttle *t = fresh(*state);

	for (int i = 0; i < 20; i++)
		(void)fail_at(t, "ann", "unknown", 0);
	for (int i = 0; i < 100000; i++) {
		char name[40];

		(void)snprintf(name, sizeof name, "name%d", i);
		(void)fail_at(t, name, "unknown", 1000);
	}
	assert_int_equal(fail_at(t, "ann", "unknown", 2000), CAP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(grows_to_the_cap),
		cmocka_unit_test(forgets),
		cmocka_unit_test(flood),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
