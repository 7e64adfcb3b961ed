/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "net/private.h"

struct entry {
	STAILQ_ENTRY(entry) next;
	const struct net_job *job;
	void *ctx;
};
STAILQ_HEAD(entries, entry);

struct net_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct entries queued, finished; /* under the lock */
	size_t queued_count;             /* under the lock */
	bool ending;                     /* under the lock */
	size_t max_queued;
	int nice;
	pthread_t *threads;
	unsigned thread_count;
	int wake; /* an eventfd: `finished` is not empty */
	struct event *woken;
};

/* ---- in the threads ---- */

/* The next job; NULL when the pool ends. */
static struct entry *
take(struct net_pool *p)
{
	struct entry *e;

	pthread_mutex_lock(&p->lock);
	while (!p->ending && STAILQ_EMPTY(&p->queued))
		pthread_cond_wait(&p->work, &p->lock);
	e = p->ending ? NULL : STAILQ_FIRST(&p->queued);
	if (e != NULL) {
		STAILQ_REMOVE_HEAD(&p->queued, next);
		p->queued_count--;
	}
	pthread_mutex_unlock(&p->lock);
	return e;
}

static void
hand_back(struct net_pool *p, struct entry *e)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	STAILQ_INSERT_TAIL(&p->finished, e, next);
	pthread_mutex_unlock(&p->lock);
	/* fails only when the counter is full: then it wakes anyway */
	(void)!write(p->wake, &one, sizeof one);
}

static void *
work(void *arg)
{
	struct net_pool *p = arg;
	struct entry *e;

#ifdef __linux__
	/* 0 is this thread there, not the process */
	(void)setpriority(PRIO_PROCESS, 0, p->nice);
#endif
	while ((e = take(p)) != NULL) {
		e->job->run(e->ctx);
		hand_back(p, e);
	}
	return NULL;
}

/* ---- in the loop ---- */

static void
finish(struct entries *list)
{
	struct entry *e;

	while ((e = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		e->job->done(e->ctx);
		free(e);
	}
}

static void
on_woken(evutil_socket_t fd, short what, void *arg)
{
	struct net_pool *p = arg;
	struct entries now = STAILQ_HEAD_INITIALIZER(now);
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof count);
	pthread_mutex_lock(&p->lock);
	STAILQ_CONCAT(&now, &p->finished);
	pthread_mutex_unlock(&p->lock);
	finish(&now);
}

int
net_pool_submit(
    struct net_pool *p, const struct net_job *job, void *ctx, struct err *err)
{
	struct entry *e = calloc(1, sizeof *e);
	bool full;

	if (e == NULL)
		return err_nomem(err);
	e->job = job;
	e->ctx = ctx;
	pthread_mutex_lock(&p->lock);
	full = p->queued_count >= p->max_queued;
	if (!full) {
		STAILQ_INSERT_TAIL(&p->queued, e, next);
		p->queued_count++;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	if (!full)
		return 0;
	free(e);
	return err_set(err, ERR_TEMP, "%zu jobs wait already", p->max_queued);
}

size_t
net_pool_queued(struct net_pool *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->queued_count;
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* ---- beginning and end ---- */

/* Signals are the loop's. */
static int
start_threads(struct net_pool *p, unsigned count)
{
	sigset_t all, before;
	int rc = 0;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (rc == 0 && p->thread_count < count) {
		rc =
		    pthread_create(&p->threads[p->thread_count], NULL, work, p);
		p->thread_count += rc == 0;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static int
open_wake(struct net_pool *p, struct net_server *s)
{
	p->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->wake < 0)
		return -1;
	p->woken =
	    event_new(s->base, p->wake, EV_READ | EV_PERSIST, on_woken, p);
	return p->woken == NULL ? -1 : event_add(p->woken, NULL);
}

int
net_pool_new(struct net_server *s, unsigned threads, int nice,
    size_t max_queued, struct net_pool **out, struct err *err)
{
	cleanup(net_pool_free) struct net_pool *p = calloc(1, sizeof *p);

	if (p == NULL)
		return err_nomem(err);
	p->wake = -1;
	p->nice = nice;
	p->max_queued = max_queued;
	STAILQ_INIT(&p->queued);
	STAILQ_INIT(&p->finished);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->work, NULL);
	p->threads = calloc(threads, sizeof *p->threads);
	if (p->threads == NULL)
		return err_nomem(err);
	if (open_wake(p, s) < 0 || start_threads(p, threads) != 0)
		return err_set(err, ERR_TEMP, "cannot start threads");
	*out = steal(&p);
	return 0;
}

static void
join_threads(struct net_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->thread_count; i++)
		(void)pthread_join(p->threads[i], NULL);
}

void
net_pool_free(struct net_pool **pp)
{
	struct net_pool *p = steal(pp);

	if (p == NULL)
		return;
	join_threads(p);
	if (p->woken != NULL)
		event_free(p->woken);
	finish(&p->finished);
	finish(&p->queued);
	close_fd(&p->wake);
	(void)pthread_cond_destroy(&p->work);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}
