/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

struct fixture {
	char folder[40], path[60], text[80];
	struct err err;
};

static int
set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .folder = "/tmp/sealpost-listen-XXXXXX" };
	if (mkdtemp(f.folder) == NULL)
		return -1;
	(void)snprintf(f.path, sizeof f.path, "%s/s", f.folder);
	(void)snprintf(f.text, sizeof f.text, "unix:%s", f.path);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	return rmdir(f->folder);
}

static void
test_unix(void **state)
{
	struct fixture *f = *state;
	struct net_listeners *l = NULL, *second = NULL;
	struct stat st;

	assert_int_equal(net_listeners_open(f->text, "", &l, &f->err), 0);
	assert_int_equal(l->count, 1);
	assert_false(l->inherited);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	/* somebody listens: it stays his */
	assert_int_equal(net_listeners_open(f->text, "", &second, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_TEMP);
	assert_null(second);
	net_listeners_free(&l);
	assert_null(l);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void
test_group(void **state)
{
	struct fixture *f = *state;
	struct net_listeners *l = NULL;

	assert_int_equal(
	    net_listeners_open(f->text, "no-such-group-here", &l, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void
leave_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
}

static void
test_stale(void **state)
{
	struct fixture *f = *state;
	struct net_listeners *l = NULL;

	leave_socket(f->path);
	assert_int_equal(net_listeners_open(f->text, "", &l, &f->err), 0);
	net_listeners_free(&l);
}

static void
test_no_socket(void **state)
{
	struct fixture *f = *state;
	struct net_listeners *l = NULL;

	close(creat(f->path, 0600));
	assert_int_equal(net_listeners_open(f->text, "", &l, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	assert_int_equal(access(f->path, F_OK), 0);
}

/*
 * A port that was free a moment ago, and none that the system gives to outgoing
 * connections: those of other tests do not take it meanwhile. 0 when there is
 * no such protocol here.
 */
static unsigned
free_port(int family)
{
	enum { FIRST_PORT = 11000, PORTS = 21000 };
	cleanup(close_fd) int fd = socket(family, SOCK_STREAM, 0);
	uint16_t port;
	int rc;

	do {
		assert_int_equal(
		    getrandom(&port, sizeof port, 0), sizeof port);
		port = (uint16_t)(FIRST_PORT + port % PORTS);

		struct sockaddr_in four = { .sin_family = AF_INET,
			.sin_port = htons(port) };
		struct sockaddr_in6 six = { .sin6_family = AF_INET6,
			.sin6_port = htons(port) };

		rc = family == AF_INET
			 ? bind(fd, (struct sockaddr *)&four, sizeof four)
			 : bind(fd, (struct sockaddr *)&six, sizeof six);
	} while (rc < 0 && errno == EADDRINUSE);
	return rc < 0 ? 0 : port;
}

static void
test_inet(void **state)
{
	static const struct {
		int family;
		const char *host;
	} kinds[] = {
		{ AF_INET, "127.0.0.1" },
		{ AF_INET, "localhost" },
		{ AF_INET6, "[::1]" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(kinds); i++) {
		struct net_listeners *l = NULL, *second = NULL;
		unsigned port = free_port(kinds[i].family);
		char text[80];

		if (port == 0)
			continue; /* no such protocol here */
		(void)snprintf(
		    text, sizeof text, "inet:%s:%u", kinds[i].host, port);
		assert_int_equal(net_listeners_open(text, "", &l, &f->err), 0);
		assert_int_equal(
		    net_listeners_open(text, "", &second, &f->err), -1);
		assert_int_equal(f->err.kind, ERR_TEMP);
		net_listeners_free(&l);
	}
	struct net_listeners *l = NULL;

	assert_int_equal(
	    net_listeners_open("inet:192.0.2.99:10028", "", &l, &f->err), -1);
	assert_int_equal(net_listeners_open("10028", "", &l, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
}

/* ---- inherited; each case in a process of its own ---- */

struct heritage {
	const char *name;
	const char *count; /* LISTEN_FDS */
	int own_pid;       /* 1 own, 0 another, -1 none */
	int type;          /* of the sockets */
	bool listening;
	int expected; /* sockets; -1 refused */
};

static const struct heritage heritages[] = {
	{ "nothing", NULL, -1, SOCK_STREAM, true, 0 },
	{ "one", "1", 1, SOCK_STREAM, true, 1 },
	{ "two", "2", 1, SOCK_STREAM, true, 2 },
	{ "for another process", "1", 0, SOCK_STREAM, true, 0 },
	{ "no number", "x", 1, SOCK_STREAM, true, 0 },
	{ "a negative number", "-3", 1, SOCK_STREAM, true, 0 },
	{ "too many", "1000", 1, SOCK_STREAM, true, -1 },
	{ "more than there are", "3", 1, SOCK_STREAM, true, -1 },
	{ "datagrams", "1", 1, SOCK_DGRAM, false, -1 },
	{ "a socket that does not listen", "1", 1, SOCK_STREAM, false, -1 },
};

static void
prepare_heritage(const struct heritage *h)
{
	char pid[20];

	(void)close_range(3, ~0U, 0);
	for (int fd = 3; fd <= 4; fd++) {
		if (socket(AF_INET, h->type, 0) != fd)
			_exit(100);
		if (h->listening && listen(fd, 5) < 0)
			_exit(101);
	}
	(void)snprintf(
	    pid, sizeof pid, "%ld", h->own_pid == 1 ? (long)getpid() : 1L);
	if (h->count != NULL)
		(void)setenv("LISTEN_FDS", h->count, 1);
	if (h->own_pid >= 0)
		(void)setenv("LISTEN_PID", pid, 1);
}

static int
inherit(const struct heritage *h)
{
	struct net_listeners *l = NULL;
	struct err err = { 0 };

	prepare_heritage(h);
	if (net_listeners_inherit(&l, &err) < 0)
		return err.kind == ERR_PERM && l == NULL ? 90 : 91;
	if (getenv("LISTEN_FDS") != NULL || getenv("LISTEN_PID") != NULL)
		return 92;
	for (size_t i = 0; i < l->count; i++)
		if (l->list[i].fd != 3 + (int)i ||
		    fcntl(l->list[i].fd, F_GETFD) != FD_CLOEXEC ||
		    (fcntl(l->list[i].fd, F_GETFL) & O_NONBLOCK) == 0)
			return 93;
	if (!l->inherited)
		return 94;

	int count = (int)l->count;

	net_listeners_free(&l);
	return count;
}

static void
test_inherited(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(heritages); i++) {
		const struct heritage *h = &heritages[i];
		int status = 0;
		pid_t pid = fork();

		if (pid == 0)
			_exit(inherit(h));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != (h->expected < 0 ? 90 : h->expected))
			fail_msg("%s: %d", h->name, WEXITSTATUS(status));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unix, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_group, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stale, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_no_socket, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inet, set_up, tear_down),
		cmocka_unit_test(test_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
