/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#ifndef BRIDGE_STATE_H
#define BRIDGE_STATE_H

#include "base/buf.h"

/*
 * Makes the folder with mode 0700, and those above it that are missing. ERR_PERM
 * when it is there and others may read it, or it is somebody else's.
 */
int state_directory_make(const char *path, struct err *err) must_check;

/*
 * "DIRECTORY/KIND-ADDRESS" with a NUL behind it; anything unusual in the address
 * as %XX, so that there is no slash and no '='. Of one that is too long for the
 * name of a file there is the beginning and a hash.
 */
int state_put_path(const char *directory, const char *kind,
    const char *address, struct buf *out, struct err *err) must_check;

#endif
