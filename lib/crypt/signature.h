/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Verification of public-key signatures over a digest, in the forms that
 * OpenPGP has. Nothing here signs.
 */
#ifndef CRYPT_SIGNATURE_H
#define CRYPT_SIGNATURE_H

#include "crypt/hash.h"

enum signature_kind {
	SIGNATURE_RSA, /* PKCS #1 version 1.5 */
	SIGNATURE_ED25519,
	SIGNATURE_ED448,
	SIGNATURE_P256,
	SIGNATURE_P384,
	SIGNATURE_P521,
};

/* A number or a string of octets, borrowed, big-endian. */
struct signature_part {
	const uint8_t *p;
	size_t n;
};

struct signature_check {
	enum signature_kind kind;
	/* the modulus; the raw key of EdDSA; 0x04, X and Y */
	struct signature_part key;
	struct signature_part exponent; /* of RSA alone */
	enum hash_kind hash;            /* not looked at for EdDSA */
	struct signature_part digest;
	/* the number; the raw value of EdDSA; r of ECDSA */
	struct signature_part value;
	struct signature_part s; /* of ECDSA alone */
};

/*
 * 1 the signature is right; 0 it is not, or the key is none; -1 with *err =
 * ERR_TEMP when it could not be found out. crypt is borrowed for the call.
 */
int signature_verify(const struct crypt *crypt,
    const struct signature_check *check, struct err *err) must_check;

#endif
