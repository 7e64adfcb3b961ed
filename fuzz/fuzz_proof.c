/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The proof that a message is sealed. The first octet says what the rest is:
 * a Content-Type's value and a body behind an empty line, a body, armor, or
 * packets. Cut or whole, the verdict is the same.
 */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "openpgp/armor.h"
#include "openpgp/proof.h"

#define TYPE                                                            \
	"multipart/encrypted; protocol=\"application/pgp-encrypted\"; " \
	"boundary=b"
#define BEFORE                                                   \
	"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n" \
	"Version: 1\r\n\r\n"                                     \
	"--b\r\nContent-Type: application/octet-stream\r\n\r\n"
#define AFTER "\r\n--b--\r\n"

enum { LARGEST = 1 << 24 };

/* Key ID 1111111111111111; the fingerprint of the other is 32 times 1. */
static struct pgp_subkey keys[] = {
	{ .version = 4, .algorithm = PGP_ECDH, .fingerprint_len = 20 },
	{ .version = 6, .algorithm = PGP_X25519, .fingerprint_len = 32 },
};

static int
prove(const struct buf *type, const struct buf *body, size_t step)
{
	cleanup(pgp_proof_free) struct pgp_proof *p = NULL;
	struct pgp_cert cert = { .subkeys = keys, .subkey_count = 2 };
	struct pgp_cert *const certs[] = { &cert };
	struct err err = { 0 };
	const char *reason;
	int rc = pgp_proof_new(
	    (const char *)type->data, type->len, certs, 1, &p, &err);

	CHECK(rc >= 0);
	if (rc == 0)
		return 0;
	for (size_t i = 0; i < body->len; i += step) {
		size_t left = body->len - i;

		rc = pgp_proof_feed(
		    p, body->data + i, left < step ? left : step, &err);
		CHECK(rc >= 0);
	}
	rc = pgp_proof_finish(p, &reason, &err);
	CHECK(rc == 1 || (rc == 0 && reason[0] != '\0'));
	return rc;
}

static void
put(struct buf *to, const void *data, size_t n)
{
	CHECK(buf_put(to, data, n, NULL) == 0);
}

static void
put_armored(struct buf *to, const uint8_t *data, size_t size)
{
	cleanup(armor_writer_free) struct armor_writer *w = NULL;

	CHECK(armor_writer_new(sink_to_buf(to), &w, NULL) == 0);
	struct sink sink = armor_writer_sink(w);
	CHECK(sink_put(&sink, data, size, NULL) == 0);
	CHECK(armor_writer_finish(w, NULL) == 0);
}

static void
build(struct buf *type, struct buf *body, const uint8_t *data, size_t size)
{
	uint8_t kind = data[0] % 4;
	const uint8_t *blank = kind == 0 ? memmem(data, size, "\n\n", 2) : NULL;

	data++;
	size--;
	if (blank != NULL) {
		put(type, data, (size_t)(blank - data));
		put(body, blank + 2, size - (size_t)(blank - data) - 2);
		return;
	}
	put(type, TYPE, strlen(TYPE));
	if (kind > 1)
		put(body, BEFORE, strlen(BEFORE));
	if (kind == 3)
		put_armored(body, data, size);
	else
		put(body, data, size);
	if (kind > 1)
		put(body, AFTER, strlen(AFTER));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf type = { .limit = LARGEST };
	cleanup(buf_reset) struct buf body = { .limit = LARGEST };

	if (size < 3)
		return 0;
	for (size_t i = 0; i < 2; i++)
		memset(keys[i].fingerprint, 0x11, keys[i].fingerprint_len);
	build(&type, &body, data, size);
	CHECK(buf_reserve(&type, 1, NULL) == 0);
	int whole = prove(&type, &body, body.len + 1);
	CHECK(prove(&type, &body, 1) == whole);
	CHECK(prove(&type, &body, 13) == whole);
	return 0;
}
