/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Every public function with its n-th step failing, for every n: an allocation
 * of ours, a call of SQLite's, an allocation or a system call inside SQLite.
 * The answer is the right one or ERR_TEMP, and the file stays sound. The
 * functions below named __wrap_x stand for x (see CMakeLists.txt).
 */

#include "store/testing_calls.h"

#include <limits.h>
#include <sqlite3.h>

enum fault_kind {
	OUR_MEMORY,
	SQLITE_CALLS,
	SQLITE_MEMORY,
	SYSTEM_CALLS,
	FAULT_KINDS
};

static const char *const kind_names[FAULT_KINDS] = { "memory",
	"calls of SQLite", "memory of SQLite", "system calls of SQLite" };

/* A test's own switch: the n-th step of this kind fails, or all from it on. */
static struct {
	enum fault_kind kind;
	bool lasting;
	unsigned left; /* 0 = none */
	unsigned fired;
	unsigned long step; /* numbers steps, to vary the failure */
} fault;

static bool
fails(enum fault_kind kind)
{
	if (fault.left == 0 || fault.kind != kind)
		return false;
	fault.step++;
	if (fault.left > 1) {
		fault.left--;
		return false;
	}
	fault.fired++;
	if (!fault.lasting)
		fault.left = 0;
	return true;
}

/* ---- memory of ours ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

void *
__wrap_malloc(size_t n)
{
	return fails(OUR_MEMORY) ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails(OUR_MEMORY) ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails(OUR_MEMORY) ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails(OUR_MEMORY) ? NULL : __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *s)
{
	return fails(OUR_MEMORY) ? NULL : __real_strdup(s);
}

/* ---- calls of SQLite ---- */

int __real_sqlite3_open_v2(
    const char *path, sqlite3 **db, int flags, const char *vfs);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n,
    unsigned flags, sqlite3_stmt **stmt, const char **tail);
int __real_sqlite3_step(sqlite3_stmt *stmt);
const unsigned char *__real_sqlite3_column_text(sqlite3_stmt *stmt, int i);
const void *__real_sqlite3_column_blob(sqlite3_stmt *stmt, int i);
int __real_sqlite3_bind_text(sqlite3_stmt *stmt, int i, const char *text, int n,
    void (*destroy)(void *));
pid_t __real_fork(void);
int __wrap_sqlite3_open_v2(
    const char *path, sqlite3 **db, int flags, const char *vfs);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n,
    unsigned flags, sqlite3_stmt **stmt, const char **tail);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);
const unsigned char *__wrap_sqlite3_column_text(sqlite3_stmt *stmt, int i);
const void *__wrap_sqlite3_column_blob(sqlite3_stmt *stmt, int i);
int __wrap_sqlite3_bind_text(sqlite3_stmt *stmt, int i, const char *text, int n,
    void (*destroy)(void *));
pid_t __wrap_fork(void);

static int
some_failure(void)
{
	static const int codes[] = { SQLITE_IOERR_READ, SQLITE_BUSY,
		SQLITE_CORRUPT, SQLITE_NOMEM, SQLITE_FULL };

	return codes[fault.step % countof(codes)];
}

int
__wrap_sqlite3_open_v2(
    const char *path, sqlite3 **db, int flags, const char *vfs)
{
	if (!fails(SQLITE_CALLS))
		return __real_sqlite3_open_v2(path, db, flags, vfs);
	*db = NULL;
	return some_failure();
}

int
__wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
    sqlite3_stmt **stmt, const char **tail)
{
	if (!fails(SQLITE_CALLS))
		return __real_sqlite3_prepare_v3(db, sql, n, flags, stmt, tail);
	*stmt = NULL;
	return some_failure();
}

int
__wrap_sqlite3_step(sqlite3_stmt *stmt)
{
	return fails(SQLITE_CALLS) ? some_failure() : __real_sqlite3_step(stmt);
}

const unsigned char *
__wrap_sqlite3_column_text(sqlite3_stmt *stmt, int i)
{
	return fails(SQLITE_CALLS) ? NULL : __real_sqlite3_column_text(stmt, i);
}

const void *
__wrap_sqlite3_column_blob(sqlite3_stmt *stmt, int i)
{
	return fails(SQLITE_CALLS) ? NULL : __real_sqlite3_column_blob(stmt, i);
}

int
__wrap_sqlite3_bind_text(
    sqlite3_stmt *stmt, int i, const char *text, int n, void (*destroy)(void *))
{
	return fails(SQLITE_CALLS)
		   ? SQLITE_NOMEM
		   : __real_sqlite3_bind_text(stmt, i, text, n, destroy);
}

pid_t
__wrap_fork(void)
{
	if (fails(SQLITE_CALLS)) {
		errno = EAGAIN;
		return -1;
	}

	pid_t pid = __real_fork();

	if (pid == 0)
		fault.left = 0;
	return pid;
}

/* ---- inside SQLite ---- */

static sqlite3_mem_methods plain_memory;

static void *
failing_malloc(int n)
{
	return fails(SQLITE_MEMORY) ? NULL : plain_memory.xMalloc(n);
}

static void *
failing_realloc(void *p, int n)
{
	return fails(SQLITE_MEMORY) ? NULL : plain_memory.xRealloc(p, n);
}

static void
take_over_memory(void)
{
	assert_int_equal(
	    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain_memory), SQLITE_OK);

	sqlite3_mem_methods failing = plain_memory;

	failing.xMalloc = failing_malloc;
	failing.xRealloc = failing_realloc;
	assert_int_equal(
	    sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
	/* else most allocations never come to our ears */
	assert_int_equal(
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

typedef ssize_t (*pread_fn)(int fd, void *data, size_t n, off_t at);
typedef ssize_t (*pwrite_fn)(int fd, const void *data, size_t n, off_t at);

static pread_fn plain_pread;
static pwrite_fn plain_pwrite;

static ssize_t
failing_pread(int fd, void *data, size_t n, off_t at)
{
	if (!fails(SYSTEM_CALLS))
		return plain_pread(fd, data, n, at);
	errno = EIO;
	return -1;
}

static ssize_t
failing_pwrite(int fd, const void *data, size_t n, off_t at)
{
	if (!fails(SYSTEM_CALLS))
		return plain_pwrite(fd, data, n, at);
	errno = ENOSPC;
	return -1;
}

static sqlite3_syscall_ptr
take_over_call(const char *name, const char *name64, sqlite3_syscall_ptr to)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	sqlite3_syscall_ptr plain = vfs->xGetSystemCall(vfs, name64);

	if (plain == NULL) {
		name64 = name;
		plain = vfs->xGetSystemCall(vfs, name);
	}
	assert_non_null(plain);
	assert_int_equal(vfs->xSetSystemCall(vfs, name64, to), SQLITE_OK);
	return plain;
}

static int
set_up(void **state)
{
	(void)state;
	/* thousands of transactions: not on a disk, if there is a choice */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	take_over_memory();
	plain_pread = (pread_fn)take_over_call(
	    "pread", "pread64", (sqlite3_syscall_ptr)failing_pread);
	plain_pwrite = (pwrite_fn)take_over_call(
	    "pwrite", "pwrite64", (sqlite3_syscall_ptr)failing_pwrite);
	return 0;
}

/* ---- the loop ---- */

static const struct store_call only_open[FILES][2] = {
	{ DIRECTORY_CALL(directory_only, STORE_READ, 0),
	    DIRECTORY_CALL(directory_only, STORE_WRITE, 0) },
	{ SECRETS_CALL(secrets_only, STORE_READ, 0),
	    SECRETS_CALL(secrets_only, STORE_WRITE, 0) },
	{ STATS_CALL(stats_only, STORE_READ, 0),
	    STATS_CALL(stats_only, STORE_WRITE, 0) },
};

/* The same steps are taken in the same order each time. */
static unsigned
count_steps(const struct store_call *c, const char *path)
{
	struct err err = { 0 };

	fault.left = UINT_MAX;
	int rc = run_call(c, path, &err);
	unsigned steps = UINT_MAX - fault.left;
	fault.left = 0;
	if (rc != c->right)
		fail_msg("%s: %d, %s", c->name, rc, err.text);
	return steps;
}

/* A log of stats.db's belongs to it: that file is made anew. */
static void
restore(const struct store_call *c, const struct folder *f, const char *whole)
{
	folder_clear(f);
	if (c->file == FILE_STATS)
		testing_fill(FILE_STATS, f->db);
	else
		copy_file(whole, f->db);
}

static void
check_sound(const struct store_call *c, const char *path, unsigned n)
{
	static const struct store_call after[FILES] = {
		DIRECTORY_CALL(account_find, STORE_READ, 1),
		SECRETS_CALL(verifier_get, STORE_READ, 1),
		STATS_CALL(stats_sum, STORE_READ, 0),
	};
	struct err err = { 0 };
	int rc = run_call(&after[c->file], path, &err);

	/* unless it is what was changed */
	if (c->secrets != call_verifier_put && c->secrets != call_set_enabled &&
	    c->secrets != call_secrets_enrol && rc != after[c->file].right)
		fail_msg(
		    "after step %u of %s: %d, %s", n, c->name, rc, err.text);
	/* verifier and vault change together */
	if (c->secrets == call_secrets_enrol)
		assert_int_equal(
		    ask_sql(path,
		        "SELECT count(*) FROM verifiers JOIN vaults USING "
		        "(address) WHERE (verifier = '{X}other') <> "
		        "(armored = 'other')"),
		    0);
	assert_int_equal(
	    ask_sql(path, "SELECT count(*) FROM pragma_integrity_check "
			  "WHERE integrity_check <> 'ok'"),
	    0);
}

/* Was there an n-th step to fail? */
static bool
try_step(const struct store_call *c, const char *path, unsigned n)
{
	struct err err = { 0 };

	fault.fired = 0;
	fault.left = n;
	int rc = run_call(c, path, &err);
	fault.left = 0;
	if (rc != c->right && (rc != -1 || err.kind != ERR_TEMP))
		fail_msg("%s, step %u of %s%s: %d, kind %d, %s", c->name, n,
		    kind_names[fault.kind], fault.lasting ? ", lasting" : "",
		    rc, err.kind, err.text);
	if (fault.fired == 0)
		assert_int_equal(rc, c->right);
	return fault.fired > 0;
}

static void
every_step(const struct store_call *c, const struct folder *f,
    const char *whole, unsigned first)
{
	unsigned n = first;
	bool fired = true;

	restore(c, f, whole);
	for (; fired; n++) {
		fired = try_step(c, f->db, n);
		if (c->mode == STORE_READ)
			continue;
		check_sound(c, f->db, n);
		restore(c, f, whole);
	}
	print_message("%s: %u steps of %s%s\n", c->name, n - first - 1,
	    kind_names[fault.kind], fault.lasting ? ", lasting" : "");
}

/* The steps of opening are tried once; the functions' from there on. */
static void
every_call(const struct folder *f, const char *whole, enum store_file file)
{
	unsigned opening[2];

	for (int mode = 0; mode < 2; mode++) {
		const struct store_call *c = &only_open[file][mode];

		restore(c, f, whole);
		opening[mode] = count_steps(c, f->db);
		assert_true(opening[mode] > 0);
		every_step(c, f, whole, 1);
	}
	for (size_t i = 0; i < countof(store_calls); i++)
		if (store_calls[i].file == file)
			every_step(&store_calls[i], f, whole,
			    opening[store_calls[i].mode]);
}

static void
run_kind(enum fault_kind kind, int variants)
{
	struct folder f;
	char whole[TESTING_PATH + 40];

	folder_make(&f);
	snprintf(whole, sizeof whole, "%s/whole", f.path);
	fault.kind = kind;
	for (enum store_file file = 0; file < FILES; file++) {
		testing_fill(file, whole);
		for (int lasting = 0; lasting < variants; lasting++) {
			fault.lasting = lasting;
			every_call(&f, whole, file);
		}
		(void)unlink(whole);
	}
	(void)snprintf(whole, sizeof whole, "%s/whole-wal", f.path);
	(void)unlink(whole);
	(void)snprintf(whole, sizeof whole, "%s/whole-shm", f.path);
	(void)unlink(whole);
	folder_remove(&f);
}

static void
our_memory(void **state)
{
	(void)state;
	run_kind(OUR_MEMORY, 2);
}

static void
sqlite_calls(void **state)
{
	(void)state;
	run_kind(SQLITE_CALLS, 2);
}

static void
sqlite_memory(void **state)
{
	(void)state;
	run_kind(SQLITE_MEMORY, 1);
}

static void
system_calls(void **state)
{
	(void)state;
	run_kind(SYSTEM_CALLS, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_memory),
		cmocka_unit_test(sqlite_calls),
		cmocka_unit_test(sqlite_memory),
		cmocka_unit_test(system_calls),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
