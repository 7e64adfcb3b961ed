/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What is done to a database as a whole: is it sound, a copy of it, and its
 * content put back. All of it while daemons use the file.
 */
#ifndef STORE_UPKEEP_H
#define STORE_UPKEEP_H

#include <stddef.h>

#include "base/err.h"

enum store_kind {
	STORE_DIRECTORY,
	STORE_SECRETS,
	STORE_STATS,
	STORE_NOTICES,
	STORE_KINDS
};

/*
 * Reads all of the file: PRAGMA quick_check, and rows that point at nothing.
 * 1 it is sound; 0 it is damaged, and *err tells how; -1 it cannot be read now,
 * or by this program (an older schema, a journal that somebody who was killed
 * has left). Blocks on the disk, as long as the file is large.
 */
int upkeep_check(
    enum store_kind kind, const char *path, struct err *err) must_check;

/*
 * Copies a snapshot of the database into the file `to`, which must not exist
 * and gets the mode 0600. A writer waits as long as the copying takes. On
 * failure the file `to` is gone again.
 */
int upkeep_copy(enum store_kind kind, const char *path, const char *to,
    struct err *err) must_check;

/*
 * Makes a copy fit to be restored: an older schema is migrated. ERR_PERM when
 * it is none of this kind, damaged, or of a newer sealpost.
 */
int upkeep_prepare(
    enum store_kind kind, const char *path, struct err *err) must_check;

/*
 * Makes the content of the database `path`, which is created when it is
 * missing, that of `from`, a copy that upkeep_prepare() has found good; in one
 * transaction, so that everybody sees the one or the other. The file itself
 * stays: others have it open. ERR_TEMP when readers do not let go.
 */
int upkeep_restore(enum store_kind kind, const char *path, const char *from,
    struct err *err) must_check;

/*
 * Rows that tell how much is in a database (accounts; verifiers; hours), with
 * the word for them in the plural.
 */
int upkeep_count(enum store_kind kind, const char *path, size_t *rows,
    const char **word, struct err *err) must_check;

#endif
