/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "crypt/aes.h"
#include "crypt/hash.h"
#include "openpgp/armor.h"
#include "openpgp/encrypt.h"
#include "openpgp/message.h"
#include "openpgp/session_key.h"
#include "openpgp/unseal.h"

static struct {
	const struct crypt *crypt;
	uint8_t session_key[SESSION_KEY_LEN];
} kit;

void
kit_use(const struct crypt *crypt)
{
	kit.crypt = crypt;
}

/* RFC 7748, 6.1: Alice's public key. */
static const uint8_t public_key[32] = { 0x85, 0x20, 0xf0, 0x09, 0x89, 0x30,
	0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf,
	0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b,
	0x4e, 0x6a };

static void
fingerprint(const struct crypt *crypt, const uint8_t *packet, size_t n,
    uint8_t out[20])
{
	uint8_t framed[3 + 64] = { 0x99, 0, (uint8_t)n };
	struct err err = { 0 };

	memcpy(framed + 3, packet, n);
	assert_int_equal(hash_of(crypt, HASH_SHA1, framed, n + 3, out, &err),
	    0);
}

struct pgp_cert *
kit_cert(const struct crypt *crypt, bool seipd2, int64_t expires)
{
	uint8_t packet[6 + 32] = { 4, 0x60, 0, 0, 0, PGP_X25519 };
	struct pgp_cert *c = pgp_cert_new();

	assert_non_null(c);
	memcpy(packet + 6, public_key, sizeof public_key);
	c->subkeys = calloc(1, sizeof *c->subkeys);
	c->subkey_count = 1;
	c->created = 0x60000000;
	c->expires = expires;
	c->user_ids = strdup("Ann <ann@example.org>");
	c->data = malloc(4);
	assert_non_null(c->data);
	memcpy(c->data, "cert", 4);
	c->data_len = 4;

	struct pgp_subkey *k = &c->subkeys[0];

	k->version = 4;
	k->algorithm = PGP_X25519;
	k->fingerprint_len = 20;
	k->created = 0x60000000;
	k->expires = expires;
	k->seipd2 = seipd2;
	k->packet = malloc(sizeof packet);
	assert_non_null(k->packet);
	memcpy(k->packet, packet, sizeof packet);
	k->packet_len = sizeof packet;
	fingerprint(crypt, packet, sizeof packet, k->fingerprint);
	memcpy(c->fingerprint, k->fingerprint, 20);
	c->fingerprint[0] ^= 0xff;
	c->fingerprint_len = 20;
	return c;
}

int __real_pgp_session_new(const struct crypt *crypt,
    const struct pgp_cert *cert, const struct pgp_subkey *subkey,
    struct pgp_session **out, struct err *err);
int __wrap_pgp_session_new(const struct crypt *crypt,
    const struct pgp_cert *cert, const struct pgp_subkey *subkey,
    struct pgp_session **out, struct err *err);

int
__wrap_pgp_session_new(const struct crypt *crypt, const struct pgp_cert *cert,
    const struct pgp_subkey *subkey, struct pgp_session **out, struct err *err)
{
	int rc = __real_pgp_session_new(crypt, cert, subkey, out, err);

	if (rc == 0)
		assert_true(pgp_session_key(*out, kit.session_key));
	return rc;
}

static int
feed_reader(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return message_reader_feed(ctx, data, n, err);
}

static int
read_armored(struct message_reader *r, const void *data, size_t n,
    struct err *err)
{
	cleanup(armor_reader_free) struct armor_reader *a = NULL;
	struct sink to = { .put = feed_reader, .ctx = r };

	if (armor_reader_new(to, &a, err) < 0 ||
	    armor_reader_feed(a, data, n, err) < 0)
		return -1;
	return armor_reader_finish(a, err);
}

int __wrap_pgp_decrypt(const char *home, const void *data, size_t n,
    struct buf *out, struct err *err);

int
__wrap_pgp_decrypt(const char *home, const void *data, size_t n,
    struct buf *out, struct err *err)
{
	cleanup(message_reader_free) struct message_reader *r = NULL;
	bool armored = n > 5 && memcmp(data, "-----", 5) == 0;

	(void)home;
	struct aes_key key = { kit.session_key, sizeof kit.session_key };

	if (message_reader_new(kit.crypt, key, sink_to_buf(out), &r, err) < 0)
		return -1;
	if ((armored ? read_armored(r, data, n, err)
		     : message_reader_feed(r, data, n, err)) < 0)
		return -1;
	return message_reader_finish(r, err);
}

void
kit_unseal(const void *message, size_t n, struct buf *out)
{
	struct err err = { 0 };
	int rc = unseal_message(NULL, message, n, out, &err);

	if (rc != 1)
		fail_msg("unseal_message: %d, %s", rc, err.text);
}
