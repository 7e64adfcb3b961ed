/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A bounded pool of threads for work that would hold up the loop. A job runs
 * in a thread, its completion in the loop.
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include <stddef.h>

#include "base/err.h"

struct net_server;
struct net_pool;

struct net_job {
	/* In a thread: touches nothing but ctx and what is const. */
	void (*run)(void *ctx);
	/*
	 * In the loop, exactly once for each job that was submitted, frees
	 * ctx. A session that waits for it is kept by net_conn_hold(), taken
	 * before and released here; look at net_conn_is_over() if the
	 * result is of no use without a peer.
	 */
	void (*done)(void *ctx);
};

/*
 * Starts the threads, each with all signals blocked and `nice` steps behind the
 * loop. After net_server_new() and after the last fork.
 */
int net_pool_new(struct net_server *s, unsigned threads, int nice,
    size_t max_queued, struct net_pool **out, struct err *err) must_check;

/*
 * Waits for the running jobs, runs no other, and calls `done` of all: a job
 * that never ran finds its ctx as it was submitted. The server must still be
 * there.
 */
void net_pool_free(struct net_pool **pp);

/*
 * Queues a job; `job` is a constant. 0, or -1 with ERR_TEMP when max_queued
 * jobs wait or memory is short: nothing was taken then, `done` is not called.
 */
int net_pool_submit(struct net_pool *p, const struct net_job *job, void *ctx,
    struct err *err) must_check;

/* Jobs that wait for a thread. */
size_t net_pool_queued(struct net_pool *p);

#endif
