/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/metacache.h"

#include <pthread.h>

#include "store/testing.h"

static const uint8_t key[METACACHE_KEY_LEN] = "a key for tests";

struct fixture {
	struct folder folder;
	struct crypt *crypt;
	struct metacache *m;
};

static struct fixture fixture;

static void
open_it(struct fixture *f, const uint8_t *with)
{
	struct err err = { 0 };

	if (metacache_open(f->crypt, f->folder.db, with, &f->m, &err) < 0)
		fail_msg("%s", err.text);
}

static void
reopen(struct fixture *f)
{
	metacache_close(&f->m);
	open_it(f, key);
}

static int
set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	*state = &fixture;
	folder_make(&fixture.folder);
	assert_int_equal(crypt_open(&fixture.crypt, NULL), 0);
	open_it(&fixture, key);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	metacache_close(&f->m);
	crypt_close(&f->crypt);
	folder_remove(&f->folder);
	return 0;
}

static struct crypt_bytes
bytes(const char *text)
{
	return (struct crypt_bytes){ text, strlen(text) };
}

static void
put(struct fixture *f, const char *name, const char *value)
{
	assert_int_equal(
	    metacache_put(f->m, bytes(name), bytes(value), NULL), 0);
}

/* NULL: it is not there. */
static void
expect(struct fixture *f, const char *name, const char *value)
{
	cleanup(buf_reset) struct buf found = { .limit = METACACHE_VALUE_MAX };

	assert_int_equal(
	    metacache_get(f->m, bytes(name), &found, NULL), value != NULL);
	if (value == NULL)
		return;
	assert_int_equal(found.len, strlen(value));
	assert_memory_equal(found.data, value, found.len);
}

static void
sql(struct fixture *f, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(f->folder.db, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void
is_kept_between_runs(void **state)
{
	struct fixture *f = *state;

	expect(f, "a", NULL);
	put(f, "a", "value of a");
	put(f, "b", "value of b");
	put(f, "c", "");
	reopen(f);
	expect(f, "a", "value of a");
	expect(f, "b", "value of b");
	expect(f, "c", "");
	expect(f, "d", NULL);
	put(f, "a", "another");
	reopen(f);
	expect(f, "a", "another");
}

static void
many_are_written_at_once(void **state)
{
	struct fixture *f = *state;
	char name[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "name %d", i);
		put(f, name, name);
	}
	expect(f, "name 0", "name 0");
	expect(f, "name 999", NULL);
	assert_int_equal(metacache_flush(f->m, NULL), 0);
	expect(f, "name 999", "name 999");
	assert_int_equal(metacache_flush(f->m, NULL), 0);
	reopen(f);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "name %d", i);
		expect(f, name, name);
	}
}

static void
another_key_sees_nothing(void **state)
{
	static const uint8_t other[METACACHE_KEY_LEN] = "another";
	struct fixture *f = *state;

	put(f, "a", "secret");
	metacache_close(&f->m);
	open_it(f, other);
	expect(f, "a", NULL);
	put(f, "a", "its own");
	reopen(f);
	expect(f, "a", "secret");
}

static void
what_was_changed_is_not_believed(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "value of a");
	put(f, "b", "value of b");
	reopen(f);
	sql(f, "UPDATE entries SET value = (SELECT value FROM entries "
	       "WHERE id = 1)");
	expect(f, "a", "value of a");
	expect(f, "b", NULL);
	sql(f, "UPDATE entries SET value = x'00'");
	expect(f, "a", NULL);
	sql(f, "UPDATE entries SET value = zeroblob(100)");
	expect(f, "a", NULL);
}

static void
the_file_tells_neither_names_nor_values(void **state)
{
	struct fixture *f = *state;
	char text[1 << 16];
	struct stat st;

	put(f, "a name of a folder", "a subject that nobody may read");
	metacache_close(&f->m);
	assert_int_equal(stat(f->folder.db, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	FILE *file = fopen(f->folder.db, "rb");

	assert_non_null(file);

	size_t n = fread(text, 1, sizeof text, file);

	fclose(file);
	assert_true(n > 4096);
	assert_null(memmem(text, n, "folder", 6));
	assert_null(memmem(text, n, "subject", 7));
}

static void
a_damaged_file_is_made_anew(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "value");
	metacache_close(&f->m);
	folder_clear(&f->folder); /* the log too: it would mend the file */

	FILE *file = fopen(f->folder.db, "wb");

	assert_non_null(file);
	fputs("this is no database, and long enough to be read as one", file);
	fclose(file);
	open_it(f, key);
	expect(f, "a", NULL);
	put(f, "a", "again");
	reopen(f);
	expect(f, "a", "again");
}

static ino_t
inode_of(struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->folder.db, &st), 0);
	return st.st_ino;
}

/* What another program does with it is no damage: it stays. */
static void
a_file_that_cannot_be_opened_stays(void **state)
{
	static const struct {
		const char *begin, *end;
	} cases[] = {
		{ "PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE;", "COMMIT" },
		/* another program's, or that of a later version */
		{ "PRAGMA application_id=1", "PRAGMA application_id=1397771587" },
		{ "PRAGMA user_version=99", "PRAGMA user_version=1" },
	};
	struct fixture *f = *state;
	ino_t inode = inode_of(f);

	put(f, "a", "value");
	for (size_t i = 0; i < countof(cases); i++) {
		struct err err = { 0 };
		sqlite3 *db;

		metacache_close(&f->m);
		assert_int_equal(sqlite3_open(f->folder.db, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, cases[i].begin, NULL, NULL,
				     NULL),
		    SQLITE_OK);
		assert_int_equal(metacache_open(f->crypt, f->folder.db, key,
				     &f->m, &err),
		    -1);
		assert_null(f->m);
		assert_int_not_equal(err.kind, ERR_NONE);
		assert_int_equal(sqlite3_exec(db, cases[i].end, NULL, NULL,
				     NULL),
		    SQLITE_OK);
		sqlite3_close(db);
		assert_int_equal(inode_of(f), inode);
		open_it(f, key);
		expect(f, "a", "value");
	}
}

static void
the_oldest_go(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "old");
	put(f, "b", "newer");
	reopen(f);
	sql(f, "UPDATE entries SET id = 200001 WHERE id = 2");
	put(f, "c", "newest");
	reopen(f);
	expect(f, "a", NULL);
	expect(f, "b", "newer");
	expect(f, "c", "newest");
}

static void
what_is_too_large_is_not_kept(void **state)
{
	struct fixture *f = *state;
	char *large = calloc(1, METACACHE_VALUE_MAX + 1);

	assert_non_null(large);
	assert_int_equal(metacache_put(f->m, bytes("a"),
			     (struct crypt_bytes){ large,
				 METACACHE_VALUE_MAX + 1 },
			     NULL),
	    0);
	assert_int_equal(metacache_put(f->m, bytes("b"),
			     (struct crypt_bytes){ large, METACACHE_VALUE_MAX },
			     NULL),
	    0);
	free(large);
	reopen(f);
	expect(f, "a", NULL);

	cleanup(buf_reset) struct buf found = { .limit = METACACHE_VALUE_MAX };

	assert_int_equal(metacache_get(f->m, bytes("b"), &found, NULL), 1);
	assert_int_equal(found.len, METACACHE_VALUE_MAX);
}

static void *
work(void *ctx)
{
	struct fixture *f = ctx;
	char name[32];

	for (int i = 0; i < 300; i++) {
		cleanup(buf_reset) struct buf found = {
			.limit = METACACHE_VALUE_MAX };

		snprintf(name, sizeof name, "%d", i % 50);
		if (metacache_put(f->m, bytes(name), bytes(name), NULL) < 0 ||
		    metacache_get(f->m, bytes(name), &found, NULL) < 0)
			return f;
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];
	void *failed;

	for (size_t i = 0; i < countof(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, f), 0);
	for (size_t i = 0; i < countof(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	reopen(f);
	expect(f, "49", "49");
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(is_kept_between_runs),
		test(many_are_written_at_once),
		test(another_key_sees_nothing),
		test(what_was_changed_is_not_believed),
		test(the_file_tells_neither_names_nor_values),
		test(a_damaged_file_is_made_anew),
		test(a_file_that_cannot_be_opened_stays),
		test(the_oldest_go),
		test(what_is_too_large_is_not_kept),
		test(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
