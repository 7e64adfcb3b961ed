/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Small values that cost much to find out, kept between runs: SQLite, shared by
 * any number of handles and processes. The values are encrypted (AES-256-GCM)
 * and their names hashed under the caller's key, so that who has the file learns
 * how many there are and how long, and cannot put one in the place of another.
 * Thread-safe. It may be deleted at any time, and a file that is damaged, or no
 * database, is made anew.
 */
#ifndef STORE_METACACHE_H
#define STORE_METACACHE_H

#include "base/buf.h"
#include "crypt/crypt.h"

enum {
	METACACHE_KEY_LEN = 32,
	METACACHE_VALUE_MAX = 256 << 10,
	METACACHE_ENTRIES_MAX = 200000, /* beyond, the oldest go */
};

struct metacache;

/*
 * Makes the file (mode 0600) when it is not there. crypt is borrowed. Two keys
 * in one file do not see each other's values. ERR_TEMP, or ERR_PERM: it is busy,
 * or cannot be opened; the file stays as it is.
 */
int metacache_open(const struct crypt *crypt, const char *path,
    const uint8_t key[METACACHE_KEY_LEN], struct metacache **out,
    struct err *err) must_check;
/* Writes what is still to be written. */
void metacache_close(struct metacache **mp);

/* 1 and the value appended; 0 there is none, or none that can be trusted. */
int metacache_get(struct metacache *m, struct crypt_bytes name,
    struct buf *value, struct err *err) must_check;

/*
 * Keeps a value, in place of an older one of that name. It is written some time
 * later, together with others, or by metacache_flush(); until then it is not
 * found. A value that is too large is not kept.
 */
int metacache_put(struct metacache *m, struct crypt_bytes name,
    struct crypt_bytes value, struct err *err) must_check;
/* Writes what waits. What cannot be written is forgotten, ERR_TEMP. */
int metacache_flush(struct metacache *m, struct err *err) must_check;

#endif
