/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The way to the server: connection, TLS, login. SCRAM-SHA-256 when the server
 * offers it (iterations, salt and server signature are checked, salt and count
 * pinned), else PLAIN, both over TLS only.
 */
#ifndef BRIDGE_UPSTREAM_H
#define BRIDGE_UPSTREAM_H

#include "bridge.h"
#include "net/stream.h"
#include "user.h"

enum login_result {
	LOGIN_OK,
	LOGIN_REFUSED, /* the server does not accept the password */
};

/*
 * Logged in to IMAP: *out is at the state "authenticated" (nothing unread),
 * `capabilities` gets what the server announced then, without the word
 * CAPABILITY. 0 and *result, -1 ERR_TEMP (cannot be reached, no answer) or
 * ERR_PERM (certificate, a server that cannot be trusted) with a sentence.
 */
int upstream_imap(struct bridge *b, const struct account *a,
    const struct credentials *c, enum login_result *result,
    struct net_stream **out, struct buf *capabilities, struct err *err)
    must_check;

/* The same for submission; `ehlo` gets the keyword lines after login. */
int upstream_smtp(struct bridge *b, const struct account *a,
    const struct credentials *c, enum login_result *result,
    struct net_stream **out, struct buf *ehlo, struct err *err) must_check;

/* For users_enter(): GETMETADATA on a logged-in IMAP stream (ctx). */
int upstream_fetch_vault(void *imap_stream, struct buf *armored,
    struct err *err) must_check;

#endif
