/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The connections of Postfix: bytes in, requests to the ledger, and after the
 * turn's one commit the answers.
 */
#ifndef POLICYD_SESSION_H
#define POLICYD_SESSION_H

#include <sys/queue.h>

#include "net/server.h"
#include "policyd/ledger.h"
#include "policyd/seen.h"

struct session;
TAILQ_HEAD(session_list, session);

/* What all sessions share. */
struct desk {
	struct ledger *ledger;
	struct seen *seen;
	struct session_list owed; /* sessions that wait for answers */
};

/* The slots of struct net_handler; `daemon` is the desk. */
int session_open(void *desk, struct net_conn *c, void **session);
size_t session_input(void *session, const uint8_t *data, size_t len);
void session_closed(void *session);

/* Answers all that was asked. After the commit. */
void session_answer_all(struct desk *desk);

#endif
