/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the door to GPGME. Here contexts are made and
 * throw-away GNUPGHOMEs live and die; no other file does either.
 *
 * GPGME sets SIGPIPE to be ignored, process-wide, when it finds it at its
 * default. Safe in threads.
 */
#ifndef OPENPGP_GPGME_DOOR_H
#define OPENPGP_GPGME_DOOR_H

#include <stdint.h>

#include <gpgme.h>

#include "base/buf.h"

/*
 * A GNUPGHOME of its own: a new folder (0700) under TMPDIR or /tmp with a
 * gpg.conf that starts no agent, asks no network and writes no seed file. Only
 * public keys and ciphertext are ever in it.
 */
struct gpg_home;

enum gpg_home_use { GPG_HOME_FOR_VETTING, GPG_HOME_FOR_ENCRYPTION };

int gpg_home_new(enum gpg_home_use use, struct gpg_home **out,
    struct err *err) must_check;
/* Removes the folder with all that is in it. NULL is fine. */
void gpg_home_free(struct gpg_home **hp);
const char *gpg_home_path(const struct gpg_home *h);

/*
 * A context on the GNUPGHOME `home` (NULL: the user's own), without network.
 * ERR_TEMP when there is no gpg that works.
 */
int gpg_context_new(
    const char *home, gpgme_ctx_t *out, struct err *err) must_check;
void gpg_context_free(gpgme_ctx_t *ctx);

/* What GPGME reports, as ERR_TEMP "what: text"; returns -1. */
int gpg_failed(struct err *err, gpgme_error_t code, const char *what);

/*
 * Imports the one certificate in `data` (binary, borrowed). 1 when gpg took it;
 * 0 when gpg found nothing in it that it can use; -1 with *err set.
 */
int gpg_import(
    gpgme_ctx_t ctx, const uint8_t *data, size_t n, struct err *err) must_check;

/*
 * What gpg kept of one certificate (upper-case hexadecimal), binary: without
 * strangers' signatures and pictures, but (other than a minimal export) with
 * expired and revoked subkeys.
 */
int gpg_export(gpgme_ctx_t ctx, const char *fingerprint, struct buf *out,
    struct err *err) must_check;

/* A data object on memory that is borrowed for its life. */
int gpg_data_of(
    const void *data, size_t n, gpgme_data_t *out, struct err *err) must_check;

/* For cleanup(): each frees and sets NULL. */
void free_gpg_data(gpgme_data_t *d);
void free_gpg_key(gpgme_key_t *k);

#endif
