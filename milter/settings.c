/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "milter/settings.h"

#include <pthread.h>

struct snapshot {
	struct settings settings; /* first: a settings pointer is one to us */
	struct conf *conf;
	struct crypt *crypt;
	unsigned holders; /* under the lock */
};

/* libmilter gives its callbacks no pointer of ours: hence these two. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct snapshot *in_force;

static void
snapshot_free(struct snapshot **sp)
{
	struct snapshot *s = steal(sp);

	if (s == NULL)
		return;
	conf_free(&s->conf);
	crypt_close(&s->crypt);
	free(s);
}

static void
release(struct snapshot *s)
{
	bool last;

	if (s == NULL)
		return;
	pthread_mutex_lock(&lock);
	last = --s->holders == 0;
	pthread_mutex_unlock(&lock);
	if (last)
		snapshot_free(&s);
}

static void
publish(struct snapshot *s)
{
	struct snapshot *old;

	pthread_mutex_lock(&lock);
	old = in_force;
	in_force = s;
	pthread_mutex_unlock(&lock);
	release(old);
}

int
settings_load(const char *path, struct err *err)
{
	cleanup(snapshot_free) struct snapshot *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	if (conf_load(path == NULL ? CONF_DEFAULT_FILE : path, path == NULL,
		&s->conf, err) < 0 ||
	    crypt_open(&s->crypt, err) < 0)
		return -1;
	s->settings.conf = s->conf;
	s->settings.crypt = s->crypt;
	s->holders = 1;
	publish(steal(&s));
	return 0;
}

const struct settings *
settings_hold(void)
{
	struct snapshot *s;

	pthread_mutex_lock(&lock);
	s = in_force;
	s->holders++;
	pthread_mutex_unlock(&lock);
	return &s->settings;
}

void
settings_release(const struct settings **sp)
{
	const struct settings *s = steal(sp);

	/* the one cast: holders is the snapshot's own, not the settings' */
	release((struct snapshot *)(uintptr_t)s);
}

void
settings_close(void)
{
	publish(NULL);
}
