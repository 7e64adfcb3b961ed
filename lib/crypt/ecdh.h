/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Diffie-Hellman on the curves of OpenPGP. A point is encoded as OpenSSL has
 * it: 32 octets for X25519 (little-endian), else 0x04, X and Y.
 */
#ifndef CRYPT_ECDH_H
#define CRYPT_ECDH_H

#include "crypt/crypt.h"

enum curve {
	CURVE_X25519,
	CURVE_P256,
	CURVE_P384,
	CURVE_P521,
	CURVE_BRAINPOOL256,
	CURVE_BRAINPOOL384,
	CURVE_BRAINPOOL512,
};
enum {
	CURVES = CURVE_BRAINPOOL512 + 1,
	ECDH_SECRET_MAX = 66,
	ECDH_POINT_MAX = 1 + 2 * ECDH_SECRET_MAX,
};

/* How many octets a point of this curve has. */
size_t curve_point_len(enum curve curve);

struct ecdh_agreement {
	uint8_t point[ECDH_POINT_MAX]; /* the ephemeral public key */
	size_t point_len;
	uint8_t secret[ECDH_SECRET_MAX]; /* the X coordinate */
	size_t secret_len;
};

/*
 * Makes an ephemeral key and agrees on a secret with the owner of `peer`.
 * ERR_PERM when peer is no point of the curve or yields no secret.
 * The caller wipes *out.
 */
int ecdh_agree(const struct crypt *c, enum curve curve, const uint8_t *peer,
    size_t peer_len, struct ecdh_agreement *out, struct err *err) must_check;

/* A private key that was taken in; constant, threads may share it. */
struct ecdh_key;

/* Big-endian, for X25519 little-endian. ERR_PERM when it is not of the curve. */
int ecdh_key_new(const struct crypt *c, enum curve curve,
    struct crypt_bytes private_key, struct ecdh_key **out, struct err *err)
    must_check;
void ecdh_key_free(struct ecdh_key **kp);

/*
 * The other side: the secret of a private key and the ephemeral point `peer`,
 * which is put into *out as well. ERR_PERM when it is not of the curve.
 */
int ecdh_key_derive(const struct ecdh_key *k, struct crypt_bytes peer,
    struct ecdh_agreement *out, struct err *err) must_check;

/* The same at once; out->secret alone is set. */
int ecdh_derive(const struct crypt *c, enum curve curve,
    struct crypt_bytes private_key, struct crypt_bytes peer,
    struct ecdh_agreement *out, struct err *err) must_check;

#endif
