/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

enum { PATIENCE_MS = 10000 };

/* Waits for the event; 0, or -1 with errno. */
static int
wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - clock_ms();
	int rc;

	do
		rc = poll(&p, 1, left > 0 ? (int)left : 0);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		errno = ETIMEDOUT;
	return rc > 0 ? 0 : -1;
}

static int
connect_to(const struct sockaddr *addr, socklen_t len, int64_t deadline)
{
	cleanup(close_fd) int fd = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;
	socklen_t size = sizeof error;

	if (fd < 0)
		return -1;
	if (connect(fd, addr, len) < 0) {
		if (errno != EINPROGRESS || wait_for(fd, POLLOUT, deadline) < 0)
			return -1;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			return -1;
	}
	if (error != 0) {
		errno = error;
		return -1;
	}
	int connected = fd;

	fd = -1;
	return connected;
}

static int
connect_unix(const struct conf_socket *to, int64_t deadline)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", to->path);
	return connect_to(
	    (const struct sockaddr *)&addr, sizeof addr, deadline);
}

static int
connect_inet(const struct conf_socket *to, int64_t deadline)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char port[8];
	int fd = -1;

	(void)snprintf(port, sizeof port, "%u", (unsigned)to->port);
	if (getaddrinfo(to->host, port, &hints, &found) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_to(a->ai_addr, a->ai_addrlen, deadline);

	int error = errno;

	freeaddrinfo(found);
	errno = error;
	return fd;
}

/* What the peer does not take is its own fault: the answer will tell. */
static void
send_all(int fd, const char *text, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN &&
		    wait_for(fd, POLLOUT, deadline) == 0)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static int
receive(int fd, enum doctor_peer peer, struct buf *out, int64_t deadline)
{
	uint8_t chunk[1024];

	while (!doctor_reply_is_whole(peer, out->data, out->len)) {
		if (wait_for(fd, POLLIN, deadline) < 0)
			return -1;

		ssize_t n = recv(fd, chunk, sizeof chunk, 0);

		if (n == 0) {
			errno = ECONNRESET;
			return -1;
		}
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0 || buf_put(out, chunk, (size_t)n, NULL) < 0)
			return -1;
	}
	return 0;
}

int
doctor_talk(const struct conf_socket *to, enum doctor_peer peer,
    struct buf *out, struct err *err)
{
	int64_t deadline = clock_ms() + PATIENCE_MS;
	cleanup(close_fd) int fd = to->is_unix ? connect_unix(to, deadline)
					       : connect_inet(to, deadline);
	const char *hello;

	if (fd < 0)
		return err_set(err, ERR_TEMP, "%s", strerror(errno));
	size_t len = doctor_greeting(peer, &hello);

	send_all(fd, hello, len, deadline);
	if (receive(fd, peer, out, deadline) == 0 || out->len > 0)
		return 0;
	return err_set(err, ERR_TEMP,
	    "it takes the connection and is silent "
	    "(%s)",
	    strerror(errno));
}
