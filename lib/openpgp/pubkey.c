/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/pubkey.h"

#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "openpgp/cert.h"

enum {
	NATIVE_POINT_PREFIX = 0x40, /* before a point of Curve25519Legacy */
	CIPHER_AES128 = 7,
	CIPHER_AES256 = 9,
	KDF_PARAMETERS_LEN = 3,
};

/* Length octet first, as in the packet. */
static const struct {
	uint8_t oid[16];
	enum curve curve;
} known_curves[] = {
	{ { 10, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01 },
	    CURVE_X25519 },
	{ { 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, CURVE_P256 },
	{ { 5, 0x2b, 0x81, 0x04, 0x00, 0x22 }, CURVE_P384 },
	{ { 5, 0x2b, 0x81, 0x04, 0x00, 0x23 }, CURVE_P521 },
	{ { 9, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07 },
	    CURVE_BRAINPOOL256 },
	{ { 9, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b },
	    CURVE_BRAINPOOL384 },
	{ { 9, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d },
	    CURVE_BRAINPOOL512 },
};

static const struct {
	uint8_t id;
	enum hash_kind kind;
} kdf_hashes[] = {
	{ 2, HASH_SHA1 },
	{ 8, HASH_SHA256 },
	{ 9, HASH_SHA384 },
	{ 10, HASH_SHA512 },
	{ 11, HASH_SHA224 },
};

struct cursor {
	const uint8_t *p;
	size_t left;
};

static int
damaged(struct err *err, const char *what)
{
	return err_set(
	    err, ERR_PERM, "the stored encryption key is damaged: %s", what);
}

/* The next n octets, or NULL. */
static const uint8_t *
take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if (n > c->left)
		return NULL;
	c->p += n;
	c->left -= n;
	return p;
}

/* A multiprecision integer without its leading zeros, or NULL. */
static const uint8_t *
take_mpi(struct cursor *c, size_t *len)
{
	const uint8_t *head = take(c, 2);

	if (head == NULL)
		return NULL;

	size_t bits = (size_t)head[0] << 8 | head[1];
	const uint8_t *p = take(c, (bits + 7) / 8);

	*len = (bits + 7) / 8;
	while (p != NULL && *len > 0 && *p == 0) {
		p++;
		(*len)--;
	}
	return p;
}

static int
parse_rsa(struct cursor *c, struct pubkey *out, struct err *err)
{
	out->rsa.modulus = take_mpi(c, &out->rsa.modulus_len);
	if (out->rsa.modulus == NULL)
		return damaged(err, "RSA modulus");
	out->rsa.exponent = take_mpi(c, &out->rsa.exponent_len);
	if (out->rsa.exponent == NULL || out->rsa.exponent_len == 0)
		return damaged(err, "RSA exponent");
	return 1;
}

static bool
find_curve(struct pubkey *out)
{
	for (size_t i = 0; i < countof(known_curves); i++) {
		size_t len = 1 + (size_t)known_curves[i].oid[0];

		if (out->ecdh.oid_len != len ||
		    memcmp(out->ecdh.oid, known_curves[i].oid, len) != 0)
			continue;
		out->ecdh.curve = known_curves[i].curve;
		return true;
	}
	return false;
}

static bool
find_kdf(struct pubkey *out, uint8_t hash, uint8_t cipher)
{
	if (cipher < CIPHER_AES128 || cipher > CIPHER_AES256)
		return false;
	out->ecdh.kdf_hash_id = hash;
	out->ecdh.kek_cipher_id = cipher;
	out->ecdh.kek_len = 16 + 8 * (size_t)(cipher - CIPHER_AES128);
	for (size_t i = 0; i < countof(kdf_hashes); i++) {
		out->ecdh.kdf_hash = kdf_hashes[i].kind;
		if (kdf_hashes[i].id == hash)
			return hash_len(kdf_hashes[i].kind) >=
			       out->ecdh.kek_len;
	}
	return false;
}

static int
take_oid(struct cursor *c, struct pubkey *out, struct err *err)
{
	const uint8_t *len = take(c, 1);
	const uint8_t *oid = len == NULL ? NULL : take(c, *len);

	if (oid == NULL || *len == 0 || *len == 0xff)
		return damaged(err, "curve");
	if (*len >= sizeof out->ecdh.oid)
		return 0;
	out->ecdh.oid_len = 1 + (size_t)*len;
	memcpy(out->ecdh.oid, len, out->ecdh.oid_len);
	return find_curve(out) ? 1 : 0;
}

static int
take_point(struct cursor *c, struct pubkey *out, struct err *err)
{
	out->point = take_mpi(c, &out->point_len);
	if (out->point != NULL && out->ecdh.curve == CURVE_X25519 &&
	    out->point_len > 0 && out->point[0] == NATIVE_POINT_PREFIX) {
		out->point++;
		out->point_len--;
	}
	if (out->point == NULL ||
	    out->point_len != curve_point_len(out->ecdh.curve))
		return damaged(err, "point");
	return 1;
}

static int
parse_ecdh(struct cursor *c, struct pubkey *out, struct err *err)
{
	int rc = take_oid(c, out, err);

	if (rc <= 0 || take_point(c, out, err) < 0)
		return rc <= 0 ? rc : -1;

	const uint8_t *kdf = take(c, 1 + KDF_PARAMETERS_LEN);

	if (kdf == NULL || kdf[0] != KDF_PARAMETERS_LEN || kdf[1] != 1)
		return damaged(err, "KDF parameters");
	return find_kdf(out, kdf[2], kdf[3]) ? 1 : 0;
}

static int
parse_x25519(struct cursor *c, struct pubkey *out, struct err *err)
{
	out->ecdh.curve = CURVE_X25519;
	out->point_len = curve_point_len(CURVE_X25519);
	out->point = take(c, out->point_len);
	return out->point == NULL ? damaged(err, "X25519 point") : 1;
}

static int
parse_material(struct cursor *c, struct pubkey *out, struct err *err)
{
	switch (out->algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
		return parse_rsa(c, out, err);
	case PGP_ECDH:
		return parse_ecdh(c, out, err);
	case PGP_X25519:
		return parse_x25519(c, out, err);
	default:
		return 0;
	}
}

int
pubkey_parse(
    const uint8_t *packet, size_t len, struct pubkey *out, struct err *err)
{
	struct cursor c = { packet, len };
	const uint8_t *head = take(&c, 6); /* version, time, algorithm */

	*out = (struct pubkey){ 0 };
	if (head == NULL || len > LIMIT_PACKET_BODY)
		return damaged(err, "length");
	out->version = head[0];
	out->algorithm = head[5];
	if (out->version == 5)
		return 0; /* GnuPG's own, for Curve448 */
	if (out->version != 4 && out->version != 6)
		return damaged(err, "version");
	if (out->version == 6 && take(&c, 4) == NULL)
		return damaged(err, "length");

	int rc = parse_material(&c, out, err);

	if (rc == 1 && c.left > 0)
		return damaged(err, "something behind the key");
	return rc;
}
