/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/encrypt.h"

#include <stdlib.h>

#include "openpgp/message.h"
#include "openpgp/session_key.h"
#include "openpgp/testing.h"

enum { SIZE = 40000 };

/* The n-th allocation of ours fails; the linker sends them all through here. */
static unsigned fail_at;

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);

static bool
fails_now(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t k, size_t n)
{
	return fails_now() ? NULL : __real_calloc(k, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

/* A sink that takes so many puts, and then fails for good. */
struct target {
	struct buf got;
	size_t puts;
};

static int
put_limited(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct target *t = ctx;

	if (t->puts == 0)
		return err_set(err, ERR_TEMP, "the disk is full");
	t->puts--;
	return buf_put(&t->got, data, n, err);
}

static struct sink
target_sink(struct target *t)
{
	return (struct sink){ .put = put_limited, .ctx = t };
}

static const uint8_t plain[SIZE] = "attack at dawn, attack at dawn";

/* 0 only when every call returned 0. */
static int
encrypt_one(struct pgp_session *s, struct target *t, struct err *err)
{
	struct pgp_encryption *e = NULL;
	int rc = pgp_encryption_new(s, target_sink(t), &e, err);

	if (rc == 0 && (rc = pgp_encryption_feed(e, plain, SIZE, err)) < 0) {
		/* what has failed stays failed */
		assert_int_equal(pgp_encryption_feed(e, "x", 1, NULL), -1);
		assert_int_equal(pgp_encryption_finish(e, NULL), -1);
	}
	if (rc == 0)
		rc = pgp_encryption_finish(e, err);
	if (e != NULL) { /* nor is it finished twice */
		assert_int_equal(pgp_encryption_finish(e, NULL), -1);
		assert_int_equal(pgp_encryption_feed(e, "x", 1, NULL), -1);
	}
	pgp_encryption_free(&e);
	return rc;
}

static void
check_message(
    const struct crypt *c, const struct pgp_session *s, const struct buf *b)
{
	cleanup(buf_reset) struct buf out = { .limit = SIZE };
	struct message_reader *r = NULL;
	uint8_t key[SESSION_KEY_LEN];

	assert_true(pgp_session_key(s, key));
	assert_int_equal(message_reader_new(c, (struct aes_key){ key, 32 },
			     sink_to_buf(&out), &r, NULL),
	    0);
	assert_int_equal(message_reader_feed(r, b->data, b->len, NULL), 0);
	assert_int_equal(message_reader_finish(r, NULL), 0);
	message_reader_free(&r);
	assert_int_equal(out.len, SIZE);
	assert_memory_equal(out.data, plain, SIZE);
}

/* The length of a packet's header. */
static size_t
head_of(const uint8_t *packet)
{
	return packet[1] < 192 ? 2 : 3;
}

/* The length of the whole packet: one of under 8,384 octets. */
static size_t
packet_len(const uint8_t *packet)
{
	if (packet[1] < 192)
		return 2 + (size_t)packet[1];
	return 3 + (((size_t)packet[1] - 192) << 8) + packet[2] + 192;
}

/* The public-key operation is done once; all else is fresh. */
static void
test_messages_of_a_session(void **state)
{
	for (size_t i = 0; i < countof(test_keys); i++) {
		struct target a = { .got.limit = 2 * SIZE, .puts = 1000 };
		struct target b = { .got.limit = 2 * SIZE, .puts = 1000 };
		struct pgp_session *s = NULL;
		struct test_subkey k;
		uint8_t want[SESSION_KEY_LEN], got[64];

		test_subkey_init(*state, &test_keys[i], &k);
		assert_int_equal(
		    pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
		assert_int_equal(encrypt_one(s, &a, NULL), 0);
		assert_int_equal(encrypt_one(s, &b, NULL), 0);
		check_message(*state, s, &a.got);
		check_message(*state, s, &b.got);

		size_t pkesk = packet_len(a.got.data);

		assert_memory_equal(a.got.data, b.got.data, pkesk);
		assert_int_equal(a.got.len, b.got.len);
		assert_memory_not_equal(
		    a.got.data + pkesk + 8, b.got.data + pkesk + 8, 64);
		assert_true(pgp_session_key(s, want));
		assert_int_equal(
		    test_open_pkesk(*state, &test_keys[i], &k.subkey,
			a.got.data + head_of(a.got.data), got),
		    SESSION_KEY_LEN);
		assert_memory_equal(got, want, SESSION_KEY_LEN);
		pgp_session_free(&s);
		assert_null(s);
		buf_reset(&a.got);
		buf_reset(&b.got);
	}
}

static void
test_sessions_differ(void **state)
{
	struct test_subkey k;
	struct pgp_session *s = NULL;
	uint8_t a[SESSION_KEY_LEN], b[SESSION_KEY_LEN];

	test_subkey_init(*state, &test_keys[0], &k);
	assert_int_equal(pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
	assert_true(pgp_session_key(s, a));
	pgp_session_free(&s);
	assert_int_equal(pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
	assert_true(pgp_session_key(s, b));
	pgp_session_free(&s);
	assert_memory_not_equal(a, b, SESSION_KEY_LEN);
}

/* Which versions a message has: of PKESK, and of SEIPD. */
static void
test_versions(void **state)
{
	static const struct {
		size_t key;
		bool seipd2;
		uint8_t pkesk, seipd;
	} cases[] = {
		{ 0, false, 3, 1 },
		{ 0, true, 6, 2 },
		{ TEST_KEY_X25519, false, 6, 2 }, /* a v6 key: always */
		{ TEST_KEY_X25519, true, 6, 2 },
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct target t = { .got.limit = 2 * SIZE, .puts = 1000 };
		struct pgp_session *s = NULL;
		struct test_subkey k;

		test_subkey_init(*state, &test_keys[cases[i].key], &k);
		k.subkey.seipd2 = cases[i].seipd2;
		assert_int_equal(
		    pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
		assert_int_equal(encrypt_one(s, &t, NULL), 0);
		check_message(*state, s, &t.got);

		const uint8_t *seipd = t.got.data + packet_len(t.got.data);

		assert_int_equal(t.got.data[2], cases[i].pkesk);
		assert_int_equal(seipd[0], 0xd2);
		assert_true(seipd[1] >= 224); /* in parts */
		assert_int_equal(seipd[2], cases[i].seipd);
		pgp_session_free(&s);
		buf_reset(&t.got);
	}
}

/* A stored subkey that is not what its columns say is never encrypted to. */
static void
test_damaged_subkeys(void **state)
{
	struct pgp_session *s = NULL;
	struct test_subkey k, damaged;
	struct err err = { 0 };

	test_subkey_init(*state, &test_keys[0], &k);
	for (size_t bit = 0; bit < 8 * k.subkey.packet_len; bit++) {
		damaged = k;
		damaged.subkey.packet = damaged.packet;
		damaged.packet[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(
		    pgp_session_new(*state, NULL, &damaged.subkey, &s, &err),
		    -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
	for (size_t n = 0; n < k.subkey.packet_len; n++) {
		damaged.subkey = k.subkey;
		damaged.subkey.packet_len = n;
		assert_int_equal(
		    pgp_session_new(*state, NULL, &damaged.subkey, &s, &err),
		    -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
	damaged.subkey = k.subkey;
	damaged.subkey.algorithm = PGP_X25519;
	assert_int_equal(
	    pgp_session_new(*state, NULL, &damaged.subkey, &s, &err), -1);
	damaged.subkey = k.subkey;
	damaged.subkey.version = 6;
	assert_int_equal(
	    pgp_session_new(*state, NULL, &damaged.subkey, &s, &err), -1);
	assert_null(s);
}

/* Each allocation fails in turn: no session, no message, and no leak. */
static void
test_memory_fails(void **state)
{
	for (size_t key = 0; key < countof(test_keys); key++) {
		for (unsigned n = 1;; n++) {
			struct target t = { .got.limit = 2 * SIZE,
				.puts = 1000 };
			struct pgp_session *s = NULL;
			struct test_subkey k;
			struct err err = { 0 };

			test_subkey_init(*state, &test_keys[key], &k);
			assert_int_equal(
			    buf_reserve(&t.got, 2 * SIZE, NULL), 0);
			fail_at = n;

			int rc =
			    pgp_session_new(*state, NULL, &k.subkey, &s, &err);

			if (rc < 0)
				assert_null(s);
			else
				rc = encrypt_one(s, &t, &err);

			bool all = fail_at > 0;

			fail_at = 0;
			if (rc == 0)
				check_message(*state, s, &t.got);
			pgp_session_free(&s);
			buf_reset(&t.got);
			if (all) {
				assert_int_equal(rc, 0);
				assert_true(n > 8);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(err.kind, ERR_TEMP);
		}
	}
}

static int
read_one(const struct crypt *c, const uint8_t *key, const struct buf *b,
    struct buf *out, struct err *err)
{
	struct message_reader *r = NULL;
	int rc = message_reader_new(
	    c, (struct aes_key){ key, 32 }, sink_to_buf(out), &r, err);

	if (rc == 0)
		rc = message_reader_feed(r, b->data, b->len, err);
	if (rc == 0)
		rc = message_reader_finish(r, err);
	else if (r != NULL)
		assert_int_equal(message_reader_finish(r, NULL), -1);
	message_reader_free(&r);
	return rc;
}

/* So it is when a message is read. */
static void
test_memory_fails_reading(void **state)
{
	for (size_t v = 0; v < 2; v++) {
		struct target t = { .got.limit = 2 * SIZE, .puts = 1000 };
		cleanup(buf_reset) struct buf out = { .limit = SIZE };
		struct pgp_session *s = NULL;
		struct test_subkey k;
		uint8_t key[SESSION_KEY_LEN];
		int rc = -1;

		test_subkey_init(*state, &test_keys[0], &k);
		k.subkey.seipd2 = v == 1;
		assert_int_equal(
		    pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
		assert_int_equal(encrypt_one(s, &t, NULL), 0);
		assert_true(pgp_session_key(s, key));
		assert_int_equal(buf_reserve(&out, SIZE, NULL), 0);
		for (unsigned n = 1; rc < 0; n++) {
			struct err err = { 0 };

			buf_clear(&out);
			fail_at = n;
			rc = read_one(*state, key, &t.got, &out, &err);
			assert_true(rc == 0 || err.kind == ERR_TEMP);
			assert_int_equal(rc == 0, fail_at > 0);
			fail_at = 0;
		}
		assert_int_equal(out.len, SIZE);
		assert_memory_equal(out.data, plain, SIZE);
		pgp_session_free(&s);
		buf_reset(&t.got);
	}
}

/* Each put of the sink fails in turn: finish never says that it is done. */
static void
test_sink_fails(void **state)
{
	for (size_t v = 0; v < 2; v++) {
		struct pgp_session *s = NULL;
		struct test_subkey k;
		int rc = -1;

		test_subkey_init(*state, &test_keys[0], &k);
		k.subkey.seipd2 = v == 1;
		assert_int_equal(
		    pgp_session_new(*state, NULL, &k.subkey, &s, NULL), 0);
		for (size_t puts = 0; rc < 0; puts++) {
			struct target t = { .got.limit = 2 * SIZE,
				.puts = puts };
			struct err err = { 0 };

			rc = encrypt_one(s, &t, &err);
			if (rc < 0)
				assert_int_equal(err.kind, ERR_TEMP);
			else
				check_message(*state, s, &t.got);
			/* the plaintext is never what came out */
			assert_null(
			    t.got.len == 0
				? NULL
				: memmem(t.got.data, t.got.len, "attack", 6));
			buf_reset(&t.got);
		}
		pgp_session_free(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_of_a_session),
		cmocka_unit_test(test_sessions_differ),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_damaged_subkeys),
		cmocka_unit_test(test_memory_fails),
		cmocka_unit_test(test_memory_fails_reading),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
