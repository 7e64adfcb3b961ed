/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Files and versions: from nothing, or from any older version, to today's. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "store/handle.h"

static int
file_error(const char *path, int error, struct err *err)
{
	bool full = error == ENOSPC || error == EDQUOT || error == EIO ||
		    error == ENOMEM || error == EMFILE || error == ENFILE;

	return err_set(
	    err, full ? ERR_TEMP : ERR_PERM, "%s: %s", path, strerror(error));
}

/*
 * The mode of a file that is empty still may be short of bits: the one who
 * made it was stopped. A file with content keeps the mode its owner chose. It
 * is not opened here: closing it would drop locks that SQLite holds on it.
 */
static int
adopt_file(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return file_error(path, errno, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_PERM, "%s: not a file", path);
	if (st.st_size == 0 && (st.st_mode & 0777) != mode &&
	    chmod(path, mode) < 0)
		return file_error(path, errno, err);
	return 0;
}

int
database_make_file(const char *path, mode_t mode, struct err *err)
{
	cleanup(close_fd) int fd =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0 && errno == EEXIST)
		return adopt_file(path, mode, err);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return file_error(path, errno, err);
	return 0;
}

int
database_read_integers(struct database *db, const char *sql, int count,
    int64_t *out, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (database_prepare(db, sql, &stmt, NULL, err) < 0)
		return -1;

	int rc = database_step(db, stmt, true);
	int failed = rc == SQLITE_ROW ? 0 : database_error(db, rc, err);

	for (int i = 0; i < count && failed == 0; i++)
		out[i] = sqlite3_column_int64(stmt, i);
	(void)sqlite3_finalize(stmt);
	return failed;
}

struct version {
	int64_t application_id, user_version, tables;
};

static int
read_version(struct database *db, struct version *v, struct err *err)
{
	int64_t is[3] = { 0 };

	if (database_read_integers(db,
		"SELECT application_id, user_version, "
		"(SELECT count(*) FROM sqlite_schema) "
		"FROM pragma_application_id, pragma_user_version",
		3, is, err) < 0)
		return -1;
	*v = (struct version){ is[0], is[1], is[2] };
	return 0;
}

static bool
is_empty(const struct version *v)
{
	return v->application_id == 0 && v->user_version == 0 && v->tables == 0;
}

static int
judge_version(struct database *db, const struct version *v, struct err *err)
{
	const struct database_schema *schema = db->schema;

	if (is_empty(v))
		return err_set(err, ERR_TEMP,
		    "%s: the %s database is empty: run `sealpost init`",
		    db->path, schema->name);
	if (v->application_id != schema->application_id)
		return err_set(err, ERR_PERM,
		    "%s: this is no %s database of sealpost", db->path,
		    schema->name);
	if (v->user_version < 0 ||
	    v->user_version > (int64_t)schema->step_count)
		return err_set(err, ERR_PERM,
		    "%s: its schema has version %lld, newer than version %zu "
		    "of this sealpost: install the newer one",
		    db->path, (long long)v->user_version, schema->step_count);
	if (v->user_version < (int64_t)schema->step_count &&
	    db->mode == STORE_READ)
		return err_set(err, ERR_TEMP,
		    "%s: its schema has version %lld, older than version %zu "
		    "of this sealpost: run `sealpost init`",
		    db->path, (long long)v->user_version, schema->step_count);
	return 0;
}

static bool
is_blank(const char *sql)
{
	return sql[strspn(sql, " \t\r\n;")] == '\0';
}

static int
run_one(struct database *db, const char **sql, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (database_prepare(db, *sql, &stmt, sql, err) < 0)
		return -1;

	int rc = database_step(db, stmt, true);
	int failed = rc == SQLITE_DONE || rc == SQLITE_ROW
			 ? 0
			 : database_error(db, rc, err);

	(void)sqlite3_finalize(stmt);
	return failed;
}

static int
run_script(struct database *db, const char *sql, struct err *err)
{
	while (!is_blank(sql))
		if (run_one(db, &sql, err) < 0)
			return -1;
	return 0;
}

/* Rows that point at nothing: a step went wrong. */
static int
check_references(struct database *db, struct err *err)
{
	int64_t count = 0;

	if (database_read_integers(db,
		"SELECT count(*) FROM pragma_foreign_key_check", 1, &count,
		err) < 0)
		return -1;
	if (count > 0)
		return err_set(err, ERR_PERM,
		    "%s: the migration would lose references; nothing was "
		    "changed",
		    db->path);
	return 0;
}

static int
run_steps(struct database *db, const struct version *from, struct err *err)
{
	const struct database_schema *schema = db->schema;
	char marks[100];

	for (size_t i = (size_t)from->user_version; i < schema->step_count; i++)
		if (run_script(db, schema->steps[i], err) < 0)
			return err_context(err, "schema version %zu", i + 1);
	(void)snprintf(marks, sizeof marks,
	    "PRAGMA application_id=%d; PRAGMA user_version=%zu",
	    (int)schema->application_id, schema->step_count);
	if (run_script(db, marks, err) < 0)
		return -1;
	return check_references(db, err);
}

/* Another process may have migrated meanwhile: look again, under the lock. */
static int
migrate_locked(struct database *db, bool create, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	struct version v;

	if (database_begin(db, STORE_WRITE, &tx, err) < 0 ||
	    read_version(db, &v, err) < 0)
		return -1;
	if (!(create && is_empty(&v)) && judge_version(db, &v, err) < 0)
		return -1;
	if (v.user_version < (int64_t)db->schema->step_count &&
	    run_steps(db, &v, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

static int
set_foreign_keys(struct database *db, int on, struct err *err)
{
	int is = -1;
	int rc =
	    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_ENABLE_FKEY, on, &is);

	if (rc != SQLITE_OK || is != on)
		return database_error(
		    db, rc == SQLITE_OK ? SQLITE_ERROR : rc, err);
	return 0;
}

/* Steps may rebuild tables that others refer to; checked at the end. */
static int
migrate(struct database *db, bool create, struct err *err)
{
	if (set_foreign_keys(db, 0, err) < 0 ||
	    migrate_locked(db, create, err) < 0)
		return -1;
	return set_foreign_keys(db, 1, err);
}

int
database_check_version(struct database *db, bool create, struct err *err)
{
	struct version v;

	if (read_version(db, &v, err) < 0)
		return -1;
	if (create && is_empty(&v))
		return migrate(db, true, err);
	if (judge_version(db, &v, err) < 0)
		return -1;
	if (v.user_version < (int64_t)db->schema->step_count)
		return migrate(db, false, err);
	return 0;
}
