/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "policyd/session.h"

#include <time.h>

#include "base/log.h"
#include "policyd/answer.h"
#include "policyd/count.h"
#include "proto/policy.h"

struct session {
	TAILQ_ENTRY(session) next;
	struct desk *desk;
	struct net_conn *conn;
	struct policy policy;
	size_t owed; /* answers */
};

int
session_open(void *arg, struct net_conn *c, void **out)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return -1;
	s->desk = arg;
	s->conn = c;
	*out = s;
	return 0;
}

static void
take_request(struct session *s)
{
	const struct policy_request *r = &s->policy.request;
	struct count c;

	if (s->owed++ == 0)
		TAILQ_INSERT_TAIL(&s->desk->owed, s, next);
	if (count_request(r, &c) && seen_add(s->desk->seen, r->instance))
		ledger_add(s->desk->ledger, c.address, time(NULL), &c.delta);
}

/* The one who breaks the protocol gets the answers due so far, then the end. */
size_t
session_input(void *arg, const uint8_t *data, size_t len)
{
	struct session *s = arg;
	struct err err = { 0 };
	size_t left = len;
	int rc;

	while ((rc = policy_feed(&s->policy, &data, &left, &err)) > 0)
		take_request(s);
	if (rc == 0)
		return len;
	log_warning("%s: closed: %s", net_conn_peer(s->conn), err.text);
	net_conn_close(s->conn);
	return len;
}

void
session_closed(void *arg)
{
	struct session *s = arg;

	if (s->owed > 0)
		TAILQ_REMOVE(&s->desk->owed, s, next);
	policy_reset(&s->policy);
	free(s);
}

void
session_answer_all(struct desk *desk)
{
	size_t len;
	const char *text = answer_text(&len);
	struct session *s;

	while ((s = TAILQ_FIRST(&desk->owed)) != NULL) {
		TAILQ_REMOVE(&desk->owed, s, next);
		for (; s->owed > 0; s->owed--)
			net_conn_send(s->conn, text, len);
	}
}
