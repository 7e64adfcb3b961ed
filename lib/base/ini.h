/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The reader of INI files: UTF-8 lines "[section]" and "key = value", '#' or
 * ';' starts a comment line. What the names mean is the caller's business.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Both return 0, or -1 with a sentence; FILE:LINE is put in front of it. The
 * texts are borrowed for the call.
 */
struct ini_handler {
	int (*section)(void *ctx, char *name, size_t line, struct err *err);
	int (*setting)(void *ctx, char *key, char *value, size_t line,
	    struct err *err);
};

/*
 * Reads the file from top to bottom. A missing one is an empty one when it is
 * `optional`. 0, or -1 with ERR_PERM (ERR_TEMP when memory is short). Blocks on
 * the disk.
 */
int ini_read(const char *path, bool optional, const struct ini_handler *h,
    void *ctx, struct err *err) must_check;

#endif
