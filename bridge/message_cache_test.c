/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "message_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct message_cache *
cache_of(size_t octets)
{
	struct message_cache *c = NULL;

	assert_int_equal(message_cache_new(octets, &c, NULL), 0);
	return c;
}

static bool
put(struct message_cache *c, const char *mailbox, uint32_t validity,
    uint32_t uid, size_t n)
{
	struct buf b = { .limit = 1 << 20, .secret = true };
	const struct message_key k = { mailbox, validity, uid };
	const struct message *m = NULL;
	bool ok;

	for (size_t i = 0; i < n; i++)
		if (buf_putc(&b, (uint8_t)uid, NULL) < 0)
			return false;
	if (message_cache_put(c, &k, OPENED_SEALED, &b, &m, NULL) < 0)
		return false;
	ok = b.data == NULL && m->len == n && (n == 0 || *m->data == uid);
	message_release(&m);
	return ok && m == NULL;
}

static bool
has(struct message_cache *c, const char *mailbox, uint32_t validity,
    uint32_t uid)
{
	const struct message_key k = { mailbox, validity, uid };
	const struct message *m = message_cache_get(c, &k);
	bool found = m != NULL;

	if (found && m->len > 0 && *m->data != uid)
		return false;
	message_release(&m);
	return found;
}

static void
found_by_its_whole_key(void **state)
{
	struct message_cache *c = cache_of(100000);

	(void)state;
	assert_true(put(c, "A", 1, 5, 10));
	assert_true(put(c, "A", 1, 5, 10)); /* again: no second one */
	assert_true(has(c, "A", 1, 5));
	assert_false(has(c, "B", 1, 5));
	assert_false(has(c, "A", 2, 5));
	assert_false(has(c, "A", 1, 6));
	message_cache_free(&c);
	assert_null(c);
}

static void
the_unused_make_room(void **state)
{
	struct message_cache *c = cache_of(5000);

	(void)state;
	for (uint32_t uid = 1; uid <= 4; uid++)
		assert_true(put(c, "A", 1, uid, 1000));
	assert_true(has(c, "A", 1, 1)); /* 2 is now the longest unused */
	assert_true(put(c, "A", 1, 9, 1000));
	assert_false(has(c, "A", 1, 2));
	assert_true(has(c, "A", 1, 1) && has(c, "A", 1, 9));
	message_cache_free(&c);
}

static void
one_too_large_is_held_alone(void **state)
{
	struct message_cache *c = cache_of(5000);

	(void)state;
	assert_true(put(c, "A", 1, 1, 1000));
	assert_true(put(c, "A", 1, 10, 6000));
	assert_true(has(c, "A", 1, 10));
	assert_false(has(c, "A", 1, 1));
	assert_true(put(c, "A", 1, 11, 7000));
	assert_true(has(c, "A", 1, 11));
	assert_false(has(c, "A", 1, 10));
	for (uint32_t uid = 1; uid <= 3; uid++)
		assert_true(put(c, "A", 1, uid, 1000));
	assert_false(has(c, "A", 1, 11));
	assert_true(has(c, "A", 1, 1) && has(c, "A", 1, 3));
	message_cache_free(&c);
}

static void
held_messages_stay(void **state)
{
	struct message_cache *c = cache_of(2000);
	const struct message_key k = { "A", 1, 1 };
	const struct message *m;

	(void)state;
	assert_true(put(c, "A", 1, 1, 1000));
	m = message_cache_get(c, &k);
	assert_non_null(m);
	assert_true(put(c, "A", 1, 2, 1500)); /* puts 1 out */
	assert_false(has(c, "A", 1, 1));
	assert_int_equal(m->data[999], 1);
	message_release(&m);
	message_cache_free(&c);
}

static void
nothing_is_kept_without_key_or_room(void **state)
{
	struct message_cache *c = cache_of(0);
	struct buf b = { .limit = 10, .secret = true };
	const struct message *m = NULL;

	(void)state;
	assert_true(put(c, "A", 1, 1, 10));
	assert_false(has(c, "A", 1, 1));
	assert_int_equal(buf_puts(&b, "abc", NULL), 0);
	assert_int_equal(
	    message_cache_put(c, NULL, OPENED_FOREIGN, &b, &m, NULL), 0);
	assert_int_equal(m->len, 3);
	message_release(&m);
	message_cache_free(&c);
}

static void
room_is_made_before_it_is_needed(void **state)
{
	struct message_cache *c = cache_of(1000);

	(void)state;
	assert_true(put(c, "A", 1, 1, 300));
	assert_true(put(c, "A", 1, 2, 300));
	message_cache_make_room(c, 100);
	assert_true(has(c, "A", 1, 1));
	assert_true(has(c, "A", 1, 2));
	message_cache_make_room(c, 500);
	assert_false(has(c, "A", 1, 1));
	assert_true(has(c, "A", 1, 2));
	message_cache_make_room(c, SIZE_MAX);
	assert_false(has(c, "A", 1, 2));
	message_cache_free(&c);
}

static void *
use_it(void *ctx)
{
	uint32_t seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		uint32_t uid = (seed >> 16) % 50 + 1;

		if (!has(ctx, "A", 1, uid) && !put(ctx, "A", 1, uid, 100))
			return ctx;
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct message_cache *c = cache_of(6000);
	pthread_t threads[4];
	void *wrong;

	(void)state;
	for (size_t i = 0; i < countof(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, use_it, c), 0);
	for (size_t i = 0; i < countof(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	message_cache_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_its_whole_key),
		cmocka_unit_test(the_unused_make_room),
		cmocka_unit_test(one_too_large_is_held_alone),
		cmocka_unit_test(held_messages_stay),
		cmocka_unit_test(nothing_is_kept_without_key_or_room),
		cmocka_unit_test(room_is_made_before_it_is_needed),
		cmocka_unit_test(threads_share_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
