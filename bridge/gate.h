/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Against guessing of passwords: the answer to a failed login waits, longer
 * with each failure, by account and for all unknown addresses together. Only
 * failures wait; whoever is logged in, or has the right password, never does.
 * Of a fixed size, thread-safe.
 */
#ifndef BRIDGE_GATE_H
#define BRIDGE_GATE_H

#include "account.h"
#include "crypt/crypt.h"
#include "net/stream.h"

enum { GATE_DELAY_MAX_MS = 15000 };

struct gate;

/* crypt is borrowed. */
int gate_new(const struct crypt *crypt, struct gate **out, struct err *err)
    must_check;
void gate_free(struct gate **gp);

/*
 * Counts a failed login (NULL = no account has that address) and waits: a
 * quarter of a second, and twice as long for each further one, up to
 * GATE_DELAY_MAX_MS. One failure a minute is forgotten. A client that leaves
 * meanwhile keeps its place among the connections: a new one gains it no time.
 * Only net_stream_interrupt() ends the wait.
 */
void gate_failed(struct gate *g, const struct account *a,
    struct net_stream *client);

#endif
