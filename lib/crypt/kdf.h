/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Key derivation: PBKDF2-HMAC-SHA-256 (RFC 8018) and HKDF-SHA-256 (RFC 5869).
 */
#ifndef CRYPT_KDF_H
#define CRYPT_KDF_H

#include "crypt/crypt.h"

/* Costs iterations * (n / 32, rounded up) rounds. */
int pbkdf2_sha256(const struct crypt *c, struct crypt_bytes password,
    struct crypt_bytes salt, uint32_t iterations, uint8_t *out, size_t n,
    struct err *err) must_check;

/* salt and info may be empty. */
int hkdf_sha256(const struct crypt *c, struct crypt_bytes key,
    struct crypt_bytes salt, struct crypt_bytes info, uint8_t *out, size_t n,
    struct err *err) must_check;

#endif
