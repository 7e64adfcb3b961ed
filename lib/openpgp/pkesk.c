/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/pkesk.h"

#include <string.h>

#include "base/limits.h"
#include "crypt/kdf.h"
#include "crypt/keywrap.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"

enum {
	KEK_LEN_MAX = 32,
	X25519_KEK_LEN = 16,
	CHECKSUM_LEN = 2,
	PLAIN_MAX = 40, /* cipher, key, checksum, padded to a multiple of 8 */
	WRAPPED_LEN_MAX = PLAIN_MAX + KEYWRAP_OVERHEAD,
	NATIVE_POINT = 0x40,
};

/* What one packet is made of. */
struct work {
	const struct crypt *crypt;
	const struct pgp_subkey *subkey;
	const struct pubkey *key;
	enum pkesk_version version;
	const uint8_t *session_key;
	struct buf *body;
};

/*
 * The session key as RSA and ECDH encrypt it: the cipher (version 3 only), the
 * key, its checksum; and for ECDH padded as PKCS #5 has it.
 */
static size_t
plain_session_key(const struct work *w, bool padded, uint8_t out[PLAIN_MAX])
{
	size_t n = 0;
	uint16_t sum = 0;

	if (w->version == PKESK_V3)
		out[n++] = CIPHER_AES256_ID;
	memcpy(out + n, w->session_key, SESSION_KEY_LEN);
	n += SESSION_KEY_LEN;
	for (size_t i = 0; i < SESSION_KEY_LEN; i++)
		sum = (uint16_t)(sum + w->session_key[i]);
	out[n++] = (uint8_t)(sum >> 8);
	out[n++] = (uint8_t)sum;
	if (!padded)
		return n;
	memset(out + n, (int)(PLAIN_MAX - n), PLAIN_MAX - n);
	return PLAIN_MAX;
}

/* `prefix` is the first octet and not zero, or there is none (-1). */
static int
put_mpi(
    struct buf *b, int prefix, const uint8_t *data, size_t n, struct err *err)
{
	uint8_t head[3] = { 0 };
	size_t skip = 0;

	while (prefix < 0 && skip + 1 < n && data[skip] == 0)
		skip++;

	unsigned top = prefix < 0 ? data[skip] : (unsigned)prefix;
	size_t octets = n - skip + (prefix < 0 ? 0 : 1);
	size_t bits =
	    8 * octets - (top == 0 ? 8 : (size_t)__builtin_clz(top) - 24);

	head[0] = (uint8_t)(bits >> 8);
	head[1] = (uint8_t)bits;
	head[2] = (uint8_t)top;
	if (buf_put(b, head, prefix < 0 ? 2 : 3, err) < 0)
		return -1;
	return buf_put(b, data + skip, n - skip, err);
}

static int
put_rsa(const struct work *w, struct err *err)
{
	uint8_t plain[PLAIN_MAX];
	uint8_t cipher[RSA_LEN_MAX];
	size_t cipher_len = 0;
	size_t n = plain_session_key(w, false, plain);
	int rc = rsa_encrypt(
	    w->crypt, &w->key->rsa, plain, n, cipher, &cipher_len, err);

	explicit_bzero(plain, sizeof plain);
	return rc < 0 ? -1 : put_mpi(w->body, -1, cipher, cipher_len, err);
}

/* Everything the KDF hashes besides the secret (RFC 9580, 11.5: "Param"). */
static int
put_kdf_param(const struct pgp_subkey *subkey, const struct pubkey *key,
    struct buf *b, struct err *err)
{
	const uint8_t ids[] = { PGP_ECDH, 3, 1, key->ecdh.kdf_hash_id,
		key->ecdh.kek_cipher_id };

	if (buf_put(b, key->ecdh.oid, key->ecdh.oid_len, err) < 0 ||
	    buf_put(b, ids, sizeof ids, err) < 0 ||
	    buf_put(b, "Anonymous Sender    ", 20, err) < 0)
		return -1;
	return buf_put(b, subkey->fingerprint, subkey->fingerprint_len, err);
}

int
pkesk_ecdh_kek(const struct crypt *c, const struct pgp_subkey *subkey,
    const struct pubkey *key, const struct ecdh_agreement *a,
    uint8_t kek[KEK_LEN_MAX], struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = 512, .secret = true };
	uint8_t hash[HASH_LEN_MAX];

	if (buf_put(&b, "\0\0\0\1", 4, err) < 0 ||
	    buf_put(&b, a->secret, a->secret_len, err) < 0 ||
	    put_kdf_param(subkey, key, &b, err) < 0 ||
	    hash_of(c, key->ecdh.kdf_hash, b.data, b.len, hash, err) < 0)
		return -1;
	memcpy(kek, hash, key->ecdh.kek_len);
	explicit_bzero(hash, sizeof hash);
	return 0;
}

/* The length octet and the wrapped key, behind the ephemeral point. */
static int
put_wrapped(const struct work *w, struct aes_key kek, const uint8_t *plain,
    size_t n, struct err *err)
{
	uint8_t wrapped[WRAPPED_LEN_MAX];
	bool cipher = w->key->algorithm == PGP_X25519 && w->version == PKESK_V3;
	size_t len = n + KEYWRAP_OVERHEAD;

	if (keywrap(w->crypt, kek, plain, n, wrapped, err) < 0 ||
	    buf_putc(w->body, (uint8_t)(len + (cipher ? 1 : 0)), err) < 0)
		return -1;
	if (cipher && buf_putc(w->body, CIPHER_AES256_ID, err) < 0)
		return -1;
	return buf_put(w->body, wrapped, len, err);
}

static int
put_ecdh_secret(
    const struct work *w, const struct ecdh_agreement *a, struct err *err)
{
	uint8_t kek[KEK_LEN_MAX];
	uint8_t plain[PLAIN_MAX];
	int prefix = w->key->ecdh.curve == CURVE_X25519 ? NATIVE_POINT : -1;
	size_t n = plain_session_key(w, true, plain);
	int rc = -1;

	if (put_mpi(w->body, prefix, a->point, a->point_len, err) == 0 &&
	    pkesk_ecdh_kek(w->crypt, w->subkey, w->key, a, kek, err) == 0)
		rc = put_wrapped(w,
		    (struct aes_key){ kek, w->key->ecdh.kek_len }, plain, n,
		    err);
	explicit_bzero(kek, sizeof kek);
	explicit_bzero(plain, sizeof plain);
	return rc;
}

int
pkesk_x25519_kek(const struct crypt *c, const struct pubkey *key,
    const struct ecdh_agreement *a, uint8_t kek[X25519_KEK_LEN],
    struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = 96, .secret = true };

	if (buf_put(&b, a->point, a->point_len, err) < 0 ||
	    buf_put(&b, key->point, key->point_len, err) < 0 ||
	    buf_put(&b, a->secret, a->secret_len, err) < 0)
		return -1;
	return hkdf_sha256(c, (struct crypt_bytes){ b.data, b.len },
	    (struct crypt_bytes){ NULL, 0 },
	    (struct crypt_bytes){ "OpenPGP X25519", 14 }, kek, X25519_KEK_LEN,
	    err);
}

static int
put_x25519_secret(
    const struct work *w, const struct ecdh_agreement *a, struct err *err)
{
	uint8_t kek[X25519_KEK_LEN];
	int rc = -1;

	if (buf_put(w->body, a->point, a->point_len, err) == 0 &&
	    pkesk_x25519_kek(w->crypt, w->key, a, kek, err) == 0)
		rc = put_wrapped(w, (struct aes_key){ kek, sizeof kek },
		    w->session_key, SESSION_KEY_LEN, err);
	explicit_bzero(kek, sizeof kek);
	return rc;
}

static int
put_agreed(const struct work *w, struct err *err)
{
	struct ecdh_agreement a = { 0 };
	int rc = ecdh_agree(w->crypt, w->key->ecdh.curve, w->key->point,
	    w->key->point_len, &a, err);

	if (rc == 0)
		rc = w->key->algorithm == PGP_X25519
			 ? put_x25519_secret(w, &a, err)
			 : put_ecdh_secret(w, &a, err);
	explicit_bzero(&a, sizeof a);
	return rc;
}

/* Whom it is for. */
static int
put_recipient(const struct work *w, struct err *err)
{
	const struct pgp_subkey *s = w->subkey;
	uint8_t id[8];

	if (w->version == PKESK_V3) {
		pgp_key_id(s->fingerprint, s->fingerprint_len, id);
		return buf_put(w->body, id, sizeof id, err);
	}
	if (buf_putc(w->body, (uint8_t)(1 + s->fingerprint_len), err) < 0 ||
	    buf_putc(w->body, s->version, err) < 0)
		return -1;
	return buf_put(w->body, s->fingerprint, s->fingerprint_len, err);
}

static int
put_body(const struct work *w, struct err *err)
{
	if (buf_putc(w->body, (uint8_t)w->version, err) < 0 ||
	    put_recipient(w, err) < 0 ||
	    buf_putc(w->body, w->key->algorithm, err) < 0)
		return -1;
	if (w->key->algorithm == PGP_ECDH || w->key->algorithm == PGP_X25519)
		return put_agreed(w, err);
	return put_rsa(w, err);
}

int
pkesk_put(const struct crypt *c, const struct pgp_subkey *subkey,
    const struct pubkey *key, enum pkesk_version version,
    const uint8_t session_key[SESSION_KEY_LEN], struct buf *out,
    struct err *err)
{
	cleanup(buf_reset) struct buf body = { .limit = LIMIT_PACKET_BODY };
	uint8_t header[PACKET_HEADER_MAX];
	struct work w = { c, subkey, key, version, session_key, &body };

	if (put_body(&w, err) < 0)
		return -1;

	size_t n = packet_header(PGP_TAG_PKESK, (uint32_t)body.len, header);

	if (buf_put(out, header, n, err) < 0)
		return -1;
	return buf_put(out, body.data, body.len, err);
}
