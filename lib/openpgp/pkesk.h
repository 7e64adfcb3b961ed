/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Public-Key Encrypted Session Key packets (RFC 9580, section 5.1): version 3
 * goes before SEIPD version 1, version 6 before SEIPD version 2. The session
 * key is one of AES-256.
 */
#ifndef OPENPGP_PKESK_H
#define OPENPGP_PKESK_H

#include "base/buf.h"
#include "crypt/crypt.h"
#include "openpgp/cert.h"
#include "openpgp/pubkey.h"

enum { SESSION_KEY_LEN = 32, CIPHER_AES256_ID = 9 };

enum pkesk_version { PKESK_V3 = 3, PKESK_V6 = 6 };

/*
 * Appends the whole packet, header included, to `out`: one public-key
 * operation. key was parsed from subkey->packet.
 */
int pkesk_put(const struct crypt *c, const struct pgp_subkey *subkey,
    const struct pubkey *key, enum pkesk_version version,
    const uint8_t session_key[SESSION_KEY_LEN], struct buf *out,
    struct err *err) must_check;

/*
 * The key-encryption keys; also what a reader needs that has the secret.
 * RFC 9580, 11.5 (ECDH; kek has room for 32, key->ecdh.kek_len are used) and
 * 5.1.6 (X25519; 16 octets).
 */
int pkesk_ecdh_kek(const struct crypt *c, const struct pgp_subkey *subkey,
    const struct pubkey *key, const struct ecdh_agreement *a, uint8_t kek[32],
    struct err *err) must_check;
int pkesk_x25519_kek(const struct crypt *c, const struct pubkey *key,
    const struct ecdh_agreement *a, uint8_t kek[16],
    struct err *err) must_check;

#endif
