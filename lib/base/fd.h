/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What read(2) and write(2) leave to the caller. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>

#include "base/cleanup.h"

/*
 * Writes all n octets, however often it is interrupted; blocks as the
 * descriptor (borrowed) does. 0, or -1 with errno set: some of them may have
 * been written then.
 */
int fd_write(int fd, const void *data, size_t n) must_check;

#endif
