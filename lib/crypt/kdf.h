/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Key derivation: PBKDF2-HMAC-SHA-256 (RFC 8018) and HKDF-SHA-256 (RFC 5869).
 */
#ifndef CRYPT_KDF_H
#define CRYPT_KDF_H

#include "crypt/crypt.h"

struct kdf_bytes {
	const void *data;
	size_t len;
};

/* Costs iterations * (n / 32, rounded up) rounds. */
int pbkdf2_sha256(const struct crypt *c, struct kdf_bytes password,
    struct kdf_bytes salt, uint32_t iterations, uint8_t *out, size_t n,
    struct err *err) must_check;

/* salt and info may be empty. */
int hkdf_sha256(const struct crypt *c, struct kdf_bytes key,
    struct kdf_bytes salt, struct kdf_bytes info, uint8_t *out, size_t n,
    struct err *err) must_check;

#endif
