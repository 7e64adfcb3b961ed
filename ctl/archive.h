/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A backup is a tar archive (POSIX ustar), so that tar(1) can read it, too:
 * first CONTENTS, a text that says what is in it, then the databases. Pure: the
 * blocks of 512 octets, no files.
 */
#ifndef CTL_ARCHIVE_H
#define CTL_ARCHIVE_H

#include <stdint.h>

#include "base/err.h"

enum { ARCHIVE_BLOCK = 512, ARCHIVE_NAME_SIZE = 100 };

struct archive_entry {
	char name[ARCHIVE_NAME_SIZE]; /* no slash in it */
	uint64_t size;                /* octets */
	int64_t time;
};

/* Makes the block before a file. ERR_PERM: the name or the size does not fit.
 */
int archive_put_header(const struct archive_entry *e,
    uint8_t out[ARCHIVE_BLOCK], struct err *err) must_check;

/*
 * Reads one: 1 and *out, 0 at the end of the archive (a block of zeros), -1
 * with ERR_PERM when it is none of ours: another kind of file than a plain one,
 * a name with a slash, a wrong sum.
 */
int archive_read_header(const uint8_t block[ARCHIVE_BLOCK],
    struct archive_entry *out, struct err *err) must_check;

/* How many octets follow `size` octets up to the next block. */
size_t archive_padding(uint64_t size);

#endif
