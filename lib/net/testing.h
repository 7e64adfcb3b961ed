/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * For tests: a server of a small line protocol, with its client in a thread
 * of its own. The client may not use cmocka: it calls expect().
 */
#ifndef NET_TESTING_H
#define NET_TESTING_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "net/listener.h"
#include "net/pool.h"
#include "net/server.h"

enum { WAIT_MS = 20000, LINE_MAX_SIZE = 1000, OUTPUT_MAX = 100000 };

struct site {
	struct net_server *server;
	struct net_pool *pool;
	struct net_timer *timer;
	struct net_limits limits;
	char folder[40], path[60];
	void (*client)(struct site *);
	char wrong[200]; /* the first thing that was not as expected */
	/* of the sessions */
	unsigned opened, closed, turns;
	_Atomic unsigned fired; /* timers, reloads */
	struct held {
		struct held *next;
		struct session *session;
	} * waiting; /* for the line "release" */
	int gate[2]; /* jobs read a byte from it before they end */
};

struct session {
	struct site *site;
	struct net_conn *conn;
	char reply[OUTPUT_MAX / 2]; /* a flood */
};

/* ---- the client's side ---- */

#define expect(s, condition)                                              \
	do {                                                              \
		if (!(condition) && (s)->wrong[0] == '\0')                \
			(void)snprintf((s)->wrong, sizeof(s)->wrong,      \
			    "%s:%d: %s", __FILE__, __LINE__, #condition); \
	} while (0)

static int
dial(struct site *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", s->path);
	expect(s, fd >= 0);
	expect(s, connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	return fd;
}

static void
say(struct site *s, int fd, const char *text)
{
	size_t n = strlen(text);

	expect(s, send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n);
}

/* Exactly this comes next. */
static void
hear(struct site *s, int fd, const char *text)
{
	char is[LINE_MAX_SIZE] = "";
	size_t n = strlen(text);
	ssize_t got = recv(fd, is, n, MSG_WAITALL);

	if ((got != (ssize_t)n || memcmp(is, text, n) != 0) &&
	    s->wrong[0] == '\0')
		(void)snprintf(s->wrong, sizeof s->wrong,
		    "expected \"%.60s\", heard \"%.60s\" (%zd)", text, is, got);
}

/* The end comes next; how it comes does not matter. */
static bool
is_over(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void
talk(struct site *s, int fd, const char *say_this, const char *hear_that)
{
	say(s, fd, say_this);
	hear(s, fd, hear_that);
}

static void *
run_client(void *arg)
{
	struct site *s = arg;

	s->client(s);
	(void)kill(getpid(), SIGTERM);
	return NULL;
}

/* ---- the server's side ---- */

static int
on_open(void *arg, struct net_conn *c, void **out)
{
	struct site *s = arg;
	struct session *session = calloc(1, sizeof *session);

	assert_non_null(session);
	session->site = s;
	session->conn = c;
	s->opened++;
	*out = session;
	return 0;
}

static void
on_closed(void *arg)
{
	struct session *session = arg;

	session->site->closed++;
	free(session);
}

static void
on_turn(void *arg)
{
	struct site *s = arg;

	s->turns++;
}

#endif
