/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What all sessions of the daemon share.
 */
#ifndef SASLAUTHD_DAEMON_H
#define SASLAUTHD_DAEMON_H

#include <sys/queue.h>

#include "base/conf.h"
#include "crypt/throttle.h"
#include "net/pool.h"
#include "net/server.h"
#include "saslauthd/accounts.h"
#include "saslauthd/cache.h"
#include "saslauthd/counts.h"

struct request;
struct session;
TAILQ_HEAD(session_list, session);
TAILQ_HEAD(request_list, request);

struct daemon {
	const struct conf *conf; /* borrowed; SIGHUP replaces it */
	struct crypt *crypt;
	struct net_server *server;
	struct net_pool *pool; /* that checks passwords */
	struct net_timer *tick;
	struct accounts *accounts;
	struct cache *cache;
	struct throttle *throttle;
	struct counts *counts;
	struct request_list requests; /* oldest first */
	struct session_list strangers; /* that have not introduced themselves */
};

#endif
