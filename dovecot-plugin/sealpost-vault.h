/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What lib/store knows, without headers of Dovecot's. */
#ifndef DOVECOT_PLUGIN_SEALPOST_VAULT_H
#define DOVECOT_PLUGIN_SEALPOST_VAULT_H

#include <stddef.h>

enum sealpost_vault_part { SEALPOST_VAULT_ARMORED, SEALPOST_VAULT_FINGERPRINT };

/*
 * Hands the vault of `user`, or its fingerprint, to `take`. 1 done, 0 the user
 * has none, -1 and a sentence in `error` when the database cannot be asked now.
 * Opens the database and closes it again: it may be another file tomorrow.
 */
int sealpost_vault_get(const char *path, const char *user,
    enum sealpost_vault_part part, void (*take)(void *ctx, const char *text),
    void *ctx, char *error, size_t error_size);

#endif
