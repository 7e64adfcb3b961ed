/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/upkeep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "store/handle.h"
#include "store/schemas.h"

enum { RESTORE_TRIES = 100, RESTORE_PAUSE_MS = 100 };

static const struct {
	const struct database_schema *schema;
	const char *count, *word;
} kinds[STORE_KINDS] = {
	[STORE_DIRECTORY] = { &directory_schema,
	    "SELECT count(*) FROM accounts", "accounts" },
	[STORE_SECRETS] = { &secrets_schema, "SELECT count(*) FROM verifiers",
	    "verifiers" },
	[STORE_STATS] = { &stats_schema, "SELECT count(*) FROM counters",
	    "counters" },
	[STORE_NOTICES] = { &notices_schema, "SELECT count(*) FROM notices",
	    "notices" },
};

/* ---- is it sound ---- */

/* The first line of its answer is "ok", or what is wrong. */
static int
quick_check(struct database *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (database_prepare(db, "PRAGMA quick_check(1)", &stmt, NULL, err) < 0)
		return -1;

	int rc = database_step(db, stmt, true);
	const char *said = rc == SQLITE_ROW
			       ? (const char *)sqlite3_column_text(stmt, 0)
			       : NULL;
	int failed = 0;

	if (rc != SQLITE_ROW)
		failed = database_error(db, rc, err);
	else if (said == NULL)
		failed = err_nomem(err);
	else if (strcmp(said, "ok") != 0)
		failed = err_set(
		    err, ERR_PERM, "%s: it is damaged: %s", db->path, said);
	(void)sqlite3_finalize(stmt);
	return failed;
}

static int
check_database(struct database *db, struct err *err)
{
	int64_t lost = 0;

	if (quick_check(db, err) < 0 ||
	    database_read_integers(db,
		"SELECT count(*) FROM pragma_foreign_key_check", 1, &lost,
		err) < 0)
		return -1;
	if (lost > 0)
		return err_set(err, ERR_PERM,
		    "%s: it is damaged: %lld rows belong to nothing", db->path,
		    (long long)lost);
	return 0;
}

static bool
is_damage(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

/* Why it could not be opened, as SQLite sees it. */
static bool
opens_damaged(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
		    db, "SELECT count(*) FROM sqlite_schema", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return is_damage(rc);
}

int
upkeep_check(enum store_kind kind, const char *path, struct err *err)
{
	cleanup(database_close) struct database *db = NULL;

	if (database_open(path, kinds[kind].schema, STORE_READ, &db, err) < 0)
		return opens_damaged(path) ? 0 : -1;
	if (check_database(db, err) == 0)
		return 1;
	return err->kind == ERR_PERM || is_damage(sqlite3_errcode(db->sqlite))
		   ? 0
		   : -1;
}

int
upkeep_count(enum store_kind kind, const char *path, size_t *rows,
    const char **word, struct err *err)
{
	cleanup(database_close) struct database *db = NULL;
	int64_t count = 0;

	if (database_open(path, kinds[kind].schema, STORE_READ, &db, err) < 0 ||
	    database_read_integers(db, kinds[kind].count, 1, &count, err) < 0)
		return -1;
	*rows = (size_t)count;
	*word = kinds[kind].word;
	return 0;
}

/* ---- from one to the other ---- */

static bool
is_busy(int rc)
{
	return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED;
}

/* All pages at once: what `to` had stays until the last one is there. */
static int
copy_pages(struct database *from, struct database *to, struct err *err)
{
	sqlite3_backup *b =
	    sqlite3_backup_init(to->sqlite, "main", from->sqlite, "main");

	if (b == NULL)
		return database_error(to, sqlite3_errcode(to->sqlite), err);

	int rc = sqlite3_backup_step(b, -1);

	for (int i = 0; i < RESTORE_TRIES && is_busy(rc); i++) {
		(void)poll(NULL, 0, RESTORE_PAUSE_MS);
		rc = sqlite3_backup_step(b, -1);
	}
	int end = sqlite3_backup_finish(b);

	if (rc == SQLITE_DONE && end == SQLITE_OK)
		return 0;
	return database_error(
	    to, rc == SQLITE_DONE || rc == SQLITE_OK ? end : rc, err);
}

/* ---- a copy ---- */

/* A handle on a file that has no schema yet. */
static int
open_copy(struct database *copy, struct err *err)
{
	int rc = sqlite3_open_v2(copy->path, &copy->sqlite,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	    NULL);

	return rc == SQLITE_OK ? 0 : database_error(copy, rc, err);
}

/* stats.db has other files beside it, the copy must not need any. */
static int
make_single(struct database *copy, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (database_prepare(
		copy, "PRAGMA journal_mode=DELETE", &stmt, NULL, err) < 0)
		return -1;

	int rc = sqlite3_step(stmt);
	int failed = rc == SQLITE_ROW ? 0 : database_error(copy, rc, err);

	(void)sqlite3_finalize(stmt);
	return failed;
}

static int
fill_copy(struct database *from, const char *to, struct err *err)
{
	cleanup(free_str) char *path = strdup(to);
	struct database copy = { .path = path, .schema = from->schema };
	int rc = path == NULL ? err_nomem(err) : open_copy(&copy, err);

	if (rc == 0)
		rc = copy_pages(from, &copy, err);
	if (rc == 0)
		rc = make_single(&copy, err);
	if (rc == 0)
		rc = check_database(&copy, err);
	(void)sqlite3_close(copy.sqlite);
	return rc;
}

int
upkeep_copy(
    enum store_kind kind, const char *path, const char *to, struct err *err)
{
	cleanup(database_close) struct database *from = NULL;

	if (database_open(path, kinds[kind].schema, STORE_READ, &from, err) < 0)
		return -1;

	cleanup(close_fd) int fd =
	    open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, ERR_PERM, "%s: %s", to, strerror(errno));

	int rc = fill_copy(from, to, err);

	if (rc == 0 && fsync(fd) < 0)
		rc = err_set(err, ERR_TEMP, "%s: %s", to, strerror(errno));
	if (rc < 0)
		(void)unlink(to);
	return rc;
}

/* ---- and back ---- */

int
upkeep_prepare(enum store_kind kind, const char *path, struct err *err)
{
	cleanup(database_close) struct database *copy = NULL;

	/* Opened for writing: an older one gets today's schema. */
	if (database_open(path, kinds[kind].schema, STORE_WRITE, &copy, err) <
	    0)
		return -1;
	return check_database(copy, err);
}

int
upkeep_restore(
    enum store_kind kind, const char *path, const char *from, struct err *err)
{
	const struct database_schema *schema = kinds[kind].schema;
	cleanup(database_close) struct database *copy = NULL;
	cleanup(database_close) struct database *db = NULL;

	if (database_open(from, schema, STORE_READ, &copy, err) < 0 ||
	    database_create(path, schema, err) < 0 ||
	    database_open(path, schema, STORE_WRITE, &db, err) < 0)
		return -1;
	return copy_pages(copy, db, err);
}
