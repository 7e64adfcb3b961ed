/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Memory runs out at each allocation of a proof in turn: it is never proven
 * then. The message is one that is proven when there is memory.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault_testing.h"
#include "openpgp/armor.h"
#include "openpgp/proof.h"

#define TYPE                                                            \
	"multipart/encrypted; protocol=\"application/pgp-encrypted\"; " \
	"boundary=b"

enum { MANY = 10000, POINT_LEN = 35, WRAPPED_LEN = 48, DATA_LEN = 300 };

static struct pgp_subkey subkey = {
	.version = 4,
	.algorithm = PGP_ECDH,
	.fingerprint_len = 20,
	.fingerprint = { [12] = 1, 2, 3, 4, 5, 6, 7, 8 },
};

/* PKESK and SEIPD: no ciphertext, but octets that are spread like one. */
static void
put_packets(struct buf *to)
{
	const uint8_t pkesk[] = { 0xc1, 10 + POINT_LEN + 1 + WRAPPED_LEN, 3, 1,
		2, 3, 4, 5, 6, 7, 8, PGP_ECDH, 1, 7, 0x40 };
	uint8_t rest[POINT_LEN - 3 + 1 + WRAPPED_LEN] = { 0 };
	const uint8_t seipd[] = { 0xd2, 0xff, 0, 0, DATA_LEN >> 8,
		DATA_LEN & 255, 1 };

	rest[POINT_LEN - 3] = WRAPPED_LEN;
	assert_int_equal(buf_put(to, pkesk, sizeof pkesk, NULL), 0);
	assert_int_equal(buf_put(to, rest, sizeof rest, NULL), 0);
	assert_int_equal(buf_put(to, seipd, sizeof seipd, NULL), 0);
	for (unsigned i = 1; i < DATA_LEN; i++)
		assert_int_equal(buf_putc(to, (uint8_t)(i * 167), NULL), 0);
}

static void
put_body(struct buf *to)
{
	cleanup(buf_reset) struct buf packets = { .limit = 1000 };
	cleanup(armor_writer_free) struct armor_writer *w = NULL;

	put_packets(&packets);
	assert_int_equal(
	    buf_puts(to,
		"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
		"Version: 1\r\n\r\n"
		"--b\r\nContent-Type: application/octet-stream\r\n\r\n",
		NULL),
	    0);
	assert_int_equal(armor_writer_new(sink_to_buf(to), &w, NULL), 0);
	struct sink sink = armor_writer_sink(w);
	assert_int_equal(sink_put(&sink, packets.data, packets.len, NULL), 0);
	assert_int_equal(armor_writer_finish(w, NULL), 0);
	assert_int_equal(buf_puts(to, "\r\n--b--\r\n", NULL), 0);
}

static int
prove(const struct buf *body, struct err *err)
{
	cleanup(pgp_proof_free) struct pgp_proof *p = NULL;
	struct pgp_cert cert = { .subkeys = &subkey, .subkey_count = 1 };
	struct pgp_cert *const certs[] = { &cert };
	const char *reason;
	int rc = pgp_proof_new(TYPE, strlen(TYPE), certs, 1, &p, err);

	if (rc != 1)
		return rc;
	rc = pgp_proof_feed(p, body->data, body->len, err);
	if (rc < 0) {
		struct err again = { 0 };

		/* and it stays so */
		assert_int_equal(pgp_proof_feed(p, "\r\n", 2, &again), 0);
		assert_int_equal(pgp_proof_finish(p, &reason, &again), -1);
		return -1;
	}
	return pgp_proof_finish(p, &reason, err);
}

static void
nothing_is_proven_without_memory(void **state)
{
	cleanup(buf_reset) struct buf body = { .limit = 10000 };
	unsigned long n = 1;

	(void)state;
	put_body(&body);
	for (; n < MANY; n++) {
		struct err err = { 0 };

		fault_at(n);
		int rc = prove(&body, &err);
		if (!fault_off()) {
			assert_int_equal(rc, 1);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.kind, ERR_TEMP);
	}
	assert_in_range(n, 5, MANY - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_proven_without_memory),
	};
	if (!FAULT_TESTING)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
