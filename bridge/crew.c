/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crew.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { ROOM = 16, WORTH_A_THREAD = 4, HELPERS_MAX = 3 };

struct crew {
	void (*run)(void *job);
	pthread_t helpers[HELPERS_MAX];
	size_t helper_count;
	bool tried; /* to make them */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t change;
	struct {
		void *job;
		bool done;
	} ring[ROOM];
	size_t first, started, end; /* counted on for ever; first <= end */
	bool over;
};

int
crew_new(void (*run)(void *job), struct crew **out, struct err *err)
{
	struct crew *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	c->run = run;
	if (pthread_mutex_init(&c->lock, NULL) != 0 ||
	    pthread_cond_init(&c->change, NULL) != 0) {
		free(c);
		return err_nomem(err);
	}
	*out = c;
	return 0;
}

/* Does the oldest job that nobody has begun. Under the lock. */
static void
do_one(struct crew *c)
{
	size_t at = c->started++ % ROOM;
	void *job = c->ring[at].job;

	(void)pthread_mutex_unlock(&c->lock);
	c->run(job);
	(void)pthread_mutex_lock(&c->lock);
	c->ring[at].done = true;
	(void)pthread_cond_broadcast(&c->change);
}

static void *
help(void *ctx)
{
	struct crew *c = ctx;

	(void)pthread_mutex_lock(&c->lock);
	while (!c->over)
		if (c->started < c->end)
			do_one(c);
		else
			(void)pthread_cond_wait(&c->change, &c->lock);
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Without any, the owner does it all. */
static void
make_helpers(struct crew *c)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	c->tried = true;
	while (c->helper_count < HELPERS_MAX &&
	       (long)c->helper_count + 1 < processors &&
	       pthread_create(
		   &c->helpers[c->helper_count], NULL, help, c) == 0)
		c->helper_count++;
}

void
crew_free(struct crew **cp)
{
	struct crew *c = steal(cp);

	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->over = true;
	(void)pthread_cond_broadcast(&c->change);
	(void)pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < c->helper_count; i++)
		(void)pthread_join(c->helpers[i], NULL);
	(void)pthread_cond_destroy(&c->change);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Only the owner moves both. */
bool
crew_is_full(const struct crew *c)
{
	return c->end - c->first == ROOM;
}

void
crew_give(struct crew *c, void *job)
{
	if (!c->tried && c->end - c->first == WORTH_A_THREAD)
		make_helpers(c);
	(void)pthread_mutex_lock(&c->lock);
	c->ring[c->end % ROOM].job = job;
	c->ring[c->end % ROOM].done = false;
	c->end++;
	(void)pthread_cond_broadcast(&c->change);
	(void)pthread_mutex_unlock(&c->lock);
}

void
crew_drop(struct crew *c)
{
	(void)pthread_mutex_lock(&c->lock);
	while (c->started < c->end)
		c->ring[c->started++ % ROOM].done = true;
	(void)pthread_mutex_unlock(&c->lock);
}

void *
crew_take(struct crew *c)
{
	void *job = NULL;

	(void)pthread_mutex_lock(&c->lock);
	if (c->first < c->end) {
		while (!c->ring[c->first % ROOM].done)
			if (c->started < c->end)
				do_one(c);
			else
				(void)pthread_cond_wait(&c->change, &c->lock);
		job = c->ring[c->first % ROOM].job;
		c->first++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return job;
}
