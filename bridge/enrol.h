/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What an enrolment file and a recovery sheet are made of (doc/enrolment.md). No
 * file of the user's is touched here. gpg is run: see openpgp/keysmith.h for
 * what that asks of the caller. Each costs 600,000 rounds of PBKDF2 a password.
 */
#ifndef BRIDGE_ENROL_H
#define BRIDGE_ENROL_H

#include "recovery.h"

/* In locked memory; wiped. */
struct enrolled {
	char address[ADDRESS_SIZE];
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];
	struct buf file;  /* the enrolment file */
	struct buf sheet; /* of a new key; else empty */
	char code[RECOVERY_CODE_SIZE]; /* of the sheet: show it once */
};
void enrolled_free(struct enrolled **ep);

/*
 * A new key. Everything in the result was tried: the server's checks, and that
 * the passphrases open the keys. address is in normal form; algorithms are in
 * openpgp/keysmith.h (ERR_PERM for others).
 */
int enrol_new(const struct crypt *c, const char *address,
    const char *algorithm, struct crypt_bytes password, int64_t now,
    struct enrolled **out, struct err *err) must_check;

/* A private key that is there already. */
struct enrol_old {
	const char *address; /* normal form */
	const char *fingerprint; /* it must have this one; NULL: any */
	const void *armored;
	size_t armored_len;
	struct crypt_bytes passphrase; /* that opens it */
};

/*
 * The same key under a new password. 1 and *out, 0 the passphrase does not open
 * it, -1 ERR_PERM when it is no key that can be used, or is not protected: who
 * else keeps it could have put another there.
 */
int enrol_again(const struct crypt *c, const struct enrol_old *old,
    struct crypt_bytes password, int64_t now, struct enrolled **out,
    struct err *err) must_check;

#endif
