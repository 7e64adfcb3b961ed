/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/service.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/cleanup.h"

static const char variable[] = "NOTIFY_SOCKET";

bool
service_managed(void)
{
	const char *path = getenv(variable);

	return path != NULL && path[0] != '\0';
}

void
service_notify(const char *message)
{
	const char *path = getenv(variable);
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

void
service_notify_reload(void)
{
	struct timespec now;
	char text[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(text, sizeof text,
	    "RELOADING=1\nMONOTONIC_USEC=%lld%06ld", (long long)now.tv_sec,
	    now.tv_nsec / 1000);
	service_notify(text);
}
