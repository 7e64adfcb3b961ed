/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { REPAIR_TRIES = 5, REPAIR_TIMEOUT_MS = 10000 };

struct guard {
	pid_t pid;
	int fd; /* the guard sees its end when this process dies */
};

/*
 * BEGIN IMMEDIATE waits for the locks of the dead to go, and rolls back the
 * journal before it takes its own.
 */
static void
repair_once(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *begin = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ==
		SQLITE_OK &&
	    sqlite3_busy_timeout(db, REPAIR_TIMEOUT_MS) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL) ==
		SQLITE_OK)
		(void)sqlite3_step(begin);
	(void)sqlite3_finalize(begin);
	(void)sqlite3_close(db); /* ends the transaction */
}

/*
 * In DELETE mode there is a journal only inside a transaction (or an empty one
 * of somebody who was killed before he wrote: harmless, and left alone).
 */
static void
repair(const char *path, const char *journal)
{
	for (int i = 0; i < REPAIR_TRIES && access(journal, F_OK) == 0; i++)
		repair_once(path);
}

/* Keeps nothing of the parent's but the socket, as descriptor 0. */
static void
detach(int fd)
{
	int null = open("/dev/null", O_RDWR);

	(void)setsid(); /* a signal for the terminal's group is not for us */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)dup2(fd, 0);
	(void)dup2(null, 1);
	(void)dup2(null, 2);
	(void)close_range(3, ~0U, 0);
}

/*
 * A byte, from a writer that closed the file, or the end of the stream. The
 * former has seldom left anything (it could not roll back: the disk failed).
 */
static void
wait_for_end(void)
{
	char c;

	while (read(0, &c, 1) < 0 && errno == EINTR)
		;
}

static void
watch(const char *path, const char *journal, int fd)
{
	detach(fd);
	wait_for_end();
	repair(path, journal);
	_exit(0);
}

static int
fork_guard(struct guard *g, const char *path, struct err *err)
{
	cleanup(free_str) char *journal = NULL;
	int fd[2];

	if (asprintf(&journal, "%s-journal", path) < 0) {
		journal = NULL;
		return err_nomem(err);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return err_set(
		    err, ERR_TEMP, "socketpair: %s", strerror(errno));
	g->fd = fd[0];
	g->pid = fork();
	if (g->pid == 0) {
		close(fd[0]);
		watch(path, journal, fd[1]);
	}
	int error = errno;

	close(fd[1]);
	if (g->pid < 0)
		return err_set(err, ERR_TEMP, "fork: %s", strerror(error));
	return 0;
}

int
guard_start(const char *path, struct guard **out, struct err *err)
{
	cleanup(guard_stop) struct guard *g = calloc(1, sizeof *g);

	if (g == NULL)
		return err_nomem(err);
	g->pid = -1;
	g->fd = -1;
	if (fork_guard(g, path, err) < 0)
		return err_context(err, "%s", path);
	*out = steal(&g);
	return 0;
}

void
guard_stop(struct guard **gp)
{
	struct guard *g = steal(gp);

	if (g == NULL)
		return;
	if (g->fd >= 0) {
		(void)send(g->fd, "q", 1, MSG_NOSIGNAL);
		close(g->fd);
	}
	while (g->pid > 0 && waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(g);
}
