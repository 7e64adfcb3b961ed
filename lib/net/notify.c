/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Notices to the service manager: a datagram to NOTIFY_SOCKET. */

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/private.h"

void
net_notify(const char *message)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || len >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';

	cleanup(close_fd) int fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

	if (fd >= 0)
		(void)sendto(fd, message, strlen(message), MSG_NOSIGNAL,
		    (const struct sockaddr *)&to, size);
}
