/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the user's machine makes of a password, so that the server never sees
 * it: the login secret, which is used in the password's place, and the
 * passphrase of the vault. Neither tells the other.
 *
 *	stretched    = PBKDF2-HMAC-SHA-256(password, "sealpost" || address,
 *	               600,000 iterations)
 *	login secret = base64(HKDF-SHA-256(stretched, "sealpost login v1"))
 *	passphrase   = base64(HKDF-SHA-256(stretched, "sealpost vault v1"))
 *
 * with an empty HKDF salt and 32 octets everywhere.
 */
#ifndef CRYPT_LOGIN_SECRET_H
#define CRYPT_LOGIN_SECRET_H

#include "crypt/crypt.h"

enum { LOGIN_SECRET_SIZE = 45 }; /* 44 characters and the NUL */

/* To be wiped with login_secret_wipe(). */
struct login_secret {
	char login[LOGIN_SECRET_SIZE];
	char passphrase[LOGIN_SECRET_SIZE];
};

/*
 * `address` is in normal form (mail/address.h); the password is used as it is,
 * UTF-8. Costs 600,000 rounds of PBKDF2. On failure *out is wiped.
 */
int login_secret_derive(const struct crypt *c, const char *address,
    struct crypt_bytes password, struct login_secret *out, struct err *err)
    must_check;
void login_secret_wipe(struct login_secret *s);

#endif
