/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/private.h"

struct net_timer {
	struct event *event;
	void (*fire)(void *ctx);
	void *ctx;
};

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct net_timer *t = arg;

	(void)fd;
	(void)what;
	t->fire(t->ctx);
}

int
net_timer_new(struct net_server *s, void (*fire)(void *ctx), void *ctx,
    struct net_timer **out, struct err *err)
{
	cleanup(net_timer_free) struct net_timer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_nomem(err);
	t->fire = fire;
	t->ctx = ctx;
	t->event = event_new(s->base, -1, 0, on_time, t);
	if (t->event == NULL)
		return err_nomem(err);
	*out = steal(&t);
	return 0;
}

void
net_timer_free(struct net_timer **tp)
{
	struct net_timer *t = steal(tp);

	if (t == NULL)
		return;
	if (t->event != NULL)
		event_free(t->event);
	free(t);
}

void
net_timer_start(struct net_timer *t, uint64_t ms)
{
	const struct timeval in = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	(void)event_add(t->event, &in);
}
