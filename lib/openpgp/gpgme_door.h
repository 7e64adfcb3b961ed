/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the door to GPGME. Here contexts are made and
 * throw-away GNUPGHOMEs live and die; no other file does either.
 *
 * Operations are begun with gpgme_op_..._start() and run by gpg_step() or
 * gpg_wait(): GPGME's own loop turns for ever when gpg dies before it
 * has read its input (1.18 does not look at POLLERR).
 *
 * GPGME sets SIGPIPE to be ignored, process-wide, when it finds it at its
 * default. Safe in threads, one context a thread.
 */
#ifndef OPENPGP_GPGME_DOOR_H
#define OPENPGP_GPGME_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <gpgme.h>

#include "base/buf.h"

/*
 * A GNUPGHOME of its own: a new folder (0700) under TMPDIR or /tmp with a
 * gpg.conf that starts no agent, asks no network and writes no seed file. Only
 * public keys and ciphertext are ever in it.
 *
 * For private keys an agent is started, and the folder is rather made in
 * XDG_RUNTIME_DIR, which is in memory. The keys in it are protected by their
 * passphrases; they are overwritten and the agent is ended when it is freed.
 */
struct gpg_home;

enum gpg_home_use {
	GPG_HOME_FOR_VETTING,
	GPG_HOME_FOR_ENCRYPTION,
	GPG_HOME_FOR_KEYS,
};

int gpg_home_new(enum gpg_home_use use, struct gpg_home **out,
    struct err *err) must_check;
/* Removes the folder with all that is in it. NULL is fine. */
void gpg_home_free(struct gpg_home **hp);
const char *gpg_home_path(const struct gpg_home *h);

/* A GPGME context with its loop. */
struct gpg;

/*
 * On the GNUPGHOME `home` (NULL: the user's own), without network. ERR_TEMP
 * when there is no gpg that works.
 */
int gpg_open(const char *home, struct gpg **out, struct err *err) must_check;
/* Gives up what still runs. NULL is fine. */
void gpg_close(struct gpg **gp);
gpgme_ctx_t gpg_ctx(const struct gpg *g);

/* Every status line of gpg is given to fn from now on. */
int gpg_watch_status(struct gpg *g, gpgme_status_cb_t fn, void *handle,
    struct err *err) must_check;

/*
 * Goes on with what was started: waits up to timeout_ms (-1: for ever) for gpg
 * and handles what there is. Its input is asked for only when `input` is set.
 * 1 when the operation is over (gpg_result() says how), 0 when it is not, -1
 * with *err = ERR_TEMP when gpg gave no sign of life for so long.
 */
int gpg_step(struct gpg *g, bool input, int timeout_ms, struct err *err)
    must_check;
gpgme_error_t gpg_result(const struct gpg *g);

/*
 * Runs what was started (`code` is what starting it returned) to its end, and
 * gives GPGME's verdict in *code; -1 as gpg_step().
 */
enum { GPG_PATIENCE_MS = 120 * 1000 };
int gpg_wait(struct gpg *g, gpgme_error_t *code, int timeout_ms,
    struct err *err) must_check;

/* What GPGME reports, as ERR_TEMP "what: text"; returns -1. */
int gpg_failed(struct err *err, gpgme_error_t code, const char *what);

/*
 * Imports the one certificate in `data` (binary, borrowed). 1 when gpg took it;
 * 0 when gpg found nothing in it that it can use; -1 with *err set.
 */
int gpg_import(struct gpg *g, const uint8_t *data, size_t n, struct err *err)
    must_check;

/*
 * What gpg kept of one certificate (upper-case hexadecimal), binary: without
 * strangers' signatures and pictures, but (other than a minimal export) with
 * expired and revoked subkeys.
 */
int gpg_export(struct gpg *g, const char *fingerprint, struct buf *out,
    struct err *err) must_check;

/*
 * Gives every key of the GNUPGHOME `home` that the pattern names to fn;
 * `secret`: only those whose secret part is there. On a context of its own with
 * GPGME's loop: gpg reads nothing then.
 */
int gpg_each_key(const char *home, const char *pattern, bool secret,
    void (*fn)(void *ctx, gpgme_key_t key), void *ctx,
    struct err *err) must_check;

/* A data object on memory that is borrowed for its life. */
int gpg_data_of(
    const void *data, size_t n, gpgme_data_t *out, struct err *err) must_check;

/* For cleanup(): each frees and sets NULL. */
void free_gpg_data(gpgme_data_t *d);
void free_gpg_key(gpgme_key_t *k);

#endif
