/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/upkeep.h"

#include "store/notices.h"
#include "store/testing.h"
#include "store/testing_calls.h"

static const enum store_kind kinds[] = { STORE_DIRECTORY, STORE_SECRETS,
	STORE_STATS };

struct place {
	struct folder folder;
	char copy[TESTING_PATH + 30];
};

static void
place_make(struct place *p, enum store_kind kind)
{
	folder_make(&p->folder);
	(void)snprintf(p->copy, sizeof p->copy, "%s/copy", p->folder.path);
	testing_fill(kind == STORE_DIRECTORY ? FILE_DIRECTORY
		     : kind == STORE_SECRETS ? FILE_SECRETS
					     : FILE_STATS,
	    p->folder.db);
}

static void
place_remove(struct place *p)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-journal" };
	char name[sizeof p->copy + 10];

	for (size_t i = 0; i < countof(suffixes); i++) {
		(void)snprintf(
		    name, sizeof name, "%s%s", p->copy, suffixes[i]);
		(void)unlink(name);
	}
	folder_remove(&p->folder);
}

static size_t
rows(enum store_kind kind, const char *path)
{
	struct err err = { 0 };
	const char *word = NULL;
	size_t n = 0;

	must(upkeep_count(kind, path, &n, &word, &err), &err);
	assert_non_null(word);
	return n;
}

static void
test_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(kinds); i++) {
		struct place p;
		struct err err = { 0 };
		struct stat before, after;

		place_make(&p, kinds[i]);
		size_t n = rows(kinds[i], p.folder.db);

		assert_true(n > 0);
		assert_int_equal(upkeep_check(kinds[i], p.folder.db, &err), 1);
		must(upkeep_copy(kinds[i], p.folder.db, p.copy, &err), &err);
		assert_int_equal(mode_of(p.copy, ""), 0600);
		assert_int_equal(
		    upkeep_copy(kinds[i], p.folder.db, p.copy, &err), -1);
		must(upkeep_prepare(kinds[i], p.copy, &err), &err);

		/* over what is there, in the same file */
		assert_int_equal(stat(p.folder.db, &before), 0);
		must(upkeep_restore(kinds[i], p.folder.db, p.copy, &err), &err);
		assert_int_equal(stat(p.folder.db, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(rows(kinds[i], p.folder.db), n);

		/* and where nothing is */
		folder_clear(&p.folder);
		must(upkeep_restore(kinds[i], p.folder.db, p.copy, &err), &err);
		assert_int_equal(rows(kinds[i], p.folder.db), n);
		assert_int_equal(
		    mode_of(p.folder.db, ""), before.st_mode & 0777);
		place_remove(&p);
	}
}

/* One kind is not taken for the other. */
static void
test_other_kinds(void **state)
{
	struct place p;
	struct err err = { 0 };

	(void)state;
	place_make(&p, STORE_DIRECTORY);
	must(upkeep_copy(STORE_DIRECTORY, p.folder.db, p.copy, &err), &err);
	assert_int_equal(upkeep_prepare(STORE_SECRETS, p.copy, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(
	    upkeep_restore(STORE_SECRETS, p.folder.db, p.copy, &err), -1);
	assert_int_equal(upkeep_check(STORE_STATS, p.folder.db, &err), -1);
	assert_int_equal(upkeep_check(STORE_DIRECTORY, p.folder.db, &err), 1);
	place_remove(&p);
}

static void
spoil(const char *path, off_t at)
{
	char rubbish[2000];
	int fd = open(path, O_WRONLY);

	memset(rubbish, 0x5a, sizeof rubbish);
	assert_true(fd >= 0);
	assert_int_equal(
	    pwrite(fd, rubbish, sizeof rubbish, at), sizeof rubbish);
	close(fd);
}

/* Each page in turn: it is seen, or it was not used. */
static void
test_damage(void **state)
{
	struct place p;
	struct err err = { 0 };
	struct stat st;
	size_t seen = 0;

	(void)state;
	place_make(&p, STORE_DIRECTORY);
	assert_int_equal(stat(p.folder.db, &st), 0);
	for (off_t at = 4096; at < st.st_size; at += 4096) {
		must(upkeep_copy(STORE_DIRECTORY, p.folder.db, p.copy, &err),
		    &err);
		spoil(p.copy, at);
		int rc = upkeep_check(STORE_DIRECTORY, p.copy, &err);

		assert_int_not_equal(rc, -1);
		seen += rc == 0;
		assert_int_equal(unlink(p.copy), 0);
	}
	assert_true(seen > 5);
	must(upkeep_copy(STORE_DIRECTORY, p.folder.db, p.copy, &err), &err);
	spoil(p.copy, 0);
	assert_int_equal(upkeep_check(STORE_DIRECTORY, p.copy, &err), 0);
	assert_int_equal(
	    upkeep_check(STORE_DIRECTORY, "/nowhere/at/all", &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	place_remove(&p);
}

/* A copy of a damaged one is none. */
static void
test_no_copy_of_damage(void **state)
{
	struct place p;
	struct err err = { 0 };

	(void)state;
	place_make(&p, STORE_SECRETS);
	spoil(p.folder.db, 4096);
	assert_int_equal(
	    upkeep_copy(STORE_SECRETS, p.folder.db, p.copy, &err), -1);
	assert_int_equal(access(p.copy, F_OK), -1);
	place_remove(&p);
}

/* ---- notices ---- */

static void
test_notices(void **state)
{
	struct folder f;
	struct notices *n = NULL;
	struct err err = { 0 };
	const struct notice a = { "ann@b.example", "owner", 30, 1000 };
	struct notice b = a;
	size_t lost = 9;

	(void)state;
	folder_make(&f);
	must(notices_open(f.db, &n, &err), &err);
	assert_int_equal(notices_claim(n, &a, 10, &err), 1);
	assert_int_equal(notices_claim(n, &a, 11, &err), 0);
	b.role = "admin";
	assert_int_equal(notices_claim(n, &b, 10, &err), 1);
	b.days = 7;
	assert_int_equal(notices_claim(n, &b, 10, &err), 1);
	must(notices_give_back(n, &b, &err), &err);
	assert_int_equal(notices_claim(n, &b, 10, &err), 1);
	must(notices_sent(n, &b, &err), &err);
	must(notices_give_back(n, &b, &err), &err); /* it was sent: stays */
	assert_int_equal(notices_claim(n, &b, 10, &err), 0);

	notices_close(&n); /* whoever comes next knows it all */
	must(notices_open(f.db, &n, &err), &err);
	assert_int_equal(notices_claim(n, &a, 20, &err), 0);
	must(notices_settle(n, 10, &lost, &err), &err);
	assert_int_equal(lost, 0);
	must(notices_settle(n, 11, &lost, &err), &err);
	assert_int_equal(lost, 2);
	must(notices_settle(n, 11, &lost, &err), &err);
	assert_int_equal(lost, 0);
	must(notices_expire(n, 1000, &err), &err);
	assert_int_equal(notices_claim(n, &a, 20, &err), 0);
	must(notices_expire(n, 1001, &err), &err);
	assert_int_equal(notices_claim(n, &a, 20, &err), 1);
	notices_close(&n);
	assert_int_equal(mode_of(f.db, ""), 0600);
	folder_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_no_copy_of_damage),
		cmocka_unit_test(test_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
