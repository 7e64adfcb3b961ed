/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The listeners of bridge.conf and the threads of their connections. A plain
 * listener is for loopback addresses and UNIX sockets alone; others have TLS
 * from the first octet.
 */
#ifndef BRIDGE_LISTEN_H
#define BRIDGE_LISTEN_H

#include <signal.h>

#include "bridge.h"

/* What a kind of listener runs for a client; the texts are borrowed. */
struct bridge_service {
	const char *name;  /* for the log */
	const char *listen; /* of the configuration; "" = none */
	bool tls;          /* from the first octet */
	const char *busy;  /* said to one connection too many; with line end */
	void (*run)(struct bridge *b, struct net_stream *client,
	    bool may_plain);
};

struct bridge_listeners;

/* Of a client, as its session says it. */
enum client_state {
	CLIENT_STRANGER, /* at first: has not logged in, and owes the next word */
	CLIENT_BUSY,     /* its login is being checked, or its refusal waits */
	CLIENT_KNOWN,    /* logged in */
};

/*
 * Where all places (max_connections) are taken, a new client gets that of the
 * oldest stranger. Nothing is done for a client that no listener brought.
 */
void bridge_client_becomes(struct bridge *b, const struct net_stream *client,
    enum client_state state);

/*
 * Opens them all, copies `services`; b->listeners is set. ERR_PERM for one that
 * may not be, ERR_TEMP.
 */
int bridge_listeners_open(struct bridge *b,
    const struct bridge_service *services, size_t count,
    struct bridge_listeners **out, struct err *err) must_check;

/*
 * Serves until one of the signals comes, which must be blocked in all threads;
 * then ends the sessions. 0, or 1 when some did not end in time: the process
 * must exit without touching anything that is theirs.
 */
int bridge_listeners_run(struct bridge_listeners *l, const sigset_t *until,
    struct err *err) must_check;

void bridge_listeners_free(struct bridge_listeners **lp);

#endif
