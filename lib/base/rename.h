/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A file takes its name, and has it after a power cut as well. */
#ifndef BASE_RENAME_H
#define BASE_RENAME_H

#include "base/cleanup.h"

/*
 * rename(2), and the folder of `to` on the disk. The file's octets are the
 * caller's to fsync() before. 0, or -1 with errno set: nothing was renamed. A
 * folder that cannot be synced is a warning in the log only: the new name is
 * there, and most file systems write it soon. Blocks on the disk.
 */
int rename_lasting(const char *from, const char *to) must_check;

#endif
