/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The SQLite door, private to lib/store: files, versions, transactions and
 * statements. Whatever goes wrong with the file is ERR_TEMP; only the database
 * itself can say that something does not exist.
 *
 * A handle belongs to one thread at a time. A handle that writes directory.db
 * or secrets.db forks a guard (guard.h): open it in programs of one thread, and
 * not while another handle of the process is inside a transaction.
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "store/mode.h"

/*
 * Which journal (see guard.h for why):
 * JOURNAL_ROLLBACK  one privileged writer now and then, readers of any kind
 * JOURNAL_SHARED    WAL: many writers that may not write to the directory
 */
enum database_journal { JOURNAL_ROLLBACK, JOURNAL_SHARED };

struct database_schema {
	const char *name; /* for messages: "directory" */
	int32_t application_id;
	const char *const *steps; /* steps[n] leads from version n to n + 1 */
	size_t step_count;
	const char *const *statements; /* what query_open() runs, by number */
	size_t statement_count;
	mode_t file_mode;
	int busy_timeout_ms;
	enum database_journal journal;
	bool secure_delete;
};

struct database;

/*
 * Makes the file with exactly file_mode, whatever the umask, and the newest
 * schema in it; an existing one is migrated, keeping its data. Done twice is
 * done once; an attempt that was cut short is completed.
 */
int database_create(const char *path, const struct database_schema *schema,
    struct err *err) must_check;

/* As directory_open(). The schema is borrowed. */
int database_open(const char *path, const struct database_schema *schema,
    enum store_mode mode, struct database **out, struct err *err) must_check;
void database_close(struct database **dbp);

/*
 * Does SQLite call the file damaged, or no database? False when it cannot be
 * told: it is not there, locked, not to be read. Reads all of it.
 */
bool database_is_damaged(const char *path) must_check;

/*
 * Begins a transaction: a snapshot (STORE_READ) or the one writer
 * (STORE_WRITE). *tx is db until database_commit() has succeeded; declare it
 * cleanup(database_rollback).
 */
int database_begin(struct database *db, enum store_mode mode,
    struct database **tx, struct err *err) must_check;
int database_commit(struct database **tx, struct err *err) must_check;
void database_rollback(struct database **tx);

/* Rows that the last INSERT, UPDATE or DELETE changed; the last rowid. */
int64_t database_changes(struct database *db);
int64_t database_last_id(struct database *db);

/*
 * One run of a cached statement, declared as
 *	cleanup(query_close) struct query q = { 0 };
 * Values bound are borrowed until query_close(). A failure to bind is
 * remembered and reported by query_next(). Indices of values start with 1,
 * those of columns with 0.
 */
struct query {
	struct database *db;
	struct sqlite3_stmt *stmt;
	int rc;
	bool stepped;
};

int query_open(struct database *db, size_t statement, struct query *q,
    struct err *err) must_check;
void query_close(struct query *q);

void query_bind_text(struct query *q, int index, const char *text);
void query_bind_int(struct query *q, int index, int64_t value);
void query_bind_blob(struct query *q, int index, const void *data, size_t n);

/* 1 there is a row, 0 there is none (the database said so), -1. */
int query_next(struct query *q, struct err *err) must_check;
/* For statements that give no row. */
int query_run(struct query *q, struct err *err) must_check;

int64_t query_int(struct query *q, int column);
/* Borrowed until the next query_next(); ERR_TEMP when there is no text. */
int query_text(
    struct query *q, int column, const char **text, struct err *err) must_check;
/* Copies are the caller's. A blob longer than limit is ERR_TEMP (damage). */
int query_copy_text(
    struct query *q, int column, char **out, struct err *err) must_check;
int query_copy_blob(struct query *q, int column, size_t limit, uint8_t **out,
    size_t *len, struct err *err) must_check;

#endif
