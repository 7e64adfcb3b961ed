/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A vetted certificate, as the store keeps it and the sealer uses it: plain
 * values, no OpenPGP parsing left to do. Made by pgp_vet() (vet.h) only.
 */
#ifndef OPENPGP_CERT_H
#define OPENPGP_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PGP_FINGERPRINT_MAX = 32 }; /* 20 octets for v4, 32 for v6 */

/* Public-key algorithms (RFC 9580, 9.1). */
enum pgp_algorithm {
	PGP_RSA = 1,
	PGP_RSA_ENCRYPT = 2,
	PGP_ELGAMAL = 16,
	PGP_ECDH = 18,
	PGP_X25519 = 25,
	PGP_X448 = 26,
};

/* One encryption (sub)key. Times are seconds since the epoch, 0 = never. */
struct pgp_subkey {
	uint8_t version; /* 4 or 6; 5 is GnuPG's own for Curve448 */
	uint8_t algorithm;
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	size_t fingerprint_len;
	int64_t created;
	int64_t expires; /* the earlier of the subkey's and the primary's */
	bool revoked;    /* it, or the certificate */
	bool seipd2;     /* the certificate announces SEIPD version 2 */
	uint8_t *packet; /* body of its Public-(Sub)key packet, owned */
	size_t packet_len;
};

struct pgp_cert {
	uint8_t fingerprint[PGP_FINGERPRINT_MAX]; /* of the primary key */
	size_t fingerprint_len;
	int64_t created;
	int64_t expires;
	bool revoked;
	char *user_ids; /* one a line, as display only, owned; may be "" */
	uint8_t *data;  /* the certificate, binary, owned */
	size_t data_len;
	struct pgp_subkey *subkeys; /* encryption subkeys, newest first */
	size_t subkey_count;
};

struct pgp_cert *pgp_cert_new(void);
void pgp_cert_free(struct pgp_cert **cp);

/*
 * Adds a copy of *subkey, its packet included, in its place by age. ERR_PERM
 * when there are LIMIT_SUBKEYS already.
 */
int pgp_cert_add_subkey(struct pgp_cert *c, const struct pgp_subkey *subkey,
    struct err *err) must_check;

/* Upper-case hexadecimal of a fingerprint; out has room for 2 * len + 1. */
enum { PGP_FINGERPRINT_HEX_SIZE = 2 * PGP_FINGERPRINT_MAX + 1 };
const char *pgp_fingerprint_hex(const uint8_t *fingerprint, size_t len,
    char out[PGP_FINGERPRINT_HEX_SIZE]);
/* The key ID: last 8 octets for v4, first 8 for v6 (RFC 9580, 5.5.4). */
void pgp_key_id(const uint8_t *fingerprint, size_t len, uint8_t out[8]);

/* Why nothing can be sealed to a certificate now. */
enum pgp_unusable {
	PGP_USABLE,
	PGP_NO_CERTIFICATE,
	PGP_REVOKED,
	PGP_EXPIRED,
	PGP_NOT_YET_VALID,
	PGP_NO_ENCRYPTION_SUBKEY,
};
const char *pgp_unusable_text(enum pgp_unusable why);

/*
 * The newest subkey that is neither revoked nor expired nor from the future at
 * `now` (a clock may lag by 10 minutes), in the newest certificate that has
 * one; certs is ordered newest first. NULL when there is none, and *why says
 * what stands against the newest. Pure. The result borrows from certs.
 */
const struct pgp_subkey *pgp_usable_subkey(struct pgp_cert *const *certs,
    size_t count, int64_t now, const struct pgp_cert **cert,
    enum pgp_unusable *why);

#endif
