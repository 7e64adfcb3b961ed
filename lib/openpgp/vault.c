/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A secret key packet is the public key packet and then the protected part
 * (RFC 9580, section 5.5.3). So each must begin with a key packet of the
 * certificate, and nothing needs to be known of its algorithm.
 */
#include "openpgp/vault.h"

#include <string.h>

#include "base/limits.h"
#include "openpgp/key_armor.h"
#include "openpgp/keyblock.h"
#include "openpgp/packet.h"

enum {
	USAGE_AEAD = 253,
	USAGE_SHA1 = 254,
	S2K_ITERATED = 3,
	S2K_ARGON2 = 4,
	CIPHER_AES128 = 7,
	CIPHER_AES256 = 9,
	PROTECTED_MIN = 32, /* S2K, initial vector, the shortest secret */
	SECRET_KEYS_MAX = 2 * LIMIT_SUBKEYS,
};

struct check {
	const struct keyblock *kb; /* the certificate */
	const struct pgp_cert *cert;
	size_t packets;
	size_t secret_keys;
	bool wanted; /* the packet at hand is a key */
	unsigned tag;
	struct buf body; /* of that packet */
	bool found[LIMIT_SUBKEYS]; /* by encryption subkey of cert */
};

static void
check_reset(struct check *c)
{
	buf_reset(&c->body);
}

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct check *c = ctx;

	c->packets++;
	c->tag = tag;
	c->wanted = tag == PGP_TAG_SECRET_KEY || tag == PGP_TAG_SECRET_SUBKEY;
	buf_clear(&c->body);
	if (c->wanted && ++c->secret_keys > SECRET_KEYS_MAX)
		return err_set(err, ERR_PERM, "too many keys");
	if ((c->packets == 1) != (tag == PGP_TAG_SECRET_KEY))
		return err_set(err, ERR_PERM,
		    c->packets == 1 ? "it does not begin with a private key"
		                    : "there is more than one private key");
	switch (tag) {
	case PGP_TAG_PUBLIC_KEY:
	case PGP_TAG_PUBLIC_SUBKEY:
		return err_set(err, ERR_PERM,
		    "one of its keys is the public part alone");
	case PGP_TAG_SECRET_KEY:
	case PGP_TAG_SECRET_SUBKEY:
	case PGP_TAG_SIGNATURE:
	case PGP_TAG_USER_ID:
		return 0;
	default:
		return err_set(err, ERR_PERM,
		    "a packet of tag %u has no place in a vault", tag);
	}
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct check *c = ctx;

	return c->wanted ? buf_put(&c->body, data, n, err) : 0;
}

static bool
begins_with(const struct buf *body, const void *prefix, size_t n)
{
	return body->len >= n && memcmp(body->data, prefix, n) == 0;
}

/* The part behind the certificate's key packet that the body begins with. */
static bool
find_public(const struct check *c, struct octets *rest)
{
	unsigned wanted = c->tag == PGP_TAG_SECRET_KEY ? PGP_TAG_PUBLIC_KEY
	                                               : PGP_TAG_PUBLIC_SUBKEY;

	for (size_t i = 0; i < c->kb->count; i++) {
		const struct keyblock_packet *p = &c->kb->packets[i];

		if (p->tag != wanted || p->body.n == 0 ||
		    !begins_with(&c->body, p->body.p, p->body.n))
			continue;
		*rest = (struct octets){ .p = c->body.data + p->body.n,
			.n = c->body.len - p->body.n };
		return true;
	}
	return false;
}

/* Usage octet, in version 6 a length, cipher, for AEAD its mode, S2K. */
static bool
is_protected(struct octets rest, uint8_t version)
{
	uint32_t usage = 0;
	uint32_t cipher = 0;
	uint32_t s2k = 0;
	uint32_t ignored = 0;

	if (rest.n < PROTECTED_MIN || !take_number(&rest, 1, &usage) ||
	    (usage != USAGE_SHA1 && usage != USAGE_AEAD) ||
	    (version > 4 && !take_number(&rest, 1, &ignored)) ||
	    !take_number(&rest, 1, &cipher) || cipher < CIPHER_AES128 ||
	    cipher > CIPHER_AES256 ||
	    (usage == USAGE_AEAD && !take_number(&rest, 1, &ignored)) ||
	    (version > 5 && !take_number(&rest, 1, &ignored)) ||
	    !take_number(&rest, 1, &s2k))
		return false;
	return s2k == S2K_ITERATED || s2k == S2K_ARGON2;
}

static void
mark_subkey(struct check *c)
{
	for (size_t i = 0; i < c->cert->subkey_count && i < LIMIT_SUBKEYS; i++)
		if (begins_with(&c->body, c->cert->subkeys[i].packet,
		        c->cert->subkeys[i].packet_len))
			c->found[i] = true;
}

static int
on_end(void *ctx, struct err *err)
{
	struct check *c = ctx;
	struct octets rest;

	if (!c->wanted)
		return 0;
	if (!find_public(c, &rest))
		return err_set(err, ERR_PERM,
		    "its private key is not that of the certificate");
	if (!is_protected(rest, c->body.data[0]))
		return err_set(err, ERR_PERM,
		    "the private key is not protected by a passphrase");
	mark_subkey(c);
	return 0;
}

static int
read_packets(struct check *c, const struct buf *binary, struct err *err)
{
	cleanup(packet_reader_free) struct packet_reader *r = NULL;
	const struct packet_events events = { .begin = on_begin,
		.body = on_body,
		.end = on_end,
		.ctx = c };

	if (packet_reader_new(events, &r, err) < 0)
		return -1;
	if (packet_reader_feed(r, binary->data, binary->len, err) < 0 ||
	    packet_reader_finish(r, err) < 0) {
		if (err != NULL && err->kind == ERR_PROTO)
			err->kind = ERR_PERM;
		return -1;
	}
	if (c->secret_keys == 0)
		return err_set(err, ERR_PERM, "it is empty");
	for (size_t i = 0; i < c->cert->subkey_count && i < LIMIT_SUBKEYS; i++)
		if (!c->found[i])
			return err_set(err, ERR_PERM,
			    "an encryption subkey of the certificate is not "
			    "in it");
	return 0;
}

int
pgp_vault_check(const struct pgp_cert *cert, const char *armored, size_t n,
    struct err *err)
{
	cleanup(keyblock_free) struct keyblock *kb = NULL;
	cleanup(buf_reset) struct buf binary = { .limit = LIMIT_CERTIFICATE,
		.secret = true };
	cleanup(check_reset) struct check c = { .cert = cert,
		.body = { .limit = 2 * LIMIT_PACKET_BODY, .secret = true } };

	if (keyblock_read(cert->data, cert->data_len, &kb, err) < 0)
		return -1;
	c.kb = kb;
	if (n > 0 && (armored[0] & 0x80) != 0)
		return err_set(err, ERR_PERM, "the vault is not armored");
	if (secret_key_dearmor((const uint8_t *)armored, n, &binary, err) <
	        0 ||
	    read_packets(&c, &binary, err) < 0)
		return err_context(err, "the vault");
	return 0;
}
