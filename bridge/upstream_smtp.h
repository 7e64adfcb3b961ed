/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Commands and replies of SMTP (RFC 5321) on the way to the server. */
#ifndef BRIDGE_UPSTREAM_SMTP_H
#define BRIDGE_UPSTREAM_SMTP_H

#include "account.h"
#include "base/buf.h"
#include "net/stream.h"

enum { SMTP_REPLY_MAX = 64 << 10 };

/* All zero at first. text: all its lines as they came, each with CRLF. */
struct smtp_reply {
	unsigned code;
	struct buf text;
};

void smtp_reply_reset(struct smtp_reply *r);

/* Waits for a reply. ERR_TEMP, or ERR_PROTO when it is none. */
int smtp_read_reply(struct net_stream *s, struct smtp_reply *r,
    struct err *err) must_check;

/* Sends the line and CRLF, and waits. */
int smtp_command(struct net_stream *s, const void *line, size_t n,
    struct smtp_reply *r, struct err *err) must_check;

/*
 * The parameters of a keyword in the lines of EHLO (each ended by a line feed):
 * borrowed, *len octets; NULL when it is not there.
 */
const char *smtp_keyword(const char *ehlo, const char *keyword, size_t *len);

/* What the server announces behind TLS before a login. */
int upstream_smtp_keywords(const struct bridge_conf *conf,
    const struct account *a, struct buf *ehlo, struct err *err) must_check;

#endif
