/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The experiment on which the choice of journals rests (guard.h), and the
 * proof that the guard closes the hole of the chosen one: a writer is killed
 * at every system call that changes a file.
 */

#include "store/testing.h"

#include <signal.h>
#include <sqlite3.h>

#include "store/directory.h"

/* ---- what SQLite alone does ---- */

enum journal { ROLLBACK, WAL, WAL_KEPT };
enum reader { READER_STOCK, READER_READONLY, READERS };

static const char *const reader_names[] = { "sqlite3_open",
	"SQLITE_OPEN_READONLY" };

static sqlite3 *
open_plain(const char *path, enum journal journal)
{
	sqlite3 *db = NULL;
	int keep = journal == WAL_KEPT;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep) !=
		SQLITE_OK ||
	    sqlite3_exec(db,
		journal == ROLLBACK ? "PRAGMA journal_mode=DELETE"
				    : "PRAGMA journal_mode=WAL",
		NULL, NULL, NULL) != SQLITE_OK)
		abort();
	return db;
}

static void
make_plain(const char *path, enum journal journal)
{
	mode_t mask = umask(022);
	sqlite3 *db = open_plain(path, journal);

	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1)",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	(void)umask(mask);
}

struct plain {
	const char *path;
	enum journal journal;
	enum reader reader;
};

/* Dies inside a transaction, more of it written than the cache can hold. */
static int
killed_writer(void *ctx)
{
	const struct plain *p = ctx;
	sqlite3 *db = open_plain(p->path, p->journal);

	if (sqlite3_exec(db,
		"PRAGMA cache_size=5; BEGIN IMMEDIATE;"
		"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL "
		"  SELECT i + 1 FROM n WHERE i < 500)"
		"INSERT INTO t SELECT zeroblob(2000) FROM n",
		NULL, NULL, NULL) != SQLITE_OK)
		abort();
	return kill(getpid(), SIGKILL);
}

/* 0 when the one row is read; else SQLite's code; 200 for a wrong answer. */
static int
count_rows(void *ctx)
{
	const struct plain *p = ctx;
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int rc = p->reader == READER_STOCK ? sqlite3_open(p->path, &db)
					   : sqlite3_open_v2(p->path, &db,
						 SQLITE_OPEN_READONLY, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
		    db, "SELECT count(*) FROM t", -1, &stmt, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			rc = sqlite3_column_int64(stmt, 0) == 1 ? 0 : 200;
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return rc;
}

static const struct {
	const char *name;
	enum journal journal;
	bool killed; /* a writer, in mid-transaction */
	bool root;   /* then a root process reads and closes */
	bool works;  /* for a reader without any right to write */
} trials[] = {
	{ "rollback, nobody has it open", ROLLBACK, false, false, true },
	{ "rollback, a root shell", ROLLBACK, false, true, true },
	{ "rollback, killed", ROLLBACK, true, false, false },
	{ "rollback, killed, root shell", ROLLBACK, true, true, true },
	{ "WAL, nobody has it open", WAL, false, false, false },
	{ "WAL, a root shell", WAL, false, true, false },
	{ "WAL, killed", WAL, true, false, true },
	{ "WAL, killed, root shell", WAL, true, true, false },
	{ "WAL kept, nobody has it open", WAL_KEPT, false, false, true },
	{ "WAL kept, a root shell", WAL_KEPT, false, true, false },
	{ "WAL kept, killed", WAL_KEPT, true, false, true },
	{ "WAL kept, killed, root shell", WAL_KEPT, true, true, false },
};

static void
try_journals(void **state)
{
	struct folder f;
	size_t surprises = 0;

	(void)state;
	need_root();
	folder_make(&f);
	for (size_t i = 0; i < countof(trials) * READERS; i++) {
		enum reader reader = i % READERS;
		size_t n = i / READERS;
		struct plain p = { f.db, trials[n].journal, reader };

		make_plain(f.db, p.journal);
		if (trials[n].killed)
			assert_int_equal(run_as(0, 0, killed_writer, &p), -1);
		if (trials[n].root) {
			struct plain shell = { f.db, p.journal, READER_STOCK };

			assert_int_equal(run_as(0, 0, count_rows, &shell), 0);
		}

		int rc = run_as(NOBODY, NOBODY, count_rows, &p);

		print_message("%s, %s: %s\n", trials[n].name,
		    reader_names[reader], rc == 0 ? "yes" : sqlite3_errstr(rc));
		if ((rc == 0) != trials[n].works || rc == 200)
			surprises++;
		folder_clear(&f);
	}
	folder_remove(&f);
	assert_int_equal(surprises, 0);
}

/* ---- the guard ---- */

typedef ssize_t (*pwrite_fn)(int fd, const void *data, size_t n, off_t at);
typedef ssize_t (*write_fn)(int fd, const void *data, size_t n);
typedef int (*truncate_fn)(int fd, off_t size);
typedef int (*unlink_fn)(const char *path);

/* Only ever used in a process that is to be killed. */
static struct {
	int countdown;
	pwrite_fn pwrite, pwrite64;
	write_fn write;
	truncate_fn truncate;
	unlink_fn unlink;
} real;

static void
die_in_time(void)
{
	if (--real.countdown == 0)
		(void)kill(getpid(), SIGKILL);
}

static ssize_t
dying_pwrite(int fd, const void *data, size_t n, off_t at)
{
	die_in_time();
	return real.pwrite(fd, data, n, at);
}

static ssize_t
dying_pwrite64(int fd, const void *data, size_t n, off_t at)
{
	die_in_time();
	return real.pwrite64(fd, data, n, at);
}

static ssize_t
dying_write(int fd, const void *data, size_t n)
{
	die_in_time();
	return real.write(fd, data, n);
}

static int
dying_truncate(int fd, off_t size)
{
	die_in_time();
	return real.truncate(fd, size);
}

static int
dying_unlink(const char *path)
{
	die_in_time();
	return real.unlink(path);
}

static void
hook(const char *name, sqlite3_syscall_ptr to)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	if (vfs->xGetSystemCall(vfs, name) != NULL &&
	    vfs->xSetSystemCall(vfs, name, to) != SQLITE_OK)
		abort();
}

static sqlite3_syscall_ptr
real_call(const char *name)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	return vfs->xGetSystemCall(vfs, name);
}

/* From here on the n-th change to any file is the death of this process. */
static void
die_at(int n)
{
	real.countdown = n;
	real.pwrite = (pwrite_fn)real_call("pwrite");
	real.pwrite64 = (pwrite_fn)real_call("pwrite64");
	real.write = (write_fn)real_call("write");
	real.truncate = (truncate_fn)real_call("ftruncate");
	real.unlink = (unlink_fn)real_call("unlink");
	hook("pwrite", (sqlite3_syscall_ptr)dying_pwrite);
	hook("pwrite64", (sqlite3_syscall_ptr)dying_pwrite64);
	hook("write", (sqlite3_syscall_ptr)dying_write);
	hook("ftruncate", (sqlite3_syscall_ptr)dying_truncate);
	hook("unlink", (sqlite3_syscall_ptr)dying_unlink);
}

static const char ann[] = "ann@example.org";

static void
make_directory(const char *path)
{
	struct directory *d = NULL;
	struct err err = { 0 };
	char address[] = "ann@example.org";
	char mechanisms[] = "";
	struct account a = {
		.address = address, .mechanisms = mechanisms, .enabled = true
	};
	struct pgp_cert *c = testing_cert(1, 1000, 0);

	if (directory_create(path, &err) < 0 ||
	    directory_open(path, STORE_WRITE, &d, &err) < 0 ||
	    directory_domain_add(d, "example.org", &err) < 0 ||
	    directory_account_add(d, &a, &err) < 0 ||
	    directory_cert_put(d, ann, c, 0, &err) < 0)
		fail_msg("%s", err.text);
	pgp_cert_free(&c);
	directory_close(&d);
}

struct renewal {
	const char *path;
	int death; /* 0 = never */
};

/* Replaces Ann's certificate by one that expires. */
static int
renew(void *ctx)
{
	const struct renewal *r = ctx;
	struct directory *d = NULL;
	struct err err = { 0 };
	struct pgp_cert *c = testing_cert(1, 1000, 5000);

	if (directory_open(r->path, STORE_WRITE, &d, &err) < 0)
		return 1;
	if (r->death > 0)
		die_at(r->death);
	if (directory_cert_put(d, ann, c, 0, &err) < 0)
		return 2;
	directory_close(&d);
	pgp_cert_free(&c);
	return 0;
}

enum { SEEN_OLD = 10, SEEN_NEW = 11 };

/* As the milter sees it, at once after the death. */
static int
look_up(void *ctx)
{
	struct directory *d = NULL;
	struct recipient *r = NULL;
	struct err err = { 0 };

	if (directory_open(ctx, STORE_READ, &d, &err) < 0 ||
	    directory_recipient_find(d, ann, "+", &r, &err) != 1) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (r->certs.count != 1 || r->certs.certs[0]->subkey_count != 2)
		return 2;

	int seen = r->certs.certs[0]->expires == 0 ? SEEN_OLD : SEEN_NEW;

	recipient_free(&r);
	directory_close(&d);
	return seen;
}

/* As Postfix's sqlite map sees it. */
static int
look_up_stock(void *ctx)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int seen = 1;

	if (sqlite3_open(ctx, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db,
		"SELECT expires FROM certificates "
		"WHERE address = 'ann@example.org'",
		-1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		seen = sqlite3_column_int64(stmt, 0) == 0 ? SEEN_OLD : SEEN_NEW;
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return seen;
}

static void
killed_at_every_change(void **state)
{
	struct folder f;
	int deaths = 0;

	(void)state;
	need_root();
	adopt_orphans();
	folder_make(&f);
	for (;; deaths++) {
		make_directory(f.db);

		struct renewal r = { f.db, deaths + 1 };
		int end = run_as(0, 0, renew, &r);
		int seen = run_as(NOBODY, NOBODY, look_up, f.db);

		wait_for_all(); /* the guard is among them */
		assert_in_range(seen, SEEN_OLD, SEEN_NEW);
		assert_int_equal(
		    run_as(NOBODY, NOBODY, look_up_stock, f.db), seen);
		folder_clear(&f);
		if (end == 0) {
			assert_int_equal(seen, SEEN_NEW);
			break;
		}
		assert_int_equal(end, -1);
	}
	print_message("killed at each of %d changes of a file\n", deaths);
	assert_true(deaths > 5);
	folder_remove(&f);
}

/* Both killed: an open for writing repairs; until then it is temporary. */
static int
look_up_hot(void *ctx)
{
	struct directory *d = NULL;
	struct err err = { 0 };

	if (directory_open(ctx, STORE_READ, &d, &err) == 0)
		return 1;
	return err.kind == ERR_TEMP ? 0 : 2;
}

static int
open_to_write(void *ctx)
{
	struct directory *d = NULL;

	if (directory_open(ctx, STORE_WRITE, &d, NULL) < 0)
		return 1;
	directory_close(&d);
	return 0;
}

static void
killed_with_its_guard(void **state)
{
	struct folder f;
	struct plain p = { f.db, ROLLBACK, READER_STOCK };

	(void)state;
	need_root();
	folder_make(&f);
	make_directory(f.db);
	sqlite3 *db = open_plain(f.db, ROLLBACK);
	assert_int_equal(
	    sqlite3_exec(db, "CREATE TABLE t(x); INSERT INTO t VALUES (1)",
		NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(run_as(0, 0, killed_writer, &p), -1);
	assert_int_equal(run_as(NOBODY, NOBODY, look_up_hot, f.db), 0);
	assert_int_equal(run_as(0, 0, open_to_write, f.db), 0);
	assert_int_equal(run_as(NOBODY, NOBODY, look_up, f.db), SEEN_OLD);
	folder_remove(&f);
}

/* A user of the directory's who may not write finds that out at once. */
static int
write_without_right(void *ctx)
{
	struct directory *d = NULL;
	struct err err = { 0 };

	if (directory_open(ctx, STORE_WRITE, &d, &err) == 0)
		return 1;
	return err.kind == ERR_PERM ? 0 : 2;
}

static void
no_right_to_write(void **state)
{
	struct folder f;

	(void)state;
	need_root();
	folder_make(&f);
	make_directory(f.db);
	assert_int_equal(run_as(NOBODY, NOBODY, write_without_right, f.db), 0);
	folder_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(try_journals),
		cmocka_unit_test(killed_at_every_change),
		cmocka_unit_test(killed_with_its_guard),
		cmocka_unit_test(no_right_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
