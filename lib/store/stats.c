/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * stats.db: counters(hour, address, ...), hour being the second with which it
 * began; mechanisms(hour, mechanism, ...); last_logins(address, day). WAL, whose
 * -wal and -shm are never removed by us, so that daemons in the file's group
 * count without a right on its folder. A root shell that closes last removes
 * them all the same; any open by root (`sealpost
 * stats` does) brings them back with the file's mode and group.
 */

#include "store/stats.h"

#include "store/database.h"
#include "store/schemas.h"

struct stats {
	struct database *db;
};

enum { HOUR = 3600, DAY = 86400, COUNTERS = 11, MECHANISM_NAME_SIZE = 32 };

enum stats_statement {
	STATS_ADD,
	STATS_SUM,
	STATS_SUM_ALL,
	STATS_LIST,
	STATS_EXPIRE,
	STATS_EXPIRE_HOUR,
	STATS_EXPIRE_MECHANISMS,
	STATS_ADD_MECHANISM,
	STATS_LIST_MECHANISMS,
	STATS_PUT_LAST_LOGIN,
	STATS_GET_LAST_LOGIN,
	STATS_STATEMENT_COUNT
};

static const char version_1[] = "CREATE TABLE counters("
				"  hour INTEGER NOT NULL,"
				"  address TEXT NOT NULL,"
				"  logins INTEGER NOT NULL,"
				"  failed_logins INTEGER NOT NULL,"
				"  sent INTEGER NOT NULL,"
				"  recipients INTEGER NOT NULL,"
				"  octets INTEGER NOT NULL,"
				"  received INTEGER NOT NULL,"
				"  sealed INTEGER NOT NULL,"
				"  already_sealed INTEGER NOT NULL,"
				"  deferred INTEGER NOT NULL,"
				"  refused INTEGER NOT NULL,"
				"  plaintext INTEGER NOT NULL,"
				"  PRIMARY KEY (hour, address)"
				") STRICT, WITHOUT ROWID;";

static const char version_2[] =
    "CREATE TABLE mechanisms("
    "  hour INTEGER NOT NULL,"
    "  mechanism TEXT NOT NULL,"
    "  logins INTEGER NOT NULL,"
    "  failed_logins INTEGER NOT NULL,"
    "  PRIMARY KEY (hour, mechanism)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE last_logins("
    "  address TEXT NOT NULL PRIMARY KEY,"
    "  day INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;";

static const char *const steps[] = { version_1, version_2 };

/* The order of values_of() and counters_of_row(). */
#define SUMS                                                           \
	"coalesce(sum(logins), 0), coalesce(sum(failed_logins), 0), "  \
	"coalesce(sum(sent), 0), coalesce(sum(recipients), 0), "       \
	"coalesce(sum(octets), 0), coalesce(sum(received), 0), "       \
	"coalesce(sum(sealed), 0), coalesce(sum(already_sealed), 0), " \
	"coalesce(sum(deferred), 0), coalesce(sum(refused), 0), "      \
	"coalesce(sum(plaintext), 0)"

static const char *const statements[STATS_STATEMENT_COUNT] = {
	[STATS_ADD] =
	    "INSERT INTO counters(hour, address, logins, failed_logins, "
	    "sent, recipients, octets, received, sealed, already_sealed, "
	    "deferred, refused, plaintext) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
	    "ON CONFLICT(hour, address) DO UPDATE SET "
	    "logins = logins + excluded.logins, "
	    "failed_logins = failed_logins + excluded.failed_logins, "
	    "sent = sent + excluded.sent, "
	    "recipients = recipients + excluded.recipients, "
	    "octets = octets + excluded.octets, "
	    "received = received + excluded.received, "
	    "sealed = sealed + excluded.sealed, "
	    "already_sealed = already_sealed + excluded.already_sealed, "
	    "deferred = deferred + excluded.deferred, "
	    "refused = refused + excluded.refused, "
	    "plaintext = plaintext + excluded.plaintext",
	[STATS_SUM] = "SELECT " SUMS " FROM counters "
		      "WHERE hour >= ?1 AND address = ?2",
	[STATS_SUM_ALL] = "SELECT " SUMS " FROM counters WHERE hour >= ?1",
	[STATS_LIST] =
	    "SELECT " SUMS ", address FROM counters WHERE hour >= ?1 "
	    "GROUP BY address ORDER BY address",
	[STATS_EXPIRE] = "DELETE FROM counters WHERE hour < ?1",
	[STATS_EXPIRE_HOUR] =
	    "DELETE FROM counters WHERE hour < ?1 "
	    "AND hour = (SELECT min(hour) FROM counters)",
	[STATS_EXPIRE_MECHANISMS] = "DELETE FROM mechanisms WHERE hour < ?1",
	[STATS_ADD_MECHANISM] =
	    "INSERT INTO mechanisms(hour, mechanism, logins, failed_logins) "
	    "VALUES (?1, ?2, ?3, ?4) "
	    "ON CONFLICT(hour, mechanism) DO UPDATE SET "
	    "logins = logins + excluded.logins, "
	    "failed_logins = failed_logins + excluded.failed_logins",
	[STATS_LIST_MECHANISMS] =
	    "SELECT mechanism, sum(logins), sum(failed_logins) "
	    "FROM mechanisms WHERE hour >= ?1 "
	    "GROUP BY mechanism ORDER BY mechanism",
	[STATS_PUT_LAST_LOGIN] =
	    "INSERT INTO last_logins(address, day) VALUES (?1, ?2) "
	    "ON CONFLICT(address) DO UPDATE SET "
	    "day = excluded.day WHERE day < excluded.day",
	[STATS_GET_LAST_LOGIN] =
	    "SELECT day FROM last_logins WHERE address = ?1",
};

const struct database_schema stats_schema = {
	.name = "stats",
	.application_id = 0x53504c43, /* "SPLC" */
	.steps = steps,
	.step_count = countof(steps),
	.statements = statements,
	.statement_count = STATS_STATEMENT_COUNT,
	.file_mode = 0660,
	.busy_timeout_ms = 50,
	.journal = JOURNAL_SHARED,
};

int
stats_create(const char *path, struct err *err)
{
	return database_create(path, &stats_schema, err);
}

int
stats_open(
    const char *path, enum store_mode mode, struct stats **out, struct err *err)
{
	cleanup(stats_close) struct stats *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	if (database_open(path, &stats_schema, mode, &s->db, err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

void
stats_close(struct stats **sp)
{
	struct stats *s = steal(sp);

	if (s == NULL)
		return;
	database_close(&s->db);
	free(s);
}

/* When the hour or day that t lies in began; before 1970 too. */
static int64_t
start_of(int64_t t, int64_t length)
{
	int64_t rest = t % length;

	return t - (rest < 0 ? rest + length : rest);
}

static int64_t
hour_of(int64_t t)
{
	return start_of(t, HOUR);
}

static void
values_of(const struct stats_counters *c, uint64_t out[COUNTERS])
{
	const uint64_t values[COUNTERS] = { c->logins, c->failed_logins,
		c->sent, c->recipients, c->octets, c->received, c->sealed,
		c->already_sealed, c->deferred, c->refused, c->plaintext };

	for (size_t i = 0; i < COUNTERS; i++)
		out[i] = values[i];
}

static struct stats_counters
counters_of_row(struct query *q)
{
	uint64_t v[COUNTERS];

	for (int i = 0; i < COUNTERS; i++)
		v[i] = (uint64_t)query_int(q, i);
	return (struct stats_counters){
		.logins = v[0],
		.failed_logins = v[1],
		.sent = v[2],
		.recipients = v[3],
		.octets = v[4],
		.received = v[5],
		.sealed = v[6],
		.already_sealed = v[7],
		.deferred = v[8],
		.refused = v[9],
		.plaintext = v[10],
	};
}

int
stats_add(struct stats *s, const char *address, int64_t now,
    const struct stats_counters *delta, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	uint64_t values[COUNTERS];

	if (query_open(s->db, STATS_ADD, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(now));
	query_bind_text(&q, 2, address);
	values_of(delta, values);
	for (int i = 0; i < COUNTERS; i++) {
		if (values[i] > INT64_MAX)
			return err_set(err, ERR_PERM, "a count is too large");
		query_bind_int(&q, 3 + i, (int64_t)values[i]);
	}
	return query_run(&q, err);
}

/* ---- logins ---- */

static int
add_mechanism(struct stats *s, int64_t now, const struct stats_login *l,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(s->db, STATS_ADD_MECHANISM, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(now));
	query_bind_text(&q, 2, l->mechanism);
	query_bind_int(&q, 3, (int64_t)l->ok);
	query_bind_int(&q, 4, (int64_t)l->failed);
	return query_run(&q, err);
}

static int
put_last_login(struct stats *s, int64_t now, const struct stats_login *l,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (l->ok == 0 || l->address[0] == '\0')
		return 0;
	if (query_open(s->db, STATS_PUT_LAST_LOGIN, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, l->address);
	query_bind_int(&q, 2, start_of(now, DAY));
	return query_run(&q, err);
}

int
stats_add_logins(struct stats *s, int64_t now, const struct stats_login *list,
    size_t count, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct stats_login *l = &list[i];
		const struct stats_counters delta = { .logins = l->ok,
			.failed_logins = l->failed };

		if (stats_add(s, l->address, now, &delta, err) < 0 ||
		    add_mechanism(s, now, l, err) < 0 ||
		    put_last_login(s, now, l, err) < 0)
			return -1;
	}
	return database_commit(&tx, err);
}

int
stats_last_login(struct stats *s, const char *address, int64_t *day,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(s->db, STATS_GET_LAST_LOGIN, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);

	int rc = query_next(&q, err);

	if (rc == 1)
		*day = query_int(&q, 0);
	return rc;
}

/* Mechanisms are few: those the suite knows. */
struct mechanism_row {
	char name[MECHANISM_NAME_SIZE];
	uint64_t ok, failed;
};

static int
read_mechanisms(struct stats *s, int64_t since, struct mechanism_row *rows,
    size_t size, size_t *count, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	if (query_open(s->db, STATS_LIST_MECHANISMS, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(since));
	while ((rc = query_next(&q, err)) > 0 && *count < size) {
		struct mechanism_row *row = &rows[(*count)++];
		const char *name = NULL;

		if (query_text(&q, 0, &name, err) < 0)
			return -1;
		(void)snprintf(row->name, sizeof row->name, "%s", name);
		row->ok = (uint64_t)query_int(&q, 1);
		row->failed = (uint64_t)query_int(&q, 2);
	}
	return rc < 0 ? -1 : 0;
}

int
stats_list_mechanisms(struct stats *s, int64_t since,
    stats_each_mechanism each, void *ctx, struct err *err)
{
	struct mechanism_row rows[16];
	size_t count = 0;

	if (read_mechanisms(s, since, rows, countof(rows), &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (each(ctx, rows[i].name, rows[i].ok, rows[i].failed, err) <
		    0)
			return -1;
	return 0;
}

/* ---- sums ---- */

int
stats_add_many(struct stats *s, struct stats_entry *const *entries,
    size_t count, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (count == 0)
		return 0;
	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (stats_add(s, entries[i]->address, entries[i]->now,
		        &entries[i]->delta, err) < 0)
			return -1;
	return database_commit(&tx, err);
}

int
stats_sum(struct stats *s, const char *address, int64_t since,
    struct stats_counters *out, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(s->db, address == NULL ? STATS_SUM_ALL : STATS_SUM, &q,
		err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(since));
	if (address != NULL)
		query_bind_text(&q, 2, address);

	int rc = query_next(&q, err);

	if (rc == 0)
		return err_set(err, ERR_TEMP, "stats: no sum");
	if (rc < 0)
		return -1;
	*out = counters_of_row(&q);
	return 0;
}

/* ---- the list ---- */

struct stats_row {
	char *address;
	struct stats_counters sum;
};

struct stats_rows {
	struct stats_row *rows;
	size_t count, size;
};

static void
stats_rows_reset(struct stats_rows *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->rows[i].address);
	free(l->rows);
	*l = (struct stats_rows){ 0 };
}

static int
stats_rows_grow(struct stats_rows *l, struct err *err)
{
	size_t size = l->size == 0 ? 64 : l->size * 2;

	if (l->count < l->size)
		return 0;

	struct stats_row *more = reallocarray(l->rows, size, sizeof *more);

	if (more == NULL)
		return err_nomem(err);
	l->rows = more;
	l->size = size;
	return 0;
}

static int
read_rows(struct stats *s, int64_t since, struct stats_rows *l, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	if (query_open(s->db, STATS_LIST, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(since));
	while ((rc = query_next(&q, err)) > 0) {
		if (stats_rows_grow(l, err) < 0)
			return -1;

		struct stats_row *row = &l->rows[l->count];

		if (query_copy_text(&q, COUNTERS, &row->address, err) < 0)
			return -1;
		row->sum = counters_of_row(&q);
		l->count++;
	}
	return rc;
}

int
stats_list(
    struct stats *s, int64_t since, stats_each each, void *ctx, struct err *err)
{
	cleanup(stats_rows_reset) struct stats_rows l = { 0 };

	if (read_rows(s, since, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (each(ctx, l.rows[i].address, &l.rows[i].sum, err) < 0)
			return -1;
	return 0;
}

static int
expire(struct stats *s, enum stats_statement which, int64_t before,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	/* an hour that `before` lies in is not over then */
	if (query_open(s->db, which, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, hour_of(before));
	return query_run(&q, err);
}

int
stats_expire(struct stats *s, int64_t before, struct err *err)
{
	if (expire(s, STATS_EXPIRE, before, err) < 0)
		return -1;
	return expire(s, STATS_EXPIRE_MECHANISMS, before, err);
}

int
stats_expire_hour(struct stats *s, int64_t before, struct err *err)
{
	if (expire(s, STATS_EXPIRE_HOUR, before, err) < 0)
		return -1;
	if (database_changes(s->db) > 0)
		return 1;
	/* a few rows an hour */
	return expire(s, STATS_EXPIRE_MECHANISMS, before, err);
}
