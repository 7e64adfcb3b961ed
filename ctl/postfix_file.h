/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Whole files, for the configuration of Postfix and Dovecot. Everything may
 * block on the disk. */
#ifndef CTL_POSTFIX_FILE_H
#define CTL_POSTFIX_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum { LIMIT_POSTFIX_FILE = 4 << 20 };

/*
 * Reads the file into `out` (empty, with its limit). Returns 1, 0 when there is
 * no such file, -1 with *err. A file with a NUL is refused.
 */
int file_read(const char *path, struct buf *out, struct err *err) must_check;

/* Who may read a file: the mode, and a group or (gid_t)-1. */
struct file_access {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/*
 * Puts the text in place of the file, at once or not at all: written beside it,
 * flushed to the disk, renamed. `path` may be a symbolic link: what it points
 * to is replaced. Owner and mode are those of the old file, else `access`.
 */
int file_replace(const char *path, const struct buf *text,
    const struct file_access *access, struct err *err) must_check;

/* Makes a new file, mode 0600, that need not outlive a crash. */
int file_create(
    const char *path, const struct buf *text, struct err *err) must_check;

/* Removes a file; it may be missing. */
int file_remove(const char *path, struct err *err) must_check;

/* Makes a folder; it may be there. */
int folder_make(const char *path, const struct file_access *access,
    struct err *err) must_check;

/*
 * Keeps other commands of sealpost out of the folder until the descriptor that
 * it returns is closed; -1 with ERR_TEMP when another one is at work.
 */
int folder_lock(const char *path, struct err *err) must_check;

bool buf_equal(const struct buf *a, const struct buf *b);

#endif
