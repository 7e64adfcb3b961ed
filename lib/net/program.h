/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A daemon as a program: options (-c FILE, -d, -n, -h), configuration, sockets,
 * background, privileges, the loop, the end. Its main() is
 *
 *	return net_program_main(&program, argc, argv);
 */
#ifndef NET_PROGRAM_H
#define NET_PROGRAM_H

#include "base/conf.h"
#include "net/server.h"

/* What the daemon takes from the configuration; strings are the conf's. */
struct net_setup {
	const char *listen;
	const char *socket_group; /* of a UNIX socket; "" leaves it */
	const char *user;         /* to run as when started as root; "" stays */
	struct net_limits limits;
};

struct net_program {
	const char *name;    /* "policyd": the ident is sealpost/policyd */
	const char *summary; /* one sentence for -h */
	struct net_handler handler; /* its `reload` stays NULL: see below */
	void (*setup)(const struct conf *conf, struct net_setup *out);
	/*
	 * Makes the daemon's own state, which the handler gets as `daemon`.
	 * Runs as the daemon's user, after the last fork: threads, databases
	 * and timers may be opened. conf is borrowed until `end` or the next
	 * `reload`.
	 */
	int (*start)(const struct conf *conf, struct net_server *s,
	    void **daemon, struct err *err);
	/* SIGHUP read a new conf; the old one is freed afterwards. May be NULL.
	 */
	void (*reload)(void *daemon, const struct conf *conf);
	/* All connections are gone; frees what `start` made. */
	void (*end)(void *daemon);
};

/* The exit status: 0, 1, 2 wrong usage, 75 try again. */
int net_program_main(const struct net_program *p, int argc, char **argv);

#endif
