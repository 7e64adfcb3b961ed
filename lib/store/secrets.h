/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * secrets.db: password verifiers and vaults. Rules of handles, blocking and
 * errors as in store/directory.h.
 */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "base/limits.h"
#include "store/directory.h"

struct secrets;

int secrets_create(const char *path, struct err *err) must_check;
int secrets_open(const char *path, enum store_mode mode, struct secrets **out,
    struct err *err) must_check;
void secrets_close(struct secrets **sp);

/*
 * `enabled` and `mechanisms` ("" = all that are configured) are kept beside
 * the verifier, for those who read this file and not directory.db.
 */
int secrets_verifier_put(struct secrets *s, const char *address,
    const char *verifier, const char *mechanisms, bool enabled,
    struct err *err) must_check;
/* 1 and the verifier in `out`, 0 none. */
int secrets_verifier_get(struct secrets *s, const char *address,
    struct buf *out, bool *enabled, struct err *err) must_check;
/* 1 done, 0 no verifier. */
int secrets_set_enabled(struct secrets *s, const char *address, bool enabled,
    struct err *err) must_check;

/* 1 done, 0 no verifier. */
int secrets_set_mechanisms(struct secrets *s, const char *address,
    const char *mechanisms, struct err *err) must_check;

/* All that decides about a login. It holds a secret: wipe it. */
struct secrets_login {
	char verifier[LIMIT_VERIFIER + 1];
	char mechanisms[LIMIT_MECHANISMS + 1];
	bool enabled;
};
/* 1 and *out, 0 nobody of this address can log in. */
int secrets_login_get(struct secrets *s, const char *address,
    struct secrets_login *out, struct err *err) must_check;

/*
 * A random secret of this server, as old as the file: from it come the salts
 * of users who do not exist.
 */
enum { SECRETS_SERVER_LEN = 32 };
int secrets_server_get(struct secrets *s, uint8_t out[SECRETS_SERVER_LEN],
    struct err *err) must_check;

/* armored is the protected private key; fingerprint upper-case hexadecimal. */
int secrets_vault_put(struct secrets *s, const char *address,
    const char *armored, const char *fingerprint, struct err *err) must_check;
/* 1 and both, 0 there is none. */
int secrets_vault_get(struct secrets *s, const char *address,
    struct buf *armored, struct buf *fingerprint, struct err *err) must_check;

/* Verifier and vault in one transaction, whatever was there. */
struct secrets_enrolment {
	const char *address;
	const char *verifier;
	const char *mechanisms;
	bool enabled;
	const char *armored;
	const char *fingerprint;
};
int secrets_enrol(struct secrets *s, const struct secrets_enrolment *e,
    struct err *err) must_check;

/* Removes verifier and vault; no error when there is none. */
int secrets_remove(
    struct secrets *s, const char *address, struct err *err) must_check;

#endif
