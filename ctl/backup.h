/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What `sealpost backup` and `sealpost restore` share. */
#ifndef CTL_BACKUP_H
#define CTL_BACKUP_H

#include <limits.h>
#include <stdbool.h>

#include "base/conf.h"
#include "store/upkeep.h"

enum { BACKUP_FILES = STORE_KINDS };

struct backup_file {
	enum store_kind kind;
	const char *name; /* in the archive */
	bool optional;    /* it need not be there */
};
extern const struct backup_file backup_files[BACKUP_FILES];

/* Where the database is. */
int backup_path(const struct conf *c, enum store_kind kind, char out[PATH_MAX],
    struct err *err) must_check;

/* notices.db lies beside directory.db. */
int notices_path(
    const struct conf *c, char out[PATH_MAX], struct err *err) must_check;

/* A folder (0700) beside the file, for copies; removed with what is in it. */
struct backup_folder {
	char path[PATH_MAX];
};
int backup_folder_make(
    struct backup_folder *f, const char *beside, struct err *err) must_check;
void backup_folder_remove(struct backup_folder *f);
int backup_folder_path(const struct backup_folder *f, const char *name,
    char out[PATH_MAX], struct err *err) must_check;

#define BACKUP_CONTENTS "CONTENTS"

#endif
