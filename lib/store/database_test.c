/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Files, versions, damage and locks, whichever the database. */

#include "store/testing_calls.h"

#include <errno.h>

#include "base/clock.h"
#include "store/database.h"

/* ---- a database with a history ---- */

static const char *const history[] = {
	"CREATE TABLE people(name TEXT NOT NULL PRIMARY KEY) STRICT;"
	"CREATE TABLE pets(name TEXT NOT NULL,"
	"  owner TEXT NOT NULL REFERENCES people(name)) STRICT;",
	"ALTER TABLE people ADD COLUMN age INTEGER NOT NULL DEFAULT 7;",
	/* rebuilding a table that another one refers to */
	"CREATE TABLE people_new(name TEXT NOT NULL PRIMARY KEY,"
	"  years INTEGER NOT NULL) STRICT;"
	"INSERT INTO people_new SELECT name, age FROM people;"
	"DROP TABLE people;"
	"ALTER TABLE people_new RENAME TO people;",
	/* a step that goes wrong at its end */
	"UPDATE people SET years = 99; SELECT no_such_function();",
};

/* The third step, made by somebody who forgot the rows. */
static const char *const careless[] = {
	"CREATE TABLE people(name TEXT NOT NULL PRIMARY KEY) STRICT;"
	"CREATE TABLE pets(name TEXT NOT NULL,"
	"  owner TEXT NOT NULL REFERENCES people(name)) STRICT;",
	"DELETE FROM people;",
};

enum { ADD_PERSON, ADD_PET };
static const char *const statements[] = {
	[ADD_PERSON] = "INSERT INTO people(name) VALUES (?1)",
	[ADD_PET] = "INSERT INTO pets(name, owner) VALUES (?1, ?2)",
};

static struct database_schema
version(const char *const *steps, size_t n)
{
	return (struct database_schema){
		.name = "pets",
		.application_id = 4711,
		.steps = steps,
		.step_count = n,
		.statements = statements,
		.statement_count = countof(statements),
		.file_mode = 0640,
		.busy_timeout_ms = 1000,
		.journal = JOURNAL_ROLLBACK,
	};
}

static int
add(struct database *db, size_t statement, const char *a, const char *b,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(db, statement, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, a);
	if (b != NULL)
		query_bind_text(&q, 2, b);
	return query_run(&q, err);
}

static void
make_version_1(const char *path)
{
	struct database_schema one = version(history, 1);
	struct database *db = NULL;
	struct err err = { 0 };

	must(database_create(path, &one, &err), &err);
	must(database_open(path, &one, STORE_WRITE, &db, &err), &err);
	must(add(db, ADD_PERSON, "Ann", NULL, &err), &err);
	must(add(db, ADD_PET, "Rex", "Ann", &err), &err);
	/* references are enforced */
	assert_int_equal(add(db, ADD_PET, "Tom", "Nobody", &err), -1);
	database_close(&db);
}

static void
older_version_keeps_its_data(void **state)
{
	struct folder f;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	for (size_t to = 1; to <= 3; to++) {
		struct database_schema newer = version(history, to);
		struct database *db = NULL;

		make_version_1(f.db);
		must(database_open(f.db, &newer, STORE_WRITE, &db, &err), &err);
		/* and is enforced after a migration */
		assert_int_equal(add(db, ADD_PET, "Tom", "Nobody", &err), -1);
		database_close(&db);
		must(database_open(f.db, &newer, STORE_READ, &db, &err), &err);
		database_close(&db);
		assert_int_equal(ask_sql(f.db, "PRAGMA user_version"), to);
		assert_int_equal(
		    ask_sql(f.db, "SELECT count(*) FROM people JOIN pets "
				  "ON owner = people.name"),
		    1);
		if (to == 3)
			assert_int_equal(
			    ask_sql(f.db, "SELECT years FROM people"), 7);
		folder_clear(&f);
	}
	folder_remove(&f);
}

static void
create_migrates_too(void **state)
{
	struct folder f;
	struct database_schema newer = version(history, 3);
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	make_version_1(f.db);
	must(database_create(f.db, &newer, &err), &err);
	must(database_create(f.db, &newer, &err), &err);
	assert_int_equal(ask_sql(f.db, "SELECT years FROM people"), 7);
	folder_remove(&f);
}

static void
reader_does_not_migrate(void **state)
{
	struct folder f;
	struct database_schema newer = version(history, 3);
	struct database *db = NULL;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	make_version_1(f.db);
	assert_int_equal(
	    database_open(f.db, &newer, STORE_READ, &db, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_null(db);
	assert_int_equal(ask_sql(f.db, "PRAGMA user_version"), 1);
	folder_remove(&f);
}

static void
newer_version_is_refused(void **state)
{
	static const enum store_mode modes[] = { STORE_READ, STORE_WRITE };
	struct folder f;
	struct database_schema older = version(history, 2);
	struct database *db = NULL;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	make_version_1(f.db);
	run_sql(f.db, "PRAGMA user_version=17");
	for (size_t i = 0; i < countof(modes); i++) {
		assert_int_equal(
		    database_open(f.db, &older, modes[i], &db, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_non_null(strstr(err.text, f.db));
		assert_non_null(strstr(err.text, "version 17"));
		assert_non_null(strstr(err.text, "version 2"));
	}
	assert_int_equal(database_create(f.db, &older, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(ask_sql(f.db, "PRAGMA user_version"), 17);
	folder_remove(&f);
}

static void
failed_migration_changes_nothing(void **state)
{
	struct folder f;
	const struct database_schema bad[] = { version(history, 4),
		version(careless, 2) };
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	for (size_t i = 0; i < countof(bad); i++) {
		struct database *db = NULL;

		make_version_1(f.db);
		assert_int_equal(
		    database_open(f.db, &bad[i], STORE_WRITE, &db, &err), -1);
		assert_null(db);
		assert_int_equal(ask_sql(f.db, "PRAGMA user_version"), 1);
		assert_int_equal(
		    ask_sql(f.db, "SELECT count(*) FROM people"), 1);
		folder_clear(&f);
	}
	folder_remove(&f);
}

static void
foreign_databases_are_refused(void **state)
{
	static const char *const sql[] = {
		"CREATE TABLE x(y)",
		"PRAGMA application_id=1; PRAGMA user_version=1",
		"CREATE TABLE x(y); PRAGMA application_id=77",
	};
	struct folder f;
	struct database_schema one = version(history, 1);
	struct database *db = NULL;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	for (size_t i = 0; i < countof(sql); i++) {
		run_sql(f.db, sql[i]);
		assert_int_equal(
		    database_open(f.db, &one, STORE_READ, &db, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(database_create(f.db, &one, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(
		    ask_sql(f.db, "SELECT count(*) FROM sqlite_schema "
				  "WHERE name = 'people'"),
		    0);
		folder_clear(&f);
	}
	folder_remove(&f);
}

/* ---- making files ---- */

static int
make_all(void *ctx)
{
	const struct folder *f = ctx;
	char secrets[TESTING_PATH + 40], stats[TESTING_PATH + 40];

	snprintf(secrets, sizeof secrets, "%s/secrets", f->path);
	snprintf(stats, sizeof stats, "%s/stats", f->path);
	return directory_create(f->db, NULL) < 0 ||
	       secrets_create(secrets, NULL) < 0 ||
	       stats_create(stats, NULL) < 0;
}

static void
modes_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0277 };
	struct folder f;

	(void)state;
	folder_make(&f);
	for (size_t i = 0; i < countof(masks); i++) {
		static const struct {
			const char *name;
			mode_t mode;
		} expected[] = {
			{ "/test.db", 0644 },
			{ "/secrets", 0640 },
			{ "/stats", 0660 },
			{ "/stats-wal", 0660 },
			{ "/stats-shm", 0660 },
		};
		mode_t old = umask(masks[i]);

		assert_int_equal(make_all(&f), 0);
		(void)umask(old);
		for (size_t k = 0; k < countof(expected); k++) {
			char name[TESTING_PATH + 40];

			assert_int_equal(mode_of(f.path, expected[k].name),
			    expected[k].mode);
			snprintf(name, sizeof name, "%s%s", f.path,
			    expected[k].name);
			assert_return_code(unlink(name), errno);
		}
	}
	folder_remove(&f);
}

/* An earlier attempt was cut short after the first system call. */
static void
cut_short_creation_is_completed(void **state)
{
	struct folder f;
	struct directory *d = NULL;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	put_file(f.db, "", 0);
	assert_return_code(chmod(f.db, 0600), errno);
	assert_int_equal(directory_open(f.db, STORE_READ, &d, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(directory_open(f.db, STORE_WRITE, &d, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	must(directory_create(f.db, &err), &err);
	assert_int_equal(mode_of(f.db, ""), 0644);
	must(directory_open(f.db, STORE_READ, &d, &err), &err);
	directory_close(&d);
	folder_remove(&f);
}

static void
owners_mode_is_kept(void **state)
{
	struct folder f;
	struct err err = { 0 };

	(void)state;
	folder_make(&f);
	must(directory_create(f.db, &err), &err);
	assert_return_code(chmod(f.db, 0600), errno);
	must(directory_create(f.db, &err), &err);
	assert_int_equal(mode_of(f.db, ""), 0600);
	folder_remove(&f);
}

static void
bad_paths(void **state)
{
	static const char *const paths[] = { "", ":memory:", "file:x?mode=ro",
		"/nonexistent/folder/db", "/", "/dev/null" };

	(void)state;
	for (size_t i = 0; i < countof(paths); i++) {
		struct err err = { 0 };

		assert_int_equal(directory_create(paths[i], &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
}

/* ---- damage: the answer is right, or temporary failure ---- */

static void
check_answer(
    const struct store_call *c, int rc, const struct err *err, const char *what)
{
	if (rc == c->right)
		return;
	if (rc != -1 || err->kind != ERR_TEMP)
		fail_msg("%s, %s: %d, kind %d, %s", c->name, what, rc,
		    err->kind, err->text);
}

static void
missing_file(void **state)
{
	struct folder f;

	(void)state;
	folder_make(&f);
	for (size_t i = 0; i < countof(store_calls); i++) {
		struct err err = { 0 };

		assert_int_equal(run_call(&store_calls[i], f.db, &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		assert_non_null(strstr(err.text, f.db));
		assert_int_equal(size_of(f.db), -1);
	}
	folder_remove(&f);
}

static void
truncated_file(void **state)
{
	struct folder f;
	char whole[TESTING_PATH + 40];

	(void)state;
	folder_make(&f);
	snprintf(whole, sizeof whole, "%s.old", f.db);
	for (size_t i = 0; i < countof(store_calls); i++) {
		const struct store_call *c = &store_calls[i];

		/* a log would complete a truncated stats.db */
		if (c->file == FILE_STATS)
			continue;
		testing_fill(c->file, whole);

		int64_t size = size_of(whole);

		for (int64_t n = 0; n < size; n += n < 200 ? 50 : 1000) {
			struct err err = { 0 };

			copy_file(whole, f.db);
			assert_return_code(truncate(f.db, n), errno);
			int rc = run_call(c, f.db, &err);
			check_answer(c, rc, &err, "truncated");
			if (n < 4096)
				assert_int_equal(rc, -1);
		}
		folder_clear(&f);
	}
	folder_remove(&f);
}

static void
garbage(void **state)
{
	struct folder f;
	uint8_t noise[8192];

	(void)state;
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (uint8_t)(i * 31 + i / 7);
	folder_make(&f);
	for (size_t i = 0; i < countof(store_calls); i++) {
		struct err err = { 0 };

		put_file(f.db, noise, sizeof noise);
		assert_int_equal(run_call(&store_calls[i], f.db, &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		folder_clear(&f);
	}
	folder_remove(&f);
}

/* Cut down under an open handle, removed, and replaced by another. */
static void
lost_while_open(void **state)
{
	struct folder f;
	char other[TESTING_PATH + 40];

	(void)state;
	folder_make(&f);
	snprintf(other, sizeof other, "%s.old", f.db);
	for (int how = 0; how < 3; how++) {
		struct directory *d = NULL;
		struct recipient *r = NULL;
		struct err err = { 0 };

		testing_fill_directory(f.db);
		must(directory_create(other, &err), &err);
		must(directory_open(f.db, STORE_READ, &d, &err), &err);
		assert_int_equal(
		    directory_recipient_find(d, testing_ann, "", &r, &err), 1);
		recipient_free(&r);
		if (how == 0)
			assert_return_code(truncate(f.db, 0), errno);
		else if (how == 1)
			assert_return_code(unlink(f.db), errno);
		else
			assert_return_code(rename(other, f.db), errno);
		assert_int_equal(
		    directory_recipient_find(d, testing_ann, "", &r, &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		err = (struct err){ 0 };
		assert_int_equal(
		    directory_domain_find(d, "example.org", &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		directory_close(&d);
		folder_clear(&f);
	}
	folder_remove(&f);
}

/* ---- locks ---- */

/* The handle is open already: what is tried is the function itself. */
static int
run_open(const struct store_call *c, struct directory *d, struct secrets *s,
    struct stats *t, struct err *err)
{
	if (c->directory != NULL)
		return c->directory(d, err);
	return c->secrets != NULL ? c->secrets(s, err) : c->stats(t, err);
}

static void
locked_by_another(const struct store_call *c, const char *path)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;
	cleanup(stats_close) struct stats *t = NULL;
	struct locker l;
	struct err err = { 0 };

	testing_fill(c->file, path);
	if (c->directory != NULL)
		must(directory_open(path, c->mode, &d, &err), &err);
	else if (c->secrets != NULL)
		must(secrets_open(path, c->mode, &s, &err), &err);
	else
		must(stats_open(path, c->mode, &t, &err), &err);
	locker_start(&l, path);

	int64_t start = clock_ms();
	int rc = run_open(c, d, s, t, &err);
	int64_t end = clock_ms();

	locker_stop(&l);
	check_answer(c, rc, &err, "locked");
	/* in WAL readers are not disturbed */
	assert_int_equal(
	    rc, c->file == FILE_STATS && c->mode == STORE_READ ? c->right : -1);
	/* the timeout is 1 s or 50 ms; the rest is for a busy machine */
	assert_true(end - start < 10000);
	rc = run_open(c, d, s, t, &err);
	assert_int_equal(rc, c->right);
}

struct trial {
	struct folder folder;
	pid_t pid;
};

/* All at once, for each waits a second. */
static void
locked_files(void **state)
{
	static struct trial trials[countof(store_calls)];

	(void)state;
	fflush(NULL);
	for (size_t i = 0; i < countof(trials); i++) {
		struct trial *t = &trials[i];

		folder_make(&t->folder);
		t->pid = fork();
		assert_return_code(t->pid, errno);
		if (t->pid != 0)
			continue;
		/* a failed assertion ends this process */
		(void)setenv("CMOCKA_TEST_ABORT", "1", 1);
		locked_by_another(&store_calls[i], t->folder.db);
		_exit(0);
	}

	size_t failed = 0;

	for (size_t i = 0; i < countof(trials); i++) {
		failed += wait_for(trials[i].pid) != 0;
		folder_remove(&trials[i].folder);
	}
	assert_int_equal(failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(older_version_keeps_its_data),
		cmocka_unit_test(create_migrates_too),
		cmocka_unit_test(reader_does_not_migrate),
		cmocka_unit_test(newer_version_is_refused),
		cmocka_unit_test(failed_migration_changes_nothing),
		cmocka_unit_test(foreign_databases_are_refused),
		cmocka_unit_test(modes_whatever_the_umask),
		cmocka_unit_test(cut_short_creation_is_completed),
		cmocka_unit_test(owners_mode_is_kept),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(missing_file),
		cmocka_unit_test(truncated_file),
		cmocka_unit_test(garbage),
		cmocka_unit_test(lost_while_open),
		cmocka_unit_test(locked_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
