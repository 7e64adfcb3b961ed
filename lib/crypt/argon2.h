/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Argon2id (RFC 9106): key derivation that costs memory. OpenSSL has it from
 * 3.2 on.
 */
#ifndef CRYPT_ARGON2_H
#define CRYPT_ARGON2_H

#include "crypt/crypt.h"

enum { ARGON2_MEMORY_MAX_KIB = 2 << 20, ARGON2_WORK_MAX_KIB = 16 << 20 };

struct argon2_cost {
	uint32_t passes;
	uint32_t lanes;
	uint32_t memory_kib;
};

/*
 * n octets of key. ERR_PERM when the cost is above the limits (memory; memory
 * times passes), or this OpenSSL does not have it.
 */
int argon2id(const struct crypt *c, const struct argon2_cost *cost,
    struct crypt_bytes password, struct crypt_bytes salt, uint8_t *out,
    size_t n, struct err *err) must_check;

#endif
