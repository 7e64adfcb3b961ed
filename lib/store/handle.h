/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What database.c and migrate.c share: the open handle. */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include <sqlite3.h>

#include "store/database.h"

struct guard;

enum control {
	CONTROL_BEGIN_READ,
	CONTROL_BEGIN_WRITE,
	CONTROL_COMMIT,
	CONTROL_ROLLBACK,
	CONTROL_COUNT
};

struct database {
	sqlite3 *sqlite;
	char *path;
	const struct database_schema *schema;
	enum store_mode mode;
	int64_t page_size; /* 0 = not known yet */
	/* prepared at once, so that a rollback needs no memory */
	sqlite3_stmt *control[CONTROL_COUNT];
	sqlite3_stmt **statements; /* prepared when first used */
	struct guard *guard;       /* of a writer; NULL else */
	int64_t rest_until_ms;     /* readers have their turn */
};

/* Sets *err for a result code of SQLite; returns -1. */
int database_error(struct database *db, int rc, struct err *err);

/* Prepares one statement; *tail, when asked for, is the rest of sql. */
int database_prepare(struct database *db, const char *sql, sqlite3_stmt **out,
    const char **tail, struct err *err) must_check;

/* Steps, waiting for a repair that may be under way (see guard.h). */
int database_step(struct database *db, sqlite3_stmt *stmt, bool first);

/* The file with exactly this mode; an existing one stays as it is. */
int database_make_file(
    const char *path, mode_t mode, struct err *err) must_check;

/* One row of integers. */
int database_read_integers(struct database *db, const char *sql, int count,
    int64_t *out, struct err *err) must_check;

/*
 * Checks that the file is ours and of this version. A handle that writes
 * migrates an older one; `create` also fills an empty one.
 */
int database_check_version(
    struct database *db, bool create, struct err *err) must_check;

#endif
