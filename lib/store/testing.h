/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* For the tests of lib/store: folders, other users, certificates. */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "openpgp/cert.h"

enum { NOBODY = 65534, TESTING_PATH = 200 };

struct folder {
	char path[TESTING_PATH];
	char db[TESTING_PATH + 20];
};

/* A folder of root's that everybody may read. */
static inline void
folder_make(struct folder *f)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(f->path, sizeof f->path, "%s/sealpost-store-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(f->path));
	assert_return_code(chmod(f->path, 0755), errno);
	snprintf(f->db, sizeof f->db, "%s/test.db", f->path);
}

static inline void
folder_clear(const struct folder *f)
{
	static const char *const suffixes[] = { "", "-journal", "-wal", "-shm",
		".old" };
	char name[TESTING_PATH + 40];

	for (size_t i = 0; i < countof(suffixes); i++) {
		snprintf(name, sizeof name, "%s%s", f->db, suffixes[i]);
		(void)unlink(name);
	}
}

static inline void
folder_remove(struct folder *f)
{
	folder_clear(f);
	assert_return_code(rmdir(f->path), errno);
}

static inline bool
exists_with(const char *path, const char *suffix)
{
	char name[TESTING_PATH + 40];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

static inline mode_t
mode_of(const char *path, const char *suffix)
{
	char name[TESTING_PATH + 40];
	struct stat st;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	assert_return_code(stat(name, &st), errno);
	return st.st_mode & 07777;
}

/* Ends the test as skipped when other users cannot be played. */
static inline void
need_root(void)
{
	if (geteuid() != 0) {
		print_message("skipped: only root can become another user\n");
		skip();
	}
}

static inline void
become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
		_exit(250);
	if (setuid(0) == 0)
		_exit(251);
}

/* What waitpid() said of a child. */
static inline int
wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return status;
}

/*
 * Runs fn(ctx) in a process of that user (root stays what it is with uid 0);
 * what it returns is the answer (0..255). A signal is -1.
 */
static inline int
run_as(uid_t uid, gid_t gid, int (*fn)(void *ctx), void *ctx)
{
	fflush(NULL);

	pid_t pid = fork();

	if (pid == 0) {
		if (uid != 0)
			become(uid, gid);
		_exit(fn(ctx));
	}
	assert_return_code(pid, errno);

	int status = wait_for(pid);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Waits until all children, and orphans of theirs, are gone. */
static inline void
wait_for_all(void)
{
	while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
}

static inline void
adopt_orphans(void)
{
	assert_return_code(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), errno);
}

/* ---- files ---- */

static inline void
copy_file(const char *from, const char *to)
{
	static uint8_t data[1 << 20];
	cleanup(close_fd) int in = open(from, O_RDONLY | O_CLOEXEC);
	cleanup(close_fd) int out =
	    open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = read(in, data, sizeof data);

	assert_in_range(n, 1, sizeof data - 1);
	assert_int_equal(write(out, data, (size_t)n), n);
}

static inline void
put_file(const char *path, const void *data, size_t n)
{
	cleanup(close_fd) int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, data, n), n);
}

static inline int64_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

/* Runs SQL behind the door's back. */
static inline void
run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	char *text = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The first column of the first row; -999 when there is none. */
static inline int64_t
ask_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	int64_t answer = -999;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		answer = sqlite3_column_int64(stmt, 0);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return answer;
}

/* ---- another process that holds the exclusive lock ---- */

struct locker {
	pid_t pid;
	int fd; /* closing it ends the lock */
};

static inline void
locker_start(struct locker *l, const char *path)
{
	int ready[2], stop[2];
	char c = 0;

	assert_return_code(pipe2(ready, O_CLOEXEC), errno);
	assert_return_code(pipe2(stop, O_CLOEXEC), errno);
	fflush(NULL);
	l->pid = fork();
	assert_return_code(l->pid, errno);
	if (l->pid == 0) {
		sqlite3 *db = NULL;

		close(stop[1]);
		if (sqlite3_open(path, &db) != SQLITE_OK ||
		    sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) !=
			SQLITE_OK ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		_exit(read(stop[0], &c, 1) == 0 ? 0 : 1);
	}
	close(ready[1]);
	close(stop[0]);
	l->fd = stop[1];
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
}

static inline void
locker_stop(struct locker *l)
{
	close(l->fd);
	assert_int_equal(wait_for(l->pid), 0);
}

/* ---- certificates that look like vetted ones ---- */

static inline uint8_t *
testing_octets(uint8_t seed, size_t n)
{
	uint8_t *data = calloc(1, n + 1);

	for (size_t i = 0; data != NULL && i < n; i++)
		data[i] = (uint8_t)(seed + i * 7);
	return data;
}

static inline bool
testing_subkeys(struct pgp_cert *c, uint8_t seed)
{
	c->subkeys = calloc(2, sizeof *c->subkeys);
	for (uint8_t i = 0; c->subkeys != NULL && i < 2; i++) {
		struct pgp_subkey *k = &c->subkeys[c->subkey_count++];

		k->version = 4;
		k->algorithm = i == 0 ? PGP_ECDH : PGP_RSA;
		memset(k->fingerprint, seed + i + 1, 20);
		k->fingerprint_len = 20;
		k->created = c->created - i;
		k->expires = c->expires;
		k->seipd2 = i == 0;
		k->packet_len = 50 + i;
		k->packet = testing_octets((uint8_t)(seed + i), 50 + i);
		if (k->packet == NULL)
			return false;
	}
	return c->subkeys != NULL;
}

/*
 * `seed` tells certificates apart; two subkeys, the newer first. NULL when
 * memory is short.
 */
static inline struct pgp_cert *
testing_cert(uint8_t seed, int64_t created, int64_t expires)
{
	cleanup(pgp_cert_free) struct pgp_cert *c = pgp_cert_new();

	if (c == NULL)
		return NULL;
	memset(c->fingerprint, seed, 20);
	c->fingerprint_len = 20;
	c->created = created;
	c->expires = expires;
	c->user_ids = strdup("Ann <ann@example.org>\nAnn");
	c->data_len = 300;
	c->data = testing_octets(seed, c->data_len);
	if (c->user_ids == NULL || c->data == NULL || !testing_subkeys(c, seed))
		return NULL;
	return steal(&c);
}

#endif
