/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* From a packet and its passphrase to a key that decrypts. */
#include <string.h>

#include "base/limits.h"
#include "base/locked.h"
#include "crypt/aes.h"
#include "crypt/kdf.h"
#include "openpgp/fingerprint.h"
#include "openpgp/packet.h"
#include "openpgp/pkesk.h"
#include "openpgp/secret_packet.h"

enum {
	SHA1_LEN = 20,
	SUM_LEN = 2,
	PACKET_HEAD = 0xc0, /* of a new-format packet */
	X25519_LEN = 32,
	CIPHER_AES128_ID = 7,
};

static int
damaged(struct err *err)
{
	return err_set(err, ERR_PERM, "the private key is damaged");
}

static size_t
key_len(const struct secret_packet *p)
{
	return 16 + 8 * (size_t)(p->cipher - CIPHER_AES128_ID);
}

/* CFB with an initial vector: it goes through first, and what comes is lost. */
static int
decrypt_cfb(const struct crypt *c, const struct secret_packet *p,
    struct aes_key key, struct locked *out, struct err *err)
{
	cleanup(cfb_free) struct cfb *b = NULL;
	uint8_t lost[AES_BLOCK_LEN];

	if (cfb_new(c, key, AES_DECRYPT, &b, err) < 0 ||
	    cfb_feed(b, p->iv.p, p->iv.n, lost, err) < 0)
		return -1;
	out->len = p->data.n;
	return cfb_feed(b, p->data.p, p->data.n, out->data, err);
}

/* The two octets at the end of `plain` are the sum of the others. */
static bool
sum_is_right(const struct locked *plain)
{
	unsigned sum = 0;

	if (plain->len < SUM_LEN)
		return false;

	const uint8_t *end = plain->data + plain->len - SUM_LEN;

	for (const uint8_t *p = plain->data; p < end; p++)
		sum += *p;
	return (sum & 0xffff) == ((unsigned)end[0] << 8 | end[1]);
}

/* 1 the checksum at the end of `plain` is right (and cut off), 0 it is not. */
static int
check_plain(const struct crypt *c, const struct secret_packet *p,
    struct locked *plain, struct err *err)
{
	uint8_t digest[SHA1_LEN];

	if (p->usage != SECRET_SHA1) {
		if (!sum_is_right(plain))
			return 0;
		explicit_bzero(plain->data + plain->len - SUM_LEN, SUM_LEN);
		plain->len -= SUM_LEN;
		return 1;
	}
	if (plain->len < SHA1_LEN)
		return 0;
	if (hash_of(c, HASH_SHA1, plain->data, plain->len - SHA1_LEN, digest,
		err) < 0)
		return -1;
	plain->len -= SHA1_LEN;
	return crypt_equal(digest, plain->data + plain->len, SHA1_LEN) ? 1 : 0;
}

/* RFC 9580, 3.7.2.1: the key is made for this packet alone. */
static int
aead_key(const struct crypt *c, const struct secret_packet *p, uint8_t *key,
    struct err *err)
{
	const uint8_t info[] = { (uint8_t)(PACKET_HEAD | p->tag), p->version,
		p->cipher, 2 };
	uint8_t kek[S2K_KEY_MAX];
	int rc = hkdf_sha256(c, (struct crypt_bytes){ key, key_len(p) },
	    (struct crypt_bytes){ NULL, 0 },
	    (struct crypt_bytes){ info, sizeof info }, kek, key_len(p), err);

	memcpy(key, kek, key_len(p));
	explicit_bzero(kek, sizeof kek);
	return rc;
}

static int
decrypt_ocb(const struct crypt *c, const struct secret_packet *p,
    struct aes_key key, struct locked *out, struct err *err)
{
	cleanup(buf_reset) struct buf ad = { .limit = LIMIT_PACKET_BODY + 1 };
	cleanup(ocb_free) struct ocb *o = NULL;
	struct err why = { 0 };

	if (p->data.n < OCB_TAG_LEN)
		return damaged(err);
	out->len = p->data.n - OCB_TAG_LEN;
	if (buf_putc(&ad, (uint8_t)(PACKET_HEAD | p->tag), err) < 0 ||
	    buf_put(&ad, p->public_part.p, p->public_part.n, err) < 0 ||
	    ocb_new(c, key, AES_DECRYPT, &o, err) < 0)
		return -1;

	const struct ocb_chunk chunk = { .nonce = p->iv.p,
		.ad = ad.data,
		.ad_len = ad.len,
		.in = p->data.p,
		.len = out->len };

	if (ocb_open(o, &chunk, p->data.p + out->len, out->data, &why) == 0)
		return 1;
	return why.kind == ERR_PERM ? 0
				    : err_set(err, why.kind, "%s", why.text);
}

static int
decrypt_with(const struct crypt *c, const struct secret_packet *p,
    uint8_t key[S2K_KEY_MAX], struct locked *out, struct err *err)
{
	const struct aes_key aes = { key, key_len(p) };

	if (p->usage == SECRET_AEAD)
		return aead_key(c, p, key, err) < 0
			   ? -1
			   : decrypt_ocb(c, p, aes, out, err);
	if (decrypt_cfb(c, p, aes, out, err) < 0)
		return -1;
	return check_plain(c, p, out, err);
}

static int
decrypt_protected(const struct crypt *c, const struct secret_packet *p,
    struct crypt_bytes passphrase, struct locked *out, struct err *err)
{
	uint8_t key[S2K_KEY_MAX];
	int rc = s2k_derive(c, &p->s2k, passphrase, key, key_len(p), err);

	if (rc == 0)
		rc = decrypt_with(c, p, key, out, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

/* The secret numbers, checked. 1, 0 wrong passphrase, -1. */
static int
decrypt_material(const struct crypt *c, const struct secret_packet *p,
    struct crypt_bytes passphrase, struct locked *out, struct err *err)
{
	if (p->usage != SECRET_PLAIN)
		return decrypt_protected(c, p, passphrase, out, err);
	memcpy(out->data, p->data.p, p->data.n);
	out->len = p->data.n;
	if (p->version == 6)
		return 1; /* it has no checksum */

	int rc = check_plain(c, p, out, err);

	return rc == 0 ? damaged(err) : rc;
}

static int
make_rsa(const struct crypt *c, struct octets from, struct secret_key *k,
    struct err *err)
{
	struct octets d, p, q, u;

	if (!take_mpi(&from, &d) || !take_mpi(&from, &p) ||
	    !take_mpi(&from, &q) || !take_mpi(&from, &u) || from.n > 0)
		return damaged(err);

	const struct rsa_private key = { .public_key = k->pubkey.rsa,
		.d = { d.p, d.n },
		.p = { p.p, p.n },
		.q = { q.p, q.n } };

	return rsa_key_new(c, &key, &k->rsa, err);
}

/* An integer, which Curve25519 has the other way round. */
static int
make_ecdh(const struct crypt *c, struct octets from, struct secret_key *k,
    struct err *err)
{
	uint8_t turned[X25519_LEN] = { 0 };
	struct octets d;

	if (!take_mpi(&from, &d) || from.n > 0)
		return damaged(err);
	if (k->pubkey.ecdh.curve != CURVE_X25519)
		return ecdh_key_new(c, k->pubkey.ecdh.curve,
		    (struct crypt_bytes){ d.p, d.n }, &k->ecdh, err);
	if (d.n > sizeof turned)
		return damaged(err);
	for (size_t i = 0; i < d.n; i++)
		turned[i] = d.p[d.n - 1 - i];

	int rc = ecdh_key_new(c, CURVE_X25519,
	    (struct crypt_bytes){ turned, sizeof turned }, &k->ecdh, err);

	explicit_bzero(turned, sizeof turned);
	return rc;
}

static int
make_key(const struct crypt *c, struct octets from, struct secret_key *k,
    struct err *err)
{
	switch (k->pubkey.algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
		return make_rsa(c, from, k, err);
	case PGP_ECDH:
		return make_ecdh(c, from, k, err);
	case PGP_X25519:
		return from.n != X25519_LEN
			   ? damaged(err)
			   : ecdh_key_new(c, CURVE_X25519,
				 (struct crypt_bytes){ from.p, from.n },
				 &k->ecdh, err);
	default:
		return damaged(err);
	}
}

static int
fill_subkey(const struct crypt *c, const struct secret_packet *p,
    struct secret_key *k, struct err *err)
{
	struct pgp_subkey *s = &k->subkey;

	s->packet = malloc(p->public_part.n);
	if (s->packet == NULL)
		return err_nomem(err);
	memcpy(s->packet, p->public_part.p, p->public_part.n);
	s->packet_len = p->public_part.n;
	s->version = p->version;
	if (pubkey_parse(s->packet, s->packet_len, &k->pubkey, err) != 1)
		return damaged(err);
	s->algorithm = k->pubkey.algorithm;
	return pgp_fingerprint(c, s->packet, s->packet_len, s->fingerprint,
	    &s->fingerprint_len, err);
}

/*
 * The checksum of the secret part does not cover the public part: whoever keeps
 * the file for us could have put in another. So a session key is sent through
 * both.
 */
static int
check_pair(const struct crypt *c, const struct secret_key *k, struct err *err)
{
	cleanup(buf_reset) struct buf packet = { .limit = LIMIT_PACKET_BODY };
	enum pkesk_version version =
	    k->subkey.version == 6 ? PKESK_V6 : PKESK_V3;
	uint8_t sent[SESSION_KEY_LEN];
	struct session_key came = { 0 };
	struct err why = { 0 };

	if (crypt_random(c, sent, sizeof sent, err) < 0 ||
	    pkesk_put(c, &k->subkey, &k->pubkey, version, sent, &packet, err) <
		0)
		return -1;

	size_t head = packet.data[1] < 192 ? 2 : 3;
	size_t skip = head +
	    (version == PKESK_V3 ? 10 : 4 + k->subkey.fingerprint_len);

	if (skip < packet.len &&
	    pkesk_open(c, k, version,
		(struct octets){ packet.data + skip, packet.len - skip }, &came,
		&why) == 0 &&
	    came.len == sizeof sent && crypt_equal(came.key, sent, sizeof sent))
		return 0;
	if (why.kind == ERR_TEMP)
		return err_set(err, ERR_TEMP, "%s", why.text);
	return err_set(err, ERR_PERM,
	    "the private key is damaged: its public part is another key's");
}

void
secret_key_free(struct secret_key **kp)
{
	struct secret_key *k = steal(kp);

	if (k == NULL)
		return;
	free(k->subkey.packet);
	ecdh_key_free(&k->ecdh);
	rsa_key_free(&k->rsa);
	locked_free(k, sizeof *k);
}

int
secret_packet_unlock(const struct crypt *c, const struct secret_packet *p,
    struct crypt_bytes passphrase, struct secret_key **out, struct err *err)
{
	cleanup(secret_key_free) struct secret_key *k = locked_new(sizeof *k);
	const size_t size = p->data.n;

	if (p->unusable != NULL)
		return err_set(err, ERR_PERM,
		    "the private key cannot be used: %s", p->unusable);
	if (k == NULL || fill_subkey(c, p, k, err) < 0)
		return k == NULL ? err_nomem(err) : -1;

	struct locked plain = { .data = locked_new(size) };

	if (plain.data == NULL)
		return err_nomem(err);

	int rc = decrypt_material(c, p, passphrase, &plain, err);

	if (rc == 1 &&
	    (hash_of(c, HASH_SHA256, plain.data, plain.len, k->seed, err) < 0 ||
		make_key(c, (struct octets){ plain.data, plain.len }, k, err) <
		    0))
		rc = -1;
	locked_free(plain.data, size);
	if (rc <= 0)
		return rc;
	if (check_pair(c, k, err) < 0)
		return -1;
	*out = steal(&k);
	return 1;
}
