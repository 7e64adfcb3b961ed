/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The way back from pkesk.c: the session key, for whoever has the secret. */
#include <string.h>

#include "crypt/keywrap.h"
#include "openpgp/pkesk.h"
#include "openpgp/secret_packet.h"

enum {
	KEK_LEN_MAX = 32,
	X25519_KEK_LEN = 16,
	X25519_LEN = 32,
	SUM_LEN = 2,
	NATIVE_POINT = 0x40,
	VERSION_3 = 3,
	CIPHER_AES128_ID = 7,
	SESSION_KEY_MIN = 16,
};

static int
not_for_us(struct err *err)
{
	return err_set(err, ERR_PERM, "the session key was not made for this "
				      "key, or is damaged");
}

/* [cipher] key checksum, without padding. */
static int
take_session_key(
    unsigned version, struct octets plain, struct session_key *out)
{
	uint32_t cipher = 0;
	unsigned sum = 0;

	if (version == VERSION_3 && !take_number(&plain, 1, &cipher))
		return -1;
	if (plain.n < SESSION_KEY_MIN + SUM_LEN ||
	    plain.n > sizeof out->key + SUM_LEN)
		return -1;
	out->cipher = cipher;
	out->len = plain.n - SUM_LEN;
	for (size_t i = 0; i < out->len; i++)
		sum += plain.p[i];
	memcpy(out->key, plain.p, out->len);
	return (sum & 0xffff) ==
		       ((unsigned)plain.p[out->len] << 8 | plain.p[out->len + 1])
		   ? 0
		   : -1;
}

static int
open_rsa(const struct secret_key *k, unsigned version, struct octets body,
    struct session_key *out, struct err *err)
{
	uint8_t plain[RSA_LEN_MAX];
	struct octets number;
	size_t n = 0;

	if (!take_mpi(&body, &number) || body.n > 0)
		return not_for_us(err);

	int rc = rsa_decrypt(k->rsa, number.p, number.n, plain, &n, err);

	if (rc == 0 &&
	    take_session_key(version, (struct octets){ plain, n }, out) < 0)
		rc = not_for_us(err);
	explicit_bzero(plain, sizeof plain);
	return rc;
}

/* Octets behind their length octet, to the end of the packet. */
static bool
take_wrapped(struct octets *from, struct octets *out)
{
	uint32_t len = 0;

	return take_number(from, 1, &len) && take_octets(from, len, out) &&
	       from->n == 0;
}

static int
unwrap(const struct crypt *c, struct aes_key kek, struct octets wrapped,
    uint8_t plain[KEYWRAP_DATA_MAX], struct octets *out, struct err *err)
{
	if (wrapped.n > KEYWRAP_DATA_MAX + KEYWRAP_OVERHEAD)
		return not_for_us(err);
	if (keyunwrap(c, kek, wrapped.p, wrapped.n, plain, err) < 0)
		return -1;
	*out = (struct octets){ plain, wrapped.n - KEYWRAP_OVERHEAD };
	return 0;
}

/* Takes PKCS #5 padding off. */
static bool
unpad(struct octets *plain)
{
	size_t padding = plain->n == 0 ? 0 : plain->p[plain->n - 1];

	if (padding == 0 || padding > plain->n)
		return false;
	for (size_t i = 0; i < padding; i++)
		if (plain->p[--plain->n] != padding)
			return false;
	return true;
}

static int
unwrap_ecdh(const struct crypt *c, const struct secret_key *k,
    const struct ecdh_agreement *a, struct octets wrapped, unsigned version,
    struct session_key *out, struct err *err)
{
	uint8_t kek[KEK_LEN_MAX];
	uint8_t plain[KEYWRAP_DATA_MAX];
	struct octets o = { 0 };
	int rc = pkesk_ecdh_kek(c, &k->subkey, &k->pubkey, a, kek, err);

	if (rc == 0)
		rc = unwrap(c, (struct aes_key){ kek, k->pubkey.ecdh.kek_len },
		    wrapped, plain, &o, err);
	if (rc == 0 && (!unpad(&o) || take_session_key(version, o, out) < 0))
		rc = not_for_us(err);
	explicit_bzero(kek, sizeof kek);
	explicit_bzero(plain, sizeof plain);
	return rc;
}

static int
open_ecdh(const struct crypt *c, const struct secret_key *k, unsigned version,
    struct octets body, struct session_key *out, struct err *err)
{
	struct ecdh_agreement a = { 0 };
	struct octets point;
	struct octets wrapped;

	if (!take_mpi(&body, &point) || !take_wrapped(&body, &wrapped))
		return not_for_us(err);
	if (k->pubkey.ecdh.curve == CURVE_X25519) {
		if (point.n != 1 + X25519_LEN || point.p[0] != NATIVE_POINT)
			return not_for_us(err);
		point.p++;
		point.n--;
	}

	int rc = ecdh_key_derive(
	    k->ecdh, (struct crypt_bytes){ point.p, point.n }, &a, err);

	if (rc == 0)
		rc = unwrap_ecdh(c, k, &a, wrapped, version, out, err);
	explicit_bzero(&a, sizeof a);
	return rc;
}

static int
unwrap_x25519(const struct crypt *c, const struct secret_key *k,
    const struct ecdh_agreement *a, struct octets wrapped,
    struct session_key *out, struct err *err)
{
	uint8_t kek[X25519_KEK_LEN];
	uint8_t plain[KEYWRAP_DATA_MAX];
	struct octets o = { 0 };
	int rc = pkesk_x25519_kek(c, &k->pubkey, a, kek, err);

	if (rc == 0)
		rc = unwrap(c, (struct aes_key){ kek, sizeof kek }, wrapped,
		    plain, &o, err);
	if (rc == 0 && o.n > sizeof out->key)
		rc = not_for_us(err);
	if (rc == 0) {
		memcpy(out->key, o.p, o.n);
		out->len = o.n;
	}
	explicit_bzero(kek, sizeof kek);
	explicit_bzero(plain, sizeof plain);
	return rc;
}

/* The cipher of version 3 stands in front of the wrapped key, readable. */
static int
open_x25519(const struct crypt *c, const struct secret_key *k, unsigned version,
    struct octets body, struct session_key *out, struct err *err)
{
	struct ecdh_agreement a = { 0 };
	struct octets point;
	struct octets wrapped;
	uint32_t cipher = 0;

	if (!take_octets(&body, X25519_LEN, &point) ||
	    !take_wrapped(&body, &wrapped) ||
	    (version == VERSION_3 && !take_number(&wrapped, 1, &cipher)))
		return not_for_us(err);

	int rc = ecdh_key_derive(
	    k->ecdh, (struct crypt_bytes){ point.p, point.n }, &a, err);

	if (rc == 0)
		rc = unwrap_x25519(c, k, &a, wrapped, out, err);
	out->cipher = cipher;
	explicit_bzero(&a, sizeof a);
	return rc;
}

int
pkesk_open(const struct crypt *c, const struct secret_key *k, unsigned version,
    struct octets body, struct session_key *out, struct err *err)
{
	switch (k->pubkey.algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
		return open_rsa(k, version, body, out, err);
	case PGP_ECDH:
		return open_ecdh(c, k, version, body, out, err);
	case PGP_X25519:
		return open_x25519(c, k, version, body, out, err);
	default:
		return not_for_us(err);
	}
}
