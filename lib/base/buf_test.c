/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/sink.h"

/* Linked with --wrap: the n-th allocation from now fails; 0 = none does. */
static unsigned fail_in;

/* What the last freed block held, as far as it was watched. */
static struct {
	const void *block;
	size_t size;
	bool was_clean;
} watched;

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static bool
fails_now(void)
{
	return fail_in > 0 && --fail_in == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

void
__wrap_free(void *p)
{
	if (p != NULL && p == watched.block) {
		const uint8_t *bytes = p;

		watched.was_clean = true;
		for (size_t i = 0; i < watched.size; i++)
			watched.was_clean = watched.was_clean && bytes[i] == 0;
		watched.block = NULL;
	}
	__real_free(p);
}

static void
watch(const struct buf *b)
{
	watched.block = b->data;
	watched.size = b->size;
	watched.was_clean = false;
}

static void
test_put(void **state)
{
	cleanup(buf_reset) struct buf b = { .limit = 10 };
	struct err err;

	(void)state;
	assert_int_equal(buf_put(&b, NULL, 0, &err), 0);
	assert_int_equal(buf_puts(&b, "abc", &err), 0);
	assert_int_equal(buf_putc(&b, 'd', &err), 0);
	assert_int_equal(buf_putf(&b, &err, "%s%d", "e", 12), 0);
	assert_string_equal(buf_str(&b, &err), "abcde12");
	assert_int_equal(b.len, 7);
}

/* The limit itself is reached, one more is refused and changes nothing. */
static void
test_limit(void **state)
{
	(void)state;
	for (size_t limit = 0; limit <= 130; limit++) {
		cleanup(buf_reset) struct buf b = { .limit = limit };
		struct err err = { .kind = ERR_NONE };

		for (size_t i = 0; i < limit; i++)
			assert_int_equal(buf_putc(&b, (uint8_t)i, &err), 0);
		assert_int_equal(buf_putc(&b, 'x', &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(buf_putf(&b, &err, "%s", "x"), -1);
		assert_int_equal(buf_put(&b, "", SIZE_MAX, &err), -1);
		assert_int_equal(b.len, limit);
		assert_non_null(buf_str(&b, &err));
		for (size_t i = 0; i < limit; i++)
			assert_int_equal(b.data[i], (uint8_t)i);
	}
}

static void
test_clear_and_steal(void **state)
{
	cleanup(buf_reset) struct buf b = { .limit = 100 };
	struct err err;
	size_t len;

	(void)state;
	assert_int_equal(buf_puts(&b, "one", &err), 0);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_puts(&b, "two", &err), 0);

	cleanup(free_bytes) uint8_t *data = buf_steal(&b, &len);

	assert_int_equal(len, 3);
	assert_memory_equal(data, "two", 3);
	assert_null(b.data);
	assert_int_equal(buf_puts(&b, "three", &err), 0);
	assert_string_equal(buf_str(&b, &err), "three");
}

/* Wiped when it moves, when it is cleared, and when it ends. */
static void
test_secret(void **state)
{
	struct buf b = { .limit = 1000, .secret = true };
	char big[500];
	struct err err;

	(void)state;
	memset(big, 's', sizeof big);
	assert_int_equal(buf_puts(&b, "password", &err), 0);
	watch(&b);
	assert_int_equal(buf_put(&b, big, sizeof big, &err), 0);
	assert_null(watched.block);
	assert_true(watched.was_clean);
	assert_memory_equal(b.data, "passwordsss", 11);
	buf_clear(&b);
	for (size_t i = 0; i < b.size; i++)
		assert_int_equal(b.data[i], 0);
	assert_int_equal(buf_puts(&b, "password", &err), 0);
	watch(&b);
	buf_reset(&b);
	assert_true(watched.was_clean);
}

static int
build(struct buf *b, struct err *err)
{
	for (int i = 0; i < 200; i++)
		if (buf_putf(b, err, "%03d,", i) < 0)
			return -1;
	return buf_str(b, err) == NULL ? -1 : 0;
}

static void
fault_loop(bool secret)
{
	for (unsigned n = 1;; n++) {
		cleanup(buf_reset) struct buf b = { .limit = 1000,
			.secret = secret };
		struct err err = { .kind = ERR_NONE };

		fail_in = n;

		int rc = build(&b, &err);
		bool ran_past = fail_in > 0;

		fail_in = 0;
		if (ran_past) {
			assert_int_equal(rc, 0);
			assert_true(n > 3);
			return;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERR_TEMP);
		/* what was put in before is still there, whole */
		assert_int_equal(b.len % 4, 0);
		assert_true(b.len == 0 || memcmp(b.data, "000,", 4) == 0);
	}
}

static void
test_faults(void **state)
{
	(void)state;
	fault_loop(false);
	fault_loop(true);
}

static void
test_sink(void **state)
{
	cleanup(buf_reset) struct buf b = { .limit = 4 };
	struct sink s = sink_to_buf(&b);
	struct err err;

	(void)state;
	assert_int_equal(sink_put(&s, "abcd", 4, &err), 0);
	assert_int_equal(sink_put(&s, "e", 1, &err), -1);
	assert_int_equal(b.len, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_clear_and_steal),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
