/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * AES key wrap (RFC 3394).
 */
#ifndef CRYPT_KEYWRAP_H
#define CRYPT_KEYWRAP_H

#include "crypt/aes.h"

enum { KEYWRAP_OVERHEAD = 8, KEYWRAP_DATA_MAX = 64 };

/*
 * n is a multiple of 8, at least 16, at most KEYWRAP_DATA_MAX; out has room for
 * n + KEYWRAP_OVERHEAD.
 */
int keywrap(const struct crypt *c, struct aes_key kek, const uint8_t *in,
    size_t n, uint8_t *out, struct err *err) must_check;

/*
 * n counts the wrapped octets; out has room for n - KEYWRAP_OVERHEAD. ERR_PERM,
 * and out is all zeros, when they were not wrapped with this key.
 */
int keyunwrap(const struct crypt *c, struct aes_key kek, const uint8_t *in,
    size_t n, uint8_t *out, struct err *err) must_check;

#endif
