/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "gate.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypt/throttle.h"

struct gate {
	pthread_mutex_t lock; /* over what follows */
	struct throttle *throttle;
};

int
gate_new(const struct crypt *crypt, struct gate **out, struct err *err)
{
	cleanup(gate_free) struct gate *g = calloc(1, sizeof *g);

	if (g == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&g->lock, NULL);
	if (throttle_new(crypt, &g->throttle, err) < 0)
		return -1;
	*out = steal(&g);
	return 0;
}

void
gate_free(struct gate **gp)
{
	struct gate *g = steal(gp);

	if (g == NULL)
		return;
	throttle_free(&g->throttle);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

void
gate_failed(
    struct gate *g, const struct account *a, struct net_stream *client)
{
	/* no address is "?"; on loopback the client's own tells nothing */
	const char *who = a == NULL ? "?" : a->address;
	const struct throttle_client nobody = { .len = 0 };
	int64_t delay_ms = GATE_DELAY_MAX_MS;
	struct err err = { 0 };
	int rc;

	(void)pthread_mutex_lock(&g->lock);
	rc = throttle_failed(g->throttle, who, &nobody, clock_ms(),
	    GATE_DELAY_MAX_MS, &delay_ms, &err);
	(void)pthread_mutex_unlock(&g->lock);
	if (rc < 0) {
		log_warning("login: failures are not counted: %s", err.text);
		delay_ms = GATE_DELAY_MAX_MS;
	}
	net_stream_pause(client, (unsigned)delay_ms);
}
