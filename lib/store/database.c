/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/database.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/guard.h"
#include "store/handle.h"

enum {
	RETRY_MS = 10,
	/* see leave_a_gap() */
	REST_FACTOR = 4,
	REST_MAX_MS = 200,
};

/* What the codes mean to an operator; others keep SQLite's own text. */
static const struct {
	int rc;
	const char *text;
} meaning[] = {
	{ SQLITE_BUSY, "another program is writing to it" },
	{ SQLITE_CORRUPT, "it is damaged" },
	{ SQLITE_FULL, "no space left on the device" },
	{ SQLITE_NOTADB, "it is damaged, or no database" },
	{ SQLITE_READONLY_ROLLBACK,
	    "a program was killed while it changed this file: run `sealpost "
	    "init` as root to repair it" },
};

static const char *
text_of(struct database *db, int rc)
{
	for (size_t i = 0; i < countof(meaning); i++)
		if (meaning[i].rc == rc || meaning[i].rc == (rc & 0xff))
			return meaning[i].text;
	return db->sqlite == NULL ? sqlite3_errstr(rc)
				  : sqlite3_errmsg(db->sqlite);
}

int
database_error(struct database *db, int rc, struct err *err)
{
	int error = db->sqlite == NULL ? 0 : sqlite3_system_errno(db->sqlite);

	if ((rc & 0xff) == SQLITE_NOMEM)
		return err_nomem(err);
	if ((rc & 0xff) == SQLITE_CANTOPEN && error != 0)
		return err_set(
		    err, ERR_TEMP, "%s: %s", db->path, strerror(error));
	return err_set(err, ERR_TEMP, "%s: %s", db->path, text_of(db, rc));
}

/*
 * A hot journal is either the work of a guard that has not come to it yet, or
 * (seldom) seen while one transaction ends and the next begins: worth waiting
 * as long as for a lock. *deadline is 0 at first.
 */
static bool
wait_for_repair(struct database *db, int rc, int64_t *deadline)
{
	if (rc != SQLITE_READONLY_ROLLBACK)
		return false;
	if (*deadline == 0)
		*deadline = clock_ms() + db->schema->busy_timeout_ms;
	if (clock_ms() >= *deadline)
		return false;
	(void)poll(NULL, 0, RETRY_MS);
	return true;
}

int
database_prepare(struct database *db, const char *sql, sqlite3_stmt **out,
    const char **tail, struct err *err)
{
	int64_t deadline = 0;
	int rc;

	do
		rc = sqlite3_prepare_v3(
		    db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, out, tail);
	while (wait_for_repair(db, rc, &deadline));
	return rc == SQLITE_OK ? 0 : database_error(db, rc, err);
}

int
database_step(struct database *db, sqlite3_stmt *stmt, bool first)
{
	int64_t deadline = 0;

	for (;;) {
		int rc = sqlite3_step(stmt);

		if (!first || !wait_for_repair(db, rc, &deadline))
			return rc;
		(void)sqlite3_reset(stmt);
	}
}

static int
step_control(struct database *db, enum control which, struct err *err)
{
	int rc = database_step(db, db->control[which], true);
	int failed = rc == SQLITE_DONE ? 0 : database_error(db, rc, err);

	(void)sqlite3_reset(db->control[which]);
	return failed;
}

/*
 * A handle on a file that was removed or replaced knows the past only; and
 * of a last page that was cut SQLite takes the rest to be zeros, which can make
 * an entry vanish.
 */
static int
check_file(struct database *db, struct err *err)
{
	struct stat st;
	int moved = 0;
	int rc = sqlite3_file_control(
	    db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &moved);

	if (rc != SQLITE_OK)
		return database_error(db, rc, err);
	if (moved)
		return err_set(err, ERR_TEMP,
		    "%s: it was removed or replaced while it was open",
		    db->path);
	if (stat(db->path, &st) < 0)
		return err_set(
		    err, ERR_TEMP, "%s: %s", db->path, strerror(errno));
	if (db->page_size != 0 && st.st_size % db->page_size != 0)
		return err_set(
		    err, ERR_TEMP, "%s: it is damaged (cut short)", db->path);
	return 0;
}

/*
 * In rollback mode nobody can read while a commit is being written, and
 * Postfix's maps do not wait: a program that changed many accounts in a row
 * would shut Postfix out. So a writer rests after each commit, before it
 * begins the next.
 */
static void
leave_a_gap(struct database *db, int64_t start, int64_t end)
{
	int64_t rest = (end - start + 1) * REST_FACTOR;

	if (db->mode == STORE_WRITE && db->schema->journal == JOURNAL_ROLLBACK)
		db->rest_until_ms =
		    end + (rest > REST_MAX_MS ? REST_MAX_MS : rest);
}

static void
wait_for_gap(struct database *db)
{
	int64_t rest = db->rest_until_ms - clock_ms();

	if (rest > 0 && rest <= REST_MAX_MS)
		(void)poll(NULL, 0, (int)rest);
}

int
database_begin(struct database *db, enum store_mode mode, struct database **tx,
    struct err *err)
{
	struct database *left = db;

	database_rollback(&left); /* what a failed rollback left open */
	if (check_file(db, err) < 0)
		return -1;
	if (mode == STORE_WRITE)
		wait_for_gap(db);
	*tx = db;
	return step_control(db,
	    mode == STORE_WRITE ? CONTROL_BEGIN_WRITE : CONTROL_BEGIN_READ,
	    err);
}

int
database_commit(struct database **tx, struct err *err)
{
	int64_t start = clock_ms();

	if (step_control(*tx, CONTROL_COMMIT, err) < 0)
		return -1;
	leave_a_gap(*tx, start, clock_ms());
	*tx = NULL;
	return 0;
}

void
database_rollback(struct database **tx)
{
	struct database *db = steal(tx);

	if (db == NULL || sqlite3_get_autocommit(db->sqlite))
		return;
	(void)sqlite3_step(db->control[CONTROL_ROLLBACK]);
	(void)sqlite3_reset(db->control[CONTROL_ROLLBACK]);
}

int64_t
database_changes(struct database *db)
{
	return sqlite3_changes64(db->sqlite);
}

int64_t
database_last_id(struct database *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

/* ---- queries ---- */

int
query_open(
    struct database *db, size_t statement, struct query *q, struct err *err)
{
	sqlite3_stmt **slot = &db->statements[statement];

	if (sqlite3_get_autocommit(db->sqlite) && check_file(db, err) < 0)
		return -1;
	if (*slot == NULL &&
	    database_prepare(
		db, db->schema->statements[statement], slot, NULL, err) < 0)
		return -1;
	*q = (struct query){ .db = db, .stmt = *slot };
	return 0;
}

void
query_close(struct query *q)
{
	if (q->stmt == NULL)
		return;
	(void)sqlite3_reset(q->stmt);
	(void)sqlite3_clear_bindings(q->stmt);
	*q = (struct query){ 0 };
}

static void
remember(struct query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void
query_bind_text(struct query *q, int index, const char *text)
{
	remember(q, sqlite3_bind_text(q->stmt, index, text, -1, SQLITE_STATIC));
}

void
query_bind_int(struct query *q, int index, int64_t value)
{
	remember(q, sqlite3_bind_int64(q->stmt, index, value));
}

void
query_bind_blob(struct query *q, int index, const void *data, size_t n)
{
	remember(q, n == 0 ? sqlite3_bind_zeroblob(q->stmt, index, 0)
			   : sqlite3_bind_blob64(
				 q->stmt, index, data, n, SQLITE_STATIC));
}

int
query_next(struct query *q, struct err *err)
{
	if (q->rc != SQLITE_OK)
		return database_error(q->db, q->rc, err);

	int rc = database_step(q->db, q->stmt, !q->stepped);

	q->stepped = true;
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return database_error(q->db, rc, err);
}

int
query_run(struct query *q, struct err *err)
{
	int rc = query_next(q, err);

	if (rc > 0)
		return err_set(
		    err, ERR_TEMP, "%s: a row where none belongs", q->db->path);
	return rc;
}

int64_t
query_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

/* No text column of ours can be NULL: then memory was short. */
int
query_text(struct query *q, int column, const char **text, struct err *err)
{
	const char *s = (const char *)sqlite3_column_text(q->stmt, column);

	if (s == NULL)
		return err_nomem(err);
	if ((size_t)sqlite3_column_bytes(q->stmt, column) != strlen(s))
		return err_set(err, ERR_TEMP, "%s: it is damaged", q->db->path);
	*text = s;
	return 0;
}

int
query_copy_text(struct query *q, int column, char **out, struct err *err)
{
	const char *text = NULL;

	if (query_text(q, column, &text, err) < 0)
		return -1;
	*out = strdup(text);
	return *out == NULL ? err_nomem(err) : 0;
}

int
query_copy_blob(struct query *q, int column, size_t limit, uint8_t **out,
    size_t *len, struct err *err)
{
	const void *data = sqlite3_column_blob(q->stmt, column);
	size_t n = (size_t)sqlite3_column_bytes(q->stmt, column);

	if (data == NULL && sqlite3_errcode(q->db->sqlite) == SQLITE_NOMEM)
		return err_nomem(err);
	if (n > limit || (data == NULL && n > 0))
		return err_set(err, ERR_TEMP, "%s: it is damaged", q->db->path);
	*out = malloc(n + 1);
	if (*out == NULL)
		return err_nomem(err);
	if (n > 0)
		memcpy(*out, data, n);
	*len = n;
	return 0;
}

/* ---- opening ---- */

/* SQLite gives other names than paths a meaning: "", ":memory:", "file:". */
static int
check_path(const char *path, struct err *err)
{
	if (path[0] == '\0' || path[0] == ':' || strncmp(path, "file:", 5) == 0)
		return err_set(err, ERR_PERM, "\"%s\": not a path", path);
	return 0;
}

static int
set_options(struct database *db, struct err *err)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 },
		{ SQLITE_DBCONFIG_DQS_DDL, 0 },
	};

	for (size_t i = 0; i < countof(options); i++) {
		int is = -1;
		int rc = sqlite3_db_config(
		    db->sqlite, options[i].option, options[i].value, &is);

		if (rc != SQLITE_OK || is != options[i].value)
			return database_error(
			    db, rc == SQLITE_OK ? SQLITE_ERROR : rc, err);
	}
	return 0;
}

static int
pragma(
    struct database *db, const char *sql, const char *expect, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (database_prepare(db, sql, &stmt, NULL, err) < 0)
		return -1;

	int rc = database_step(db, stmt, true);
	int failed = 0;

	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		failed = database_error(db, rc, err);
	} else if (expect != NULL) {
		const char *is =
		    rc == SQLITE_ROW
			? (const char *)sqlite3_column_text(stmt, 0)
			: NULL;

		if (is == NULL || strcmp(is, expect) != 0)
			failed = err_set(err, ERR_TEMP,
			    "%s: %s is not possible", db->path, sql);
	}
	(void)sqlite3_finalize(stmt);
	return failed;
}

static int
set_pragmas(struct database *db, struct err *err)
{
	bool shared = db->schema->journal == JOURNAL_SHARED;
	int keep = 1;

	(void)sqlite3_file_control(
	    db->sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	if (pragma(db, "PRAGMA temp_store=MEMORY", NULL, err) < 0 ||
	    pragma(db, "PRAGMA cell_size_check=ON", NULL, err) < 0 ||
	    pragma(db,
		shared ? "PRAGMA synchronous=NORMAL"
		       : "PRAGMA synchronous=EXTRA",
		NULL, err) < 0)
		return -1;
	if (db->schema->secure_delete &&
	    pragma(db, "PRAGMA secure_delete=ON", "1", err) < 0)
		return -1;
	if (db->mode == STORE_READ)
		return 0;
	return shared ? pragma(db, "PRAGMA journal_mode=WAL", "wal", err)
		      : pragma(db, "PRAGMA journal_mode=DELETE", "delete", err);
}

static int
prepare_controls(struct database *db, struct err *err)
{
	static const char *const sql[CONTROL_COUNT] = {
		[CONTROL_BEGIN_READ] = "BEGIN",
		[CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
		[CONTROL_COMMIT] = "COMMIT",
		[CONTROL_ROLLBACK] = "ROLLBACK",
	};

	for (size_t i = 0; i < CONTROL_COUNT; i++)
		if (database_prepare(db, sql[i], &db->control[i], NULL, err) <
		    0)
			return -1;
	return 0;
}

static int
open_file(struct database *db, struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (db->mode == STORE_WRITE ? SQLITE_OPEN_READWRITE
					     : SQLITE_OPEN_READONLY);
	int rc = sqlite3_open_v2(db->path, &db->sqlite, flags, NULL);

	if (rc != SQLITE_OK)
		return database_error(db, rc, err);
	rc = sqlite3_busy_timeout(db->sqlite, db->schema->busy_timeout_ms);
	if (rc != SQLITE_OK)
		return database_error(db, rc, err);
	/* SQLite falls back to reading; better to say it now */
	if (db->mode == STORE_WRITE && sqlite3_db_readonly(db->sqlite, "main"))
		return err_set(
		    err, ERR_PERM, "%s: no permission to write", db->path);
	return 0;
}

static struct database *
database_new(const char *path, const struct database_schema *schema,
    enum store_mode mode)
{
	cleanup(database_close) struct database *db = calloc(1, sizeof *db);

	if (db == NULL)
		return NULL;
	db->schema = schema;
	db->mode = mode;
	db->path = strdup(path);
	db->statements =
	    calloc(schema->statement_count, sizeof(sqlite3_stmt *));
	if (db->path == NULL || db->statements == NULL)
		return NULL;
	return steal(&db);
}

static int
open_database(struct database *db, bool create, struct err *err)
{
	if (db->mode == STORE_WRITE &&
	    db->schema->journal == JOURNAL_ROLLBACK &&
	    guard_start(db->path, &db->guard, err) < 0)
		return -1;
	if (open_file(db, err) < 0 || set_options(db, err) < 0 ||
	    set_pragmas(db, err) < 0 || prepare_controls(db, err) < 0)
		return -1;
	if (database_check_version(db, create, err) < 0)
		return -1;
	return database_read_integers(
	    db, "PRAGMA page_size", 1, &db->page_size, err);
}

int
database_create(
    const char *path, const struct database_schema *schema, struct err *err)
{
	if (check_path(path, err) < 0 ||
	    database_make_file(path, schema->file_mode, err) < 0)
		return -1;

	cleanup(database_close) struct database *db =
	    database_new(path, schema, STORE_WRITE);

	if (db == NULL)
		return err_nomem(err);
	return open_database(db, true, err);
}

int
database_open(const char *path, const struct database_schema *schema,
    enum store_mode mode, struct database **out, struct err *err)
{
	if (check_path(path, err) < 0)
		return -1;

	cleanup(database_close) struct database *db =
	    database_new(path, schema, mode);

	if (db == NULL)
		return err_nomem(err);
	if (open_database(db, false, err) < 0)
		return -1;
	*out = steal(&db);
	return 0;
}

/* One of the words that say so, where it can be looked at. */
static bool
fails_check(sqlite3 *sqlite)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(
	    sqlite, "PRAGMA quick_check(1)", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);

	const char *said = rc == SQLITE_ROW
			       ? (const char *)sqlite3_column_text(stmt, 0)
			       : NULL;
	bool bad = said != NULL && strcmp(said, "ok") != 0;

	(void)sqlite3_finalize(stmt);
	return bad || (rc & 0xff) == SQLITE_CORRUPT ||
	       (rc & 0xff) == SQLITE_NOTADB;
}

bool
database_is_damaged(const char *path)
{
	sqlite3 *sqlite = NULL;
	int rc = sqlite3_open_v2(path, &sqlite,
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READONLY, NULL);
	bool damaged = rc == SQLITE_OK && fails_check(sqlite);

	(void)sqlite3_close(sqlite);
	return damaged;
}

void
database_close(struct database **dbp)
{
	struct database *db = steal(dbp);

	if (db == NULL)
		return;
	for (size_t i = 0; i < CONTROL_COUNT; i++)
		(void)sqlite3_finalize(db->control[i]);
	for (size_t i = 0;
	     db->statements != NULL && i < db->schema->statement_count; i++)
		(void)sqlite3_finalize(db->statements[i]);
	(void)sqlite3_close(db->sqlite);
	guard_stop(&db->guard);
	free(db->statements);
	free(db->path);
	free(db);
}
