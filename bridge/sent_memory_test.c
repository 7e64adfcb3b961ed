/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sent_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1800000000 };

static const uint8_t print[SENT_PRINT_LEN] = "a print";
static const uint8_t other_print[SENT_PRINT_LEN] = "b print";
static const struct sent_name name = { "a@b.example", "Sent", print };
static const struct sent_place place = { 7, 4294967295 };

struct fixture {
	struct crypt *crypt;
	struct metacache *cache;
	char folder[40];
	char path[64];
};

static struct fixture fixture;

static void
open_cache(struct fixture *f)
{
	const uint8_t secret[METACACHE_KEY_LEN] = { 1 };

	metacache_close(&f->cache);
	assert_int_equal(
	    metacache_open(f->crypt, f->path, secret, &f->cache, NULL), 0);
}

static int
set_up(void **state)
{
	struct fixture *f = *state = &fixture;

	(void)snprintf(
	    f->folder, sizeof f->folder, "/tmp/sealpost-memory-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	(void)snprintf(f->path, sizeof f->path, "%.39s/cache.db", f->folder);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	open_cache(f);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[80];

	metacache_close(&f->cache);
	crypt_close(&f->crypt);
	for (size_t i = 0; i < countof(suffixes); i++) {
		(void)snprintf(
		    path, sizeof path, "%s%s", f->path, suffixes[i]);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(f->folder), 0);
	return 0;
}

static int
take(struct fixture *f, const struct sent_name *n, int64_t now,
    struct sent_place *out)
{
	*out = (struct sent_place){ 0 };
	return sent_memory_take(f->cache, n, now, out, NULL);
}

static void
is_known_once_in_another_run(void **state)
{
	struct fixture *f = *state;
	struct sent_place p;

	assert_int_equal(take(f, &name, NOW, &p), 0);
	assert_int_equal(
	    sent_memory_put(f->cache, &name, &place, NOW, NULL), 0);
	open_cache(f);
	assert_int_equal(take(f, &name, NOW + 5, &p), 1);
	assert_int_equal(p.uidvalidity, place.uidvalidity);
	assert_int_equal(p.uid, place.uid);
	assert_int_equal(take(f, &name, NOW + 5, &p), 0);
	open_cache(f);
	assert_int_equal(take(f, &name, NOW + 5, &p), 0);
}

static void
is_no_other(void **state)
{
	static const struct sent_name others[] = {
		{ "a@c.example", "Sent", print },
		{ "a@b.example", "Drafts", print },
		{ "a@b.example", "Sent", other_print },
	};
	struct fixture *f = *state;
	struct sent_place p;

	assert_int_equal(
	    sent_memory_put(f->cache, &name, &place, NOW, NULL), 0);
	for (size_t i = 0; i < countof(others); i++)
		assert_int_equal(take(f, &others[i], NOW, &p), 0);
	assert_int_equal(take(f, &name, NOW, &p), 1);
}

static void
is_forgotten_after_a_week(void **state)
{
	static const struct {
		int64_t later;
		int known;
	} cases[] = {
		{ 7 * 24 * 3600, 0 },
		{ 30 * 24 * 3600, 0 },
		{ -1, 0 }, /* the clock was set back: who knows when it was */
		{ 7 * 24 * 3600 - 1, 1 },
	};
	struct fixture *f = *state;
	struct sent_place p;

	assert_int_equal(
	    sent_memory_put(f->cache, &name, &place, NOW, NULL), 0);
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(take(f, &name, NOW + cases[i].later, &p),
		    cases[i].known);
}

#define test(x) cmocka_unit_test_setup_teardown(x, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(is_known_once_in_another_run),
		test(is_no_other),
		test(is_forgotten_after_a_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
