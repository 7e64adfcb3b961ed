/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The running bridge: what all of its sessions share. One thread a client
 * connection; each session function below runs in that thread, from greeting to
 * end, and closes nothing but what it opened itself.
 */
#ifndef BRIDGE_BRIDGE_H
#define BRIDGE_BRIDGE_H

#include "account.h"
#include "crypt/crypt.h"
#include "net/stream.h"
#include "user.h"

struct bridge_listeners; /* listen.h */
struct gate;          /* gate.h */
struct sent;          /* sent.h */
struct smtp_features; /* smtp_features.h */

struct bridge {
	const struct bridge_conf *conf;
	const struct crypt *crypt;
	const struct net_tls *tls; /* the listeners' certificate; NULL = none */
	const struct net_tls *outer_tls; /* beyond loopback; NULL = tls */
	struct users *users;
	struct gate *gate;
	struct sent *sent;
	struct smtp_features *features;
	struct bridge_listeners *listeners; /* NULL before they are open */
};

/* `client` stays the caller's. may_plain: AUTH is allowed without TLS. */
void imap_session_run(struct bridge *b, struct net_stream *client,
    bool may_plain);
void smtp_session_run(struct bridge *b, struct net_stream *client,
    bool may_plain);

#endif
