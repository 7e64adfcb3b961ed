/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * One attempt to log in, from AUTH to OK or FAIL. It holds its connection all
 * that time, so that a stop of the daemon waits for it.
 */
#ifndef SASLAUTHD_REQUEST_H
#define SASLAUTHD_REQUEST_H

#include "proto/sasl.h"
#include "saslauthd/decision.h"
#include "saslauthd/session.h"

enum request_state {
	REQUEST_WAITING,  /* for the client's answer to a challenge */
	REQUEST_CHECKING, /* its password is with the pool */
	REQUEST_DELAYED,  /* it has failed, the answer waits */
};

struct request {
	TAILQ_ENTRY(request) in_session, in_daemon;
	struct session *session;
	uint32_t id;
	enum request_state state;
	bool cancelled;     /* no answer is wanted, or possible */
	const char *mechanism; /* as the log and the counters call it */
	char rip[AUTH_NAME_SIZE]; /* "unknown" when it is no address */
	int64_t active_ms; /* when the client spoke last */
	struct sasl *sasl; /* NULL when it failed before it began */
	struct login login;
	enum refusal refusal; /* what stands against it, whatever is proven */
	struct net_timer *delay;
	/* the pool's thread writes, the loop reads when the job is done */
	uint32_t iterations_usual;
	int right; /* as verifier_check() */
	struct err check_err;
};

/*
 * They answer at once or later. -1 with *err only when the peer broke the
 * rules or there is no memory: drop the connection. `r` may be gone afterwards.
 */
int request_start(struct session *s, const struct auth_event *ev,
    struct err *err) must_check;
int request_continue(struct request *r, const struct auth_event *ev,
    struct err *err) must_check;

/* No answer any more; `r` may be gone afterwards. */
void request_cancel(struct request *r);

/* Ends the requests whose clients have not answered for long, or are gone. */
void request_expire(struct daemon *d);

#endif
