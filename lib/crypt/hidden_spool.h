/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A spool for what may be plaintext: it is encrypted (AES-256-CFB) with a key
 * that never leaves memory and ends with it. Nothing proves that what comes
 * back is what went in: the file has no name, and nobody else can write to it.
 */
#ifndef CRYPT_HIDDEN_SPOOL_H
#define CRYPT_HIDDEN_SPOOL_H

#include <sys/types.h>

#include "base/err.h"
#include "base/cleanup.h"

struct crypt;
struct hidden_spool;

/* crypt and directory are borrowed for its life; see spool_new(). ERR_TEMP. */
int hidden_spool_new(const struct crypt *crypt, const char *directory,
    struct hidden_spool **out, struct err *err) must_check;
void hidden_spool_free(struct hidden_spool **hp);

/* Appends; blocks on the disk. ERR_TEMP. */
int hidden_spool_put(struct hidden_spool *h, const void *data, size_t n,
    struct err *err) must_check;

/*
 * The next octets, n at most: it can be read once, from the beginning to the
 * end, after all was put. How many, 0 at the end, -1 ERR_TEMP.
 */
ssize_t hidden_spool_read(
    struct hidden_spool *h, void *out, size_t n, struct err *err) must_check;

#endif
