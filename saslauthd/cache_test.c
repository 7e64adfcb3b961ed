/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/cache.h"

#include "crypt/testing.h"

static struct cache *
fresh(struct crypt *crypt)
{
	struct cache *c = NULL;
	struct err err;

	assert_int_equal(cache_new(crypt, &c, &err), 0);
	return c;
}

static struct cache_key
key_of(const char *user, const char *verifier, const char *password)
{
	return (struct cache_key){ user, verifier, password,
		strlen(password) };
}

static void
put(struct cache *c, struct cache_key k, int64_t now)
{
	struct err err;

	assert_int_equal(cache_put(c, &k, now, &err), 0);
}

static int
find(struct cache *c, const char *user, const char *verifier,
    const char *password, int64_t now)
{
	const struct cache_key k = key_of(user, verifier, password);
	struct err err;

	return cache_find(c, &k, now, &err);
}

static void
all_of_it_counts(void **state)
{
	cleanup(cache_free) struct cache *c = fresh(*state);
	cleanup(cache_free) struct cache *other = fresh(*state);

	assert_int_equal(find(c, "ann", "v1", "pw", 1), 0);
	put(c, key_of("ann", "v1", "pw"), 1);
	assert_int_equal(find(c, "ann", "v1", "pw", 1), 1);
	assert_int_equal(find(c, "bob", "v1", "pw", 1), 0);
	assert_int_equal(find(c, "ann", "v2", "pw", 1), 0);
	assert_int_equal(find(c, "ann", "v1", "pv", 1), 0);
	assert_int_equal(find(c, "an", "nv1", "pw", 1), 0);
	assert_int_equal(find(c, "ann", "v1", "", 1), 0);
	assert_int_equal(find(other, "ann", "v1", "pw", 1), 0);
}

static void
grows_old(void **state)
{
	cleanup(cache_free) struct cache *c = fresh(*state);

	put(c, key_of("ann", "v1", "pw"), 1000);
	assert_int_equal(find(c, "ann", "v1", "pw", 999 + CACHE_LIFE_MS), 1);
	assert_int_equal(find(c, "ann", "v1", "pw", 1000 + CACHE_LIFE_MS), 0);
	put(c, key_of("ann", "v1", "pw"), 1000 + CACHE_LIFE_MS);
	assert_int_equal(find(c, "ann", "v1", "pw", 1001 + CACHE_LIFE_MS), 1);
}

/* However many there are, the newest is there. */
static void
displaces_the_oldest(void **state)
{
	cleanup(cache_free) struct cache *c = fresh(*state);
	char user[20];

	for (int i = 0; i < 20000; i++) {
		(void)snprintf(user, sizeof user, "user%d", i);
		put(c, key_of(user, "v", "pw"), i);
		assert_int_equal(find(c, user, "v", "pw", i), 1);
	}
	assert_int_equal(find(c, "user0", "v", "pw", 20000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_counts),
		cmocka_unit_test(grows_old),
		cmocka_unit_test(displaces_the_oldest),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
