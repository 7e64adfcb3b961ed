/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A file takes its name, and has it after a power cut as well. */
#ifndef BASE_RENAME_H
#define BASE_RENAME_H

#include "base/cleanup.h"

/*
 * The folder of a file that has just got its name, on the disk. Where it cannot
 * be synced a warning in the log says so: the name is there, and most file
 * systems write it soon. Blocks on the disk.
 */
void name_lasting(const char *path);
/*
 * rename(2), and then that. The file's octets are the caller's to fsync()
 * before. 0, or -1 with errno set: nothing was renamed.
 */
int rename_lasting(const char *from, const char *to) must_check;

#endif
