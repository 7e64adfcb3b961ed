/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * One connection of a client of the protocol: bytes and events.
 */
#ifndef SASLAUTHD_SESSION_H
#define SASLAUTHD_SESSION_H

#include "proto/auth.h"
#include "saslauthd/daemon.h"

struct session {
	/*
	 * A stranger's connection is held, for the one who connects just
	 * before a stop would lose what it says next.
	 */
	TAILQ_ENTRY(session) in_strangers;
	bool is_stranger;
	int64_t opened_ms;
	struct daemon *daemon;
	struct net_conn *conn;
	struct auth_reader *reader;
	struct request_list requests; /* that are not answered yet */
	size_t request_count;
};

/* The functions of struct net_handler. */
int session_open(void *daemon, struct net_conn *c, void **session);
size_t session_input(void *session, const uint8_t *data, size_t len);
void session_closed(void *session);

/* Drops strangers who say nothing. */
void session_expire(struct daemon *d);

/*
 * The answer to trouble of our own: no FAIL, which Postfix would turn into a
 * permanent error, but the end of the connection, which it tells its client as
 * a temporary one.
 */
void session_give_up(struct session *s);

#endif
