/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * AES key wrap (RFC 3394) with a key of 16, 24 or 32 octets.
 */
#ifndef CRYPT_KEYWRAP_H
#define CRYPT_KEYWRAP_H

#include "crypt/crypt.h"

enum { KEYWRAP_OVERHEAD = 8, KEYWRAP_DATA_MAX = 64 };

struct keywrap_key {
	const uint8_t *data;
	size_t len;
};

/*
 * n is a multiple of 8, at least 16, at most KEYWRAP_DATA_MAX; out has room for
 * n + KEYWRAP_OVERHEAD.
 */
int keywrap(const struct crypt *c, struct keywrap_key kek, const uint8_t *in,
    size_t n, uint8_t *out, struct err *err) must_check;

/*
 * n counts the wrapped octets; out has room for n - KEYWRAP_OVERHEAD. ERR_PERM,
 * and out is all zeros, when they were not wrapped with this key.
 */
int keyunwrap(const struct crypt *c, struct keywrap_key kek, const uint8_t *in,
    size_t n, uint8_t *out, struct err *err) must_check;

#endif
