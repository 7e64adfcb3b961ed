/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * secrets.db: password verifiers and vaults. Rules of handles, blocking and
 * errors as in store/directory.h.
 */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "store/directory.h"

struct secrets;

int secrets_create(const char *path, struct err *err) must_check;
int secrets_open(const char *path, enum store_mode mode, struct secrets **out,
    struct err *err) must_check;
void secrets_close(struct secrets **sp);

/* `enabled` is kept beside the verifier for Dovecot's passdb. */
int secrets_verifier_put(struct secrets *s, const char *address,
    const char *verifier, bool enabled, struct err *err) must_check;
/* 1 and the verifier in `out`, 0 none. */
int secrets_verifier_get(struct secrets *s, const char *address,
    struct buf *out, bool *enabled, struct err *err) must_check;
/* 1 done, 0 no verifier. */
int secrets_set_enabled(struct secrets *s, const char *address, bool enabled,
    struct err *err) must_check;

/* armored is the protected private key; fingerprint upper-case hexadecimal. */
int secrets_vault_put(struct secrets *s, const char *address,
    const char *armored, const char *fingerprint, struct err *err) must_check;
int secrets_vault_get(struct secrets *s, const char *address,
    struct buf *armored, struct buf *fingerprint, struct err *err) must_check;

/* Removes verifier and vault; no error when there is none. */
int secrets_remove(
    struct secrets *s, const char *address, struct err *err) must_check;

#endif
