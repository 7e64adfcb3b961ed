/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Listening sockets: opened by ourselves, or inherited from a service manager
 * (LISTEN_FDS, as systemd hands them over).
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct net_listener {
	int fd;
	char *unlink_path; /* of a UNIX socket we made; NULL else */
};

struct net_listeners {
	struct net_listener *list;
	size_t count;
	bool inherited; /* they outlive us: what waits there is not lost */
};

/*
 * The sockets that the service manager opened for this process; none of them,
 * and the environment says nothing any more, when there are none. To be called
 * before the first fork. ERR_PERM when one is no listening stream socket.
 */
int net_listeners_inherit(
    struct net_listeners **out, struct err *err) must_check;

/*
 * Opens `unix:/path` (mode 0660, given to `group`; "" leaves the group; a
 * socket nobody listens on any more is removed first) or `inet:host:port`
 * (every address the name has). ERR_PERM or ERR_TEMP, and *out is untouched.
 */
int net_listeners_open(const char *text, const char *group,
    struct net_listeners **out, struct err *err) must_check;

/* Closes them; removes the UNIX sockets that we made. */
void net_listeners_free(struct net_listeners **lp);

#endif
