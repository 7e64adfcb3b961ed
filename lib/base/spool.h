/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A write-once, read-many byte store for ciphertext: up to LIMIT_SPOOL_MEMORY
 * octets in memory, the rest in a file that has no name (O_TMPFILE, or
 * created 0600 and unlinked at once). Plaintext never goes into a spool.
 */
#ifndef BASE_SPOOL_H
#define BASE_SPOOL_H

#include <sys/types.h>

#include "base/sink.h"

struct spool;

/*
 * directory is borrowed for the life of the spool; it is touched only when
 * the memory limit is passed. 0, or -1 with *err set (ERR_TEMP).
 */
int spool_new(const char *directory, struct spool **out, struct err *err)
    must_check;
void spool_free(struct spool **sp);

/*
 * Appends; blocks on the disk. ERR_TEMP when the disk is full: what the spool
 * holds is good for nothing then.
 */
int spool_put(struct spool *s, const void *data, size_t n, struct err *err)
    must_check;
struct sink spool_sink(struct spool *s);

uint64_t spool_size(const struct spool *s);

/*
 * Puts the whole content into `to`, in pieces of at most `chunk` octets
 * (1..65536). Can be repeated. -1 with *err set when reading or the sink fails.
 */
int spool_replay(struct spool *s, size_t chunk, const struct sink *to,
    struct err *err) must_check;

/*
 * Reads up to n octets from offset `at` on. Returns how many, 0 at the end, -1
 * with *err set (ERR_TEMP).
 */
ssize_t spool_read(struct spool *s, uint64_t at, void *out, size_t n,
    struct err *err) must_check;

#endif
