/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What sealing needs of a Public-(Sub)key packet: the raw parameters of an
 * encryption key of a native algorithm. The packet was vetted when it was
 * stored; still nothing here is believed to fit.
 */
#ifndef OPENPGP_PUBKEY_H
#define OPENPGP_PUBKEY_H

#include "crypt/ecdh.h"
#include "crypt/hash.h"
#include "crypt/rsa.h"

struct pubkey {
	uint8_t version; /* 4 or 6 */
	uint8_t algorithm;
	struct rsa_public rsa; /* PGP_RSA, PGP_RSA_ENCRYPT */
	struct {
		enum curve curve;
		uint8_t oid[16]; /* as in the packet, length octet first */
		size_t oid_len;
		enum hash_kind kdf_hash;
		uint8_t kdf_hash_id;
		uint8_t kek_cipher_id;
		size_t kek_len;
	} ecdh;               /* PGP_ECDH; curve for PGP_X25519 too */
	const uint8_t *point; /* PGP_ECDH, PGP_X25519: as crypt/ecdh.h has it */
	size_t point_len;
};

/*
 * Reads the body of a packet, which *out borrows from. 1 = it is in *out,
 * 0 = an algorithm, curve or KDF that is not native, -1 = ERR_PERM, damaged.
 */
int pubkey_parse(const uint8_t *packet, size_t len, struct pubkey *out,
    struct err *err) must_check;

#endif
