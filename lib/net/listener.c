/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/conf.h"
#include "base/process.h"

enum { FIRST_INHERITED = 3, INHERITED_MAX = 64, BACKLOG = 4096 };

static int
add(struct net_listeners *l, int fd, struct err *err)
{
	struct net_listener *more =
	    reallocarray(l->list, l->count + 1, sizeof *more);

	if (more == NULL) {
		close(fd);
		return err_nomem(err);
	}
	l->list = more;
	l->list[l->count++] = (struct net_listener){ .fd = fd };
	return 0;
}

void
net_listeners_free(struct net_listeners **lp)
{
	struct net_listeners *l = steal(lp);

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->count; i++) {
		if (l->list[i].unlink_path != NULL)
			(void)unlink(l->list[i].unlink_path);
		free(l->list[i].unlink_path);
		close(l->list[i].fd);
	}
	free(l->list);
	free(l);
}

/* ---- inherited ---- */

/* A whole number from the environment; -1 when there is none. */
static long
number_in(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;

	if (text == NULL || text[0] == '\0')
		return -1;

	long n = strtol(text, &end, 10);

	return *end == '\0' ? n : -1;
}

static int
check_inherited(int fd, struct err *err)
{
	int type = 0, listening = 0;
	socklen_t size = sizeof type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
		return err_set(err, ERR_PERM, "inherited descriptor %d: %s", fd,
		    strerror(errno));
	if (type != SOCK_STREAM || listening == 0)
		return err_set(err, ERR_PERM,
		    "inherited descriptor %d is no listening stream socket",
		    fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, ERR_TEMP, "inherited descriptor %d: %s", fd,
		    strerror(errno));
	return 0;
}

int
net_listeners_inherit(struct net_listeners **out, struct err *err)
{
	cleanup(net_listeners_free) struct net_listeners *l =
	    calloc(1, sizeof *l);
	long count = number_in("LISTEN_FDS");

	if (l == NULL)
		return err_nomem(err);
	l->inherited = true;
	if (number_in("LISTEN_PID") != (long)getpid() || count < 0)
		count = 0;
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	if (count > INHERITED_MAX)
		return err_set(
		    err, ERR_PERM, "%ld inherited descriptors", count);
	for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + (int)count; fd++)
		if (check_inherited(fd, err) < 0 || add(l, fd, err) < 0)
			return -1;
	*out = steal(&l);
	return 0;
}

/* ---- our own ---- */

/* The socket file has its mode from its first moment on. */
static int
bind_file(int fd, const struct sockaddr_un *at)
{
	mode_t before = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof *at);

	(void)umask(before);
	return rc;
}

static int
open_unix(const char *path, const char *group, struct net_listeners *l,
    struct err *err)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (process_remove_stale_socket(path, err) < 0)
		return -1;
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, ERR_TEMP, "socket: %s", strerror(errno));
	if (add(l, fd, err) < 0)
		return -1;
	if (bind_file(fd, &at) < 0)
		return err_set(
		    err, ERR_PERM, "listen on %s: %s", path, strerror(errno));
	l->list[0].unlink_path = strdup(path);
	if (l->list[0].unlink_path == NULL)
		return err_nomem(err);
	if (process_chgrp(path, group, err) < 0)
		return -1;
	return listen(fd, BACKLOG) < 0
		   ? err_set(err, ERR_TEMP, "listen on %s: %s", path,
			 strerror(errno))
		   : 0;
}

static int
listen_at(int fd, const struct addrinfo *a)
{
	const int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (a->ai_family == AF_INET6)
		(void)setsockopt(
		    fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
		return -1;
	return listen(fd, BACKLOG);
}

static int
open_address(const struct addrinfo *a, const char *text,
    struct net_listeners *l, struct err *err)
{
	int fd =
	    socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(err, ERR_TEMP, "socket: %s", strerror(errno));
	if (add(l, fd, err) < 0)
		return -1;
	if (listen_at(fd, a) < 0)
		return err_set(err, errno == EADDRINUSE ? ERR_TEMP : ERR_PERM,
		    "listen on %s: %s", text, strerror(errno));
	return 0;
}

static int
open_inet(const struct conf_socket *where, const char *text,
    struct net_listeners *l, struct err *err)
{
	const struct addrinfo wanted = { .ai_flags =
					     AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[8];
	int rc;

	(void)snprintf(port, sizeof port, "%u", where->port);
	rc = getaddrinfo(where->host, port, &wanted, &found);
	if (rc != 0)
		return err_set(err, rc == EAI_AGAIN ? ERR_TEMP : ERR_PERM,
		    "listen on %s: %s", text, gai_strerror(rc));
	rc = 0;
	for (struct addrinfo *a = found; a != NULL && rc == 0; a = a->ai_next)
		rc = open_address(a, text, l, err);
	freeaddrinfo(found);
	return rc;
}

int
net_listeners_open(const char *text, const char *group,
    struct net_listeners **out, struct err *err)
{
	cleanup(net_listeners_free) struct net_listeners *l =
	    calloc(1, sizeof *l);
	struct conf_socket where;
	int rc;

	if (l == NULL)
		return err_nomem(err);
	if (conf_socket_parse(text, &where, err) < 0)
		return -1;
	rc = where.is_unix ? open_unix(where.path, group, l, err)
			   : open_inet(&where, text, l, err);
	if (rc < 0)
		return -1;
	*out = steal(&l);
	return 0;
}
