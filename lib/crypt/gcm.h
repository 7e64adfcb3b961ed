/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * AES-256-GCM (NIST SP 800-38D) for what is kept on disk: a random nonce, the
 * ciphertext and a tag of 16 octets, in this order. Random nonces bear 2^32
 * messages a key.
 */
#ifndef CRYPT_GCM_H
#define CRYPT_GCM_H

#include "crypt/crypt.h"

enum { GCM_KEY_LEN = 32, GCM_OVERHEAD = 12 + 16 };

/* Puts in.len + GCM_OVERHEAD octets into out, which must not overlap with in. */
int gcm_seal(const struct crypt *c, const uint8_t key[GCM_KEY_LEN],
    struct crypt_bytes ad, struct crypt_bytes in, uint8_t *out,
    struct err *err) must_check;
/*
 * Puts in.len - GCM_OVERHEAD octets into out. ERR_PERM when `in` is too short or
 * was changed, or the additional data or the key is another; out is all zeros
 * then.
 */
int gcm_open(const struct crypt *c, const uint8_t key[GCM_KEY_LEN],
    struct crypt_bytes ad, struct crypt_bytes in, uint8_t *out,
    struct err *err) must_check;

#endif
