/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * RSA encryption with PKCS #1 version 1.5 padding, as OpenPGP has it.
 */
#ifndef CRYPT_RSA_H
#define CRYPT_RSA_H

#include "crypt/crypt.h"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 16384,
	RSA_LEN_MAX = RSA_BITS_MAX / 8,
	RSA_EXPONENT_LEN_MAX = 8,
};

/* Both big-endian, without leading zeros. */
struct rsa_public {
	const uint8_t *modulus;
	size_t modulus_len;
	const uint8_t *exponent;
	size_t exponent_len;
};

/*
 * Encrypts n octets; out has room for RSA_LEN_MAX, *out_len is the length of
 * the modulus. ERR_PERM when the key is shorter than RSA_BITS_MIN, longer
 * than RSA_BITS_MAX, even, or has an exponent that is even, below 3 or
 * of more than 64 bits.
 */
int rsa_encrypt(const struct crypt *c, const struct rsa_public *key,
    const uint8_t *in, size_t n, uint8_t out[RSA_LEN_MAX], size_t *out_len,
    struct err *err) must_check;

/* Big-endian, without leading zeros. */
struct rsa_private {
	struct rsa_public public_key;
	struct crypt_bytes d; /* the private exponent */
	struct crypt_bytes p, q;
};

/* A private key that was taken in; constant, threads may share it. */
struct rsa_key;

/* ERR_PERM as rsa_encrypt(), or when p times q is not the modulus. */
int rsa_key_new(const struct crypt *c, const struct rsa_private *key,
    struct rsa_key **out, struct err *err) must_check;
void rsa_key_free(struct rsa_key **kp);

/*
 * Decrypts n octets (at most as many as the modulus has; leading zeros may be
 * missing); out has room for RSA_LEN_MAX and gets what was encrypted. ERR_PERM
 * when it was not encrypted to this key.
 */
int rsa_decrypt(const struct rsa_key *k, const uint8_t *in, size_t n,
    uint8_t out[RSA_LEN_MAX], size_t *out_len, struct err *err) must_check;

#endif
