/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/message.h"

#include <pthread.h>

#include "openpgp/packet_writer.h"
#include "openpgp/seipd.h"
#include "openpgp/session_key.h"
#include "openpgp/testing.h"

enum { SIZE = 70000, ROUND_TRIPS = 10000, MESSAGES_A_SESSION = 50 };

/* A key without SEIPD version 2, and one with. */
enum { KEY_V1 = 0, KEY_V2 = TEST_KEY_X25519 };

struct fixture {
	const struct crypt *crypt;
	struct test_subkey key;
	struct pgp_session *session;
	uint8_t session_key[SESSION_KEY_LEN];
};

static void
start(struct fixture *f, const struct crypt *c, size_t key)
{
	*f = (struct fixture){ .crypt = c };
	test_subkey_init(c, &test_keys[key], &f->key);
	assert_int_equal(
	    pgp_session_new(c, NULL, &f->key.subkey, &f->session, NULL), 0);
	assert_true(pgp_session_key(f->session, f->session_key));
}

static void
encrypt(struct fixture *f, const uint8_t *data, size_t n, size_t step,
    struct buf *out)
{
	struct pgp_encryption *e = NULL;

	assert_int_equal(
	    pgp_encryption_new(f->session, sink_to_buf(out), &e, NULL), 0);
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(pgp_encryption_feed(e, data + at,
				     n - at < step ? n - at : step, NULL),
		    0);
	assert_int_equal(pgp_encryption_finish(e, NULL), 0);
	pgp_encryption_free(&e);
}

static int
decrypt(const struct fixture *f, const uint8_t *data, size_t n, size_t step,
    struct buf *out, struct err *err)
{
	struct message_reader *r = NULL;
	int rc = 0;

	buf_clear(out);
	assert_int_equal(
	    message_reader_new(f->crypt,
		(struct aes_key){ f->session_key, SESSION_KEY_LEN },
		sink_to_buf(out), &r, NULL),
	    0);
	for (size_t at = 0; rc == 0 && at < n; at += step)
		rc = message_reader_feed(
		    r, data + at, n - at < step ? n - at : step, err);
	if (rc == 0)
		rc = message_reader_finish(r, err);
	assert_int_equal(message_reader_finish(r, NULL), -1); /* only once */
	message_reader_free(&r);
	return rc;
}

static const uint8_t *
octets(void)
{
	static uint8_t data[SIZE];
	uint32_t x = 2463534242;

	for (size_t i = 0; data[SIZE - 1] == 0 && i < SIZE; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		data[i] = (uint8_t)x;
	}
	return data;
}

static void
there_and_back(
    struct fixture *f, const uint8_t *data, size_t n, size_t in, size_t out)
{
	cleanup(buf_reset) struct buf sealed = { .limit = 4 * SIZE };
	cleanup(buf_reset) struct buf plain = { .limit = SIZE };
	struct err err;

	encrypt(f, data, n, in, &sealed);
	if (decrypt(f, sealed.data, sealed.len, out, &plain, &err) < 0)
		fail_msg("%zu octets: %s", n, err.text);
	assert_int_equal(plain.len, n);
	if (n > 0)
		assert_memory_equal(plain.data, data, n);
}

static uint32_t
next(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void
test_round_trips(void **state)
{
	const uint8_t *data = octets();
	struct fixture f = { 0 };
	uint32_t x = 1;

	for (size_t i = 0; i < ROUND_TRIPS; i++) {
		if (i % MESSAGES_A_SESSION == 0) {
			pgp_session_free(&f.session);
			start(&f, *state,
			    i / MESSAGES_A_SESSION % 2 ? KEY_V1 : KEY_V2);
		}

		size_t most = 1U << next(&x) % 16;
		size_t n = next(&x) % (most + 1);

		there_and_back(&f, data + next(&x) % (SIZE - n), n,
		    1 + next(&x) % 20000, 1 + next(&x) % 20000);
	}
	pgp_session_free(&f.session);
}

enum { THREADS = 4, MESSAGES_A_THREAD = 200 };

static void *
seal_and_open(void *crypt)
{
	struct fixture f;

	for (size_t i = 0; i < MESSAGES_A_THREAD; i++) {
		start(&f, crypt, i % 2 == 0 ? KEY_V1 : KEY_V2);
		there_and_back(&f, octets(), 100 * i, SIZE, SIZE);
		pgp_session_free(&f.session);
	}
	return NULL;
}

/* One struct crypt serves many threads. */
static void
test_threads(void **state)
{
	pthread_t threads[THREADS];

	octets();
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, seal_and_open, *state),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* Around every boundary of parts and chunks, and at the small sizes. */
static void
test_boundaries(void **state)
{
	const uint8_t *data = octets();

	for (size_t v = 0; v < 2; v++) {
		struct fixture f;

		start(&f, *state, v == 0 ? KEY_V1 : KEY_V2);
		for (size_t n = 0; n <= 600; n++)
			there_and_back(&f, data, n, SIZE, SIZE);
		for (size_t k = 1; k <= 8; k++)
			for (size_t n = k * PACKET_PART_LEN - 100;
			     n <= k * PACKET_PART_LEN + 10; n++)
				there_and_back(&f, data, n, SIZE, SIZE);
		pgp_session_free(&f.session);
	}
}

static void
test_every_step(void **state)
{
	const uint8_t *data = octets();

	for (size_t v = 0; v < 2; v++) {
		struct fixture f;

		start(&f, *state, v == 0 ? KEY_V1 : KEY_V2);
		for (size_t step = 1; step <= 600; step++)
			there_and_back(&f, data, 400, step, step);
		there_and_back(&f, data, 40000, 1, 1);
		pgp_session_free(&f.session);
	}
}

/* Where the encrypted data packet begins. */
static size_t
seipd_at(const struct buf *b)
{
	assert_int_equal(b->data[0], 0xc1);
	assert_true(b->data[1] < 192);
	return 2U + b->data[1];
}

/* A cut message is no message, wherever it is cut. */
static void
test_cut(void **state)
{
	const uint8_t *data = octets();
	static const size_t sizes[] = { 0, 100, 9000 };

	for (size_t i = 0; i < 2 * countof(sizes); i++) {
		cleanup(buf_reset) struct buf sealed = { .limit = SIZE };
		cleanup(buf_reset) struct buf plain = { .limit = SIZE };
		struct fixture f;
		size_t size = sizes[i / 2];

		start(&f, *state, i % 2 == 0 ? KEY_V1 : KEY_V2);
		encrypt(&f, data, size, SIZE, &sealed);
		for (size_t n = 0; n < sealed.len; n += n < 400 ? 1 : 37) {
			struct err err = { 0 };

			assert_int_equal(
			    decrypt(&f, sealed.data, n, SIZE, &plain, &err),
			    -1);
			assert_true(
			    err.kind == ERR_PERM || err.kind == ERR_PROTO);
		}
		pgp_session_free(&f.session);
	}
}

/* A message with one octet changed is no message, whichever it is. */
static void
test_changed(void **state)
{
	const uint8_t *data = octets();

	for (size_t v = 0; v < 2; v++) {
		cleanup(buf_reset) struct buf sealed = { .limit = SIZE };
		cleanup(buf_reset) struct buf plain = { .limit = SIZE };
		struct fixture f;

		start(&f, *state, v == 0 ? KEY_V1 : KEY_V2);
		encrypt(&f, data, 9000, SIZE, &sealed);
		for (size_t at = seipd_at(&sealed); at < sealed.len;
		     at += at < 1000 ? 1 : 23) {
			for (unsigned bit = 0; bit < 8; bit++) {
				sealed.data[at] ^= (uint8_t)(1U << bit);
				assert_int_equal(
				    decrypt(&f, sealed.data, sealed.len, 3000,
					&plain, NULL),
				    -1);
				sealed.data[at] ^= (uint8_t)(1U << bit);
			}
		}
		assert_int_equal(
		    decrypt(&f, sealed.data, sealed.len, SIZE, &plain, NULL),
		    0);
		pgp_session_free(&f.session);
	}
}

static void
test_wrong_key(void **state)
{
	const uint8_t *data = octets();

	for (size_t v = 0; v < 2; v++) {
		cleanup(buf_reset) struct buf sealed = { .limit = SIZE };
		cleanup(buf_reset) struct buf plain = { .limit = SIZE };
		struct fixture f;

		start(&f, *state, v == 0 ? KEY_V1 : KEY_V2);
		encrypt(&f, data, 500, SIZE, &sealed);
		for (size_t i = 0; i < 1000; i++) {
			assert_int_equal(crypt_random(*state, f.session_key,
					     SESSION_KEY_LEN, NULL),
			    0);
			assert_int_equal(decrypt(&f, sealed.data, sealed.len,
					     SIZE, &plain, NULL),
			    -1);
		}
		pgp_session_free(&f.session);
	}
}

#define LITERAL(text) "\xcb" text
#define HELLO          \
	LITERAL("\x0b" \
		"b\0\0\0\0\0hello")

#define BYTES(s) (s), sizeof(s) - 1

/* Packets that are encrypted as they stand. */
static const struct {
	const char *name;
	const char *packets;
	size_t len;
	int rc;
} inner[] = {
	{ "a literal packet", BYTES(HELLO), 0 },
	{ "one with a name and a date",
	    BYTES(LITERAL("\x0f"
			  "u\4namedatehello")),
	    0 },
	{ "old format",
	    BYTES("\xac\x0b"
		  "b\0\0\0\0\0hello"),
	    0 },
	{ "no length",
	    BYTES("\xaf"
		  "b\0\0\0\0\0hello"),
	    0 },
	{ "padding behind",
	    BYTES(HELLO "\xd5\x03"
			"abc"),
	    0 },
	{ "signed",
	    BYTES("\xc4\x01"
		  "x" HELLO "\xc2\x01"
		  "y"),
	    0 },
	{ "nothing", BYTES(""), -1 },
	{ "padding alone",
	    BYTES("\xd5\x03"
		  "abc"),
	    -1 },
	{ "two literal packets", BYTES(HELLO HELLO), -1 },
	{ "compressed",
	    BYTES("\xc8\x03"
		  "abc"),
	    -1 },
	{ "encrypted twice",
	    BYTES("\xd2\x03"
		  "abc"),
	    -1 },
	{ "a key",
	    BYTES("\xc6\x03"
		  "abc"),
	    -1 },
	{ "a literal packet cut",
	    BYTES(LITERAL("\x0c"
			  "b\0\0\0\0\0hello")),
	    -1 },
	{ "an empty literal packet", BYTES(LITERAL("\x00")), -1 },
	{ "a literal packet of a format",
	    BYTES(LITERAL("\x01"
			  "b")),
	    -1 },
	{ "a name cut",
	    BYTES(LITERAL("\x03"
			  "b\x0a"
			  "a")),
	    -1 },
	{ "a date cut",
	    BYTES(LITERAL("\x05"
			  "b\0\0\0\0")),
	    -1 },
	{ "text", BYTES("hello"), -1 },
};

static void
seal_packets(const struct fixture *f, enum seipd_version version,
    const char *packets, size_t n, struct buf *out)
{
	struct packet_writer *p = NULL;
	struct seipd_writer *w = NULL;

	assert_int_equal(packet_writer_new(18, sink_to_buf(out), &p, NULL), 0);
	assert_int_equal(seipd_writer_new(f->crypt, version, f->session_key,
			     packet_writer_sink(p), &w, NULL),
	    0);

	struct sink to = seipd_writer_sink(w);

	assert_int_equal(sink_put(&to, packets, n, NULL), 0);
	assert_int_equal(seipd_writer_finish(w, NULL), 0);
	assert_int_equal(packet_writer_finish(p, NULL), 0);
	seipd_writer_free(&w);
	packet_writer_free(&p);
}

static void
test_inner_packets(void **state)
{
	struct fixture f = { .crypt = *state };

	for (size_t i = 0; i < countof(inner); i++) {
		for (size_t step = 1; step < 100; step++) {
			cleanup(buf_reset) struct buf b = { .limit = SIZE };
			cleanup(buf_reset) struct buf plain = { .limit = SIZE };

			seal_packets(&f, step % 2 == 0 ? SEIPD_V1 : SEIPD_V2,
			    inner[i].packets, inner[i].len, &b);

			int rc = decrypt(&f, b.data, b.len, step, &plain, NULL);

			if (rc != inner[i].rc)
				fail_msg("%s: %d", inner[i].name, rc);
			if (rc == 0)
				assert_memory_equal(plain.data, "hello", 5);
		}
	}
}

/* What may stand around the encrypted data packet, and what may not. */
static const struct {
	const char *name;
	const char *before;
	size_t before_len;
	const char *behind;
	size_t behind_len;
	int rc;
} outer[] = {
	{ "nothing", BYTES(""), BYTES(""), 0 },
	{ "a PKESK and an SKESK",
	    BYTES("\xc1\x01"
		  "a"
		  "\xc3\x01"
		  "b"),
	    BYTES(""), 0 },
	{ "a marker and padding",
	    BYTES("\xca\x03"
		  "PGP"),
	    BYTES("\xd5\x01"
		  "x"),
	    0 },
	{ "a literal packet before", BYTES(HELLO), BYTES(""), -1 },
	{ "a literal packet behind", BYTES(""), BYTES(HELLO), -1 },
	{ "a PKESK behind", BYTES(""),
	    BYTES("\xc1\x01"
		  "a"),
	    -1 },
	{ "text behind", BYTES(""), BYTES("hello"), -1 },
	{ "no integrity",
	    BYTES("\xc9\x03"
		  "abc"),
	    BYTES(""), -1 },
	{ "GnuPG's own AEAD",
	    BYTES("\xd4\x03"
		  "abc"),
	    BYTES(""), -1 },
};

static void
test_outer_packets(void **state)
{
	struct fixture f = { .crypt = *state };
	struct err err;

	for (size_t i = 0; i < countof(outer); i++) {
		cleanup(buf_reset) struct buf b = { .limit = SIZE };
		cleanup(buf_reset) struct buf plain = { .limit = SIZE };

		assert_int_equal(
		    buf_put(&b, outer[i].before, outer[i].before_len, &err), 0);
		seal_packets(&f, SEIPD_V1, BYTES(HELLO), &b);
		assert_int_equal(
		    buf_put(&b, outer[i].behind, outer[i].behind_len, &err), 0);
		for (size_t step = 1; step <= b.len; step++)
			if (decrypt(&f, b.data, b.len, step, &plain, &err) !=
			    outer[i].rc)
				fail_msg("%s", outer[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_every_step),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_inner_packets),
		cmocka_unit_test(test_outer_packets),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
