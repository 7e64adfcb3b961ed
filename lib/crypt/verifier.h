/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in the form that Dovecot
 * stores: {SCRAM-SHA-256}<iterations>,<salt>,<StoredKey>,<ServerKey>,
 * the last three in base64. One verifier serves SCRAM, PLAIN and LOGIN.
 */
#ifndef CRYPT_VERIFIER_H
#define CRYPT_VERIFIER_H

#include "crypt/crypt.h"

enum {
	VERIFIER_SIZE = 192, /* of the text, with its NUL */
	VERIFIER_SALT_LEN = 16,
	VERIFIER_KEY_LEN = 32,
	VERIFIER_ITERATIONS_MIN = 4096,
	VERIFIER_ITERATIONS_PASSWORD_MIN = 100000,
};

struct verifier {
	uint32_t iterations;
	uint8_t salt[64];
	size_t salt_len;
	uint8_t stored_key[VERIFIER_KEY_LEN];
	uint8_t server_key[VERIFIER_KEY_LEN];
};

/*
 * Makes the verifier of a password (UTF-8, used as it is) with a fresh random
 * salt and writes its text to out. Costs `iterations` rounds of PBKDF2.
 */
int verifier_make(const struct crypt *c, const char *password,
    size_t password_len, uint32_t iterations, char out[VERIFIER_SIZE],
    struct err *err) must_check;

/*
 * The same with a salt of the caller's. Only where the password is random or
 * stretched already, and the salt is not known to outsiders.
 */
int verifier_make_salted(const struct crypt *c, struct crypt_bytes password,
    const uint8_t salt[VERIFIER_SALT_LEN], uint32_t iterations,
    char out[VERIFIER_SIZE], struct err *err) must_check;

/* ERR_PERM when the text is no verifier; iterations below 4,096 are none. */
int verifier_parse(
    const char *text, struct verifier *out, struct err *err) must_check;

/*
 * 1 the password is right, 0 it is not, -1 with *err set. Constant-time
 * comparison; costs v->iterations rounds of PBKDF2.
 */
int verifier_check(const struct crypt *c, const struct verifier *v,
    const char *password, size_t password_len, struct err *err) must_check;

#endif
