/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: one transferable public key taken apart into its
 * packets (RFC 9580, section 10.1). Framing and shape only; nothing in it is
 * verified.
 */
#ifndef OPENPGP_KEYBLOCK_H
#define OPENPGP_KEYBLOCK_H

#include "base/buf.h"
#include "crypt/crypt.h"
#include "openpgp/cert.h"
#include "openpgp/cursor.h"

struct keyblock_packet {
	unsigned tag;
	struct octets body; /* borrowed from the keyblock */
};

struct keyblock {
	bool secret;       /* a secret key; else a certificate */
	struct buf data;   /* the certificate, binary, as it was given */
	struct buf bodies; /* of all packets, one behind the other */
	struct keyblock_packet *packets;
	size_t count; /* at least 1: the first is the primary key */
};

/*
 * Takes a key file apart, armored or binary. ERR_PERM with one sentence when it
 * is not exactly one public key: nothing of OpenPGP, cut off, a secret key
 * (found before anything else is done with it), several certificates, a
 * message, too large.
 */
int keyblock_read(const uint8_t *data, size_t n, struct keyblock **out,
    struct err *err) must_check;

/*
 * The same for one transferable secret key; no public key may be in it but
 * public subkeys. What is kept is wiped.
 */
int keyblock_read_secret(const uint8_t *data, size_t n, struct keyblock **out,
    struct err *err) must_check;
void keyblock_free(struct keyblock **kp);

/* What a public key packet says. */
struct keyblock_key {
	uint8_t version; /* 4, 5 (GnuPG's own) or 6 */
	uint8_t algorithm;
	int64_t created;
	struct octets material; /* what follows the algorithm (and length) */
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	size_t fingerprint_len;
};

/*
 * Reads the body of a public key or subkey packet. ERR_PERM when it is none of
 * version 4 to 6. out->material borrows from body.
 */
int keyblock_key_read(const struct crypt *crypt, struct octets body,
    struct keyblock_key *out, struct err *err) must_check;

/*
 * The bits of an RSA, ElGamal or DSA key; SIZE_MAX for other algorithms, 0 for
 * a damaged key.
 */
size_t keyblock_key_bits(const struct keyblock_key *key);

/* Adds a user ID as one line for display: control bytes would forge more. */
int keyblock_put_user_id(
    struct buf *b, const void *text, size_t n, struct err *err) must_check;

#endif
