/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * notices(address, role, days, until, claimed, sent)
 *	claimed is when, sent is 0 or 1.
 */
#include "store/notices.h"

#include "store/database.h"
#include "store/schemas.h"

struct notices {
	struct database *db;
};

enum notices_statement {
	NOTICE_CLAIM,
	NOTICE_SENT,
	NOTICE_GIVE_BACK,
	NOTICE_SETTLE,
	NOTICE_EXPIRE,
	NOTICES_STATEMENT_COUNT
};

static const char version_1[] =
    "CREATE TABLE notices("
    "  address TEXT NOT NULL,"
    "  role TEXT NOT NULL,"
    "  days INTEGER NOT NULL,"
    "  until INTEGER NOT NULL,"
    "  claimed INTEGER NOT NULL,"
    "  sent INTEGER NOT NULL CHECK (sent IN (0, 1)),"
    "  PRIMARY KEY(address, role, days, until)"
    ") STRICT, WITHOUT ROWID;";

static const char *const steps[] = { version_1 };

#define THIS_ONE \
	" WHERE address = ?1 AND role = ?2 AND days = ?3 AND until = ?4"

static const char *const statements[NOTICES_STATEMENT_COUNT] = {
	[NOTICE_CLAIM] =
	    "INSERT INTO notices(address, role, days, until, claimed, sent) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT DO NOTHING",
	[NOTICE_SENT] = "UPDATE notices SET sent = 1" THIS_ONE,
	[NOTICE_GIVE_BACK] = "DELETE FROM notices" THIS_ONE " AND sent = 0",
	[NOTICE_SETTLE] =
	    "UPDATE notices SET sent = 1 WHERE sent = 0 AND claimed < ?1",
	[NOTICE_EXPIRE] = "DELETE FROM notices WHERE until < ?1",
};

const struct database_schema notices_schema = {
	.name = "notices",
	.application_id = 0x53504c4e, /* "SPLN" */
	.steps = steps,
	.step_count = countof(steps),
	.statements = statements,
	.statement_count = NOTICES_STATEMENT_COUNT,
	.file_mode = 0600,
	.busy_timeout_ms = 5000,
	.journal = JOURNAL_ROLLBACK,
};

int
notices_open(const char *path, struct notices **out, struct err *err)
{
	cleanup(notices_close) struct notices *n = calloc(1, sizeof *n);

	if (n == NULL)
		return err_nomem(err);
	if (database_create(path, &notices_schema, err) < 0 ||
	    database_open(path, &notices_schema, STORE_WRITE, &n->db, err) < 0)
		return -1;
	*out = steal(&n);
	return 0;
}

void
notices_close(struct notices **np)
{
	struct notices *n = steal(np);

	if (n == NULL)
		return;
	database_close(&n->db);
	free(n);
}

static int
open_for(struct notices *n, enum notices_statement which,
    const struct notice *what, struct query *q, struct err *err)
{
	if (query_open(n->db, which, q, err) < 0)
		return -1;
	query_bind_text(q, 1, what->address);
	query_bind_text(q, 2, what->role);
	query_bind_int(q, 3, what->days);
	query_bind_int(q, 4, what->until);
	return 0;
}

int
notices_claim(
    struct notices *n, const struct notice *what, int64_t now, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (open_for(n, NOTICE_CLAIM, what, &q, err) < 0)
		return -1;
	query_bind_int(&q, 5, now);
	if (query_run(&q, err) < 0)
		return -1;
	return database_changes(n->db) > 0 ? 1 : 0;
}

int
notices_sent(struct notices *n, const struct notice *what, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (open_for(n, NOTICE_SENT, what, &q, err) < 0)
		return -1;
	return query_run(&q, err);
}

int
notices_give_back(struct notices *n, const struct notice *what, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (open_for(n, NOTICE_GIVE_BACK, what, &q, err) < 0)
		return -1;
	return query_run(&q, err);
}

static int
run_before(struct notices *n, enum notices_statement which, int64_t before,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(n->db, which, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, before);
	return query_run(&q, err);
}

int
notices_settle(
    struct notices *n, int64_t before, size_t *count, struct err *err)
{
	if (run_before(n, NOTICE_SETTLE, before, err) < 0)
		return -1;
	*count = (size_t)database_changes(n->db);
	return 0;
}

int
notices_expire(struct notices *n, int64_t before, struct err *err)
{
	return run_before(n, NOTICE_EXPIRE, before, err);
}
