/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the files of the SMTP session share. */
#ifndef BRIDGE_SMTP_SESSION_H
#define BRIDGE_SMTP_SESSION_H

#include "bridge.h"
#include "upstream_smtp.h"

enum { SMTP_LINE_MAX = 16 << 10, RECIPIENTS_MAX = 256 << 10 };

struct smtp_session {
	struct bridge *bridge;
	struct net_stream *client;
	bool may_plain; /* AUTH without TLS */
	bool greeted;   /* EHLO or HELO was said */
	bool over;      /* nothing more is read */
	/* behind AUTH */
	const struct account *account; /* NULL: not logged in */
	struct credentials *credentials;
	struct user *user;
	struct net_stream *server; /* NULL: to be connected again */
	struct buf ehlo;           /* what it announced, filtered */
	unsigned failed_logins;
	/* the transaction */
	bool in_mail;
	size_t recipient_count;
	struct buf recipients; /* addresses the server took, one a line */
	struct smtp_reply reply; /* the server's last */
};

/*
 * All of these return 0 when the session goes on, -1 when the client or memory
 * is gone: the session is over without another word.
 */
int smtp_say(struct smtp_session *s, const char *text) must_check;
/* The server's reply as it came. */
int smtp_pass_reply(struct smtp_session *s) must_check;
/* The server is gone: the connection and its transaction are forgotten. */
void smtp_drop_server(struct smtp_session *s);

/* The next line of the client, without CRLF: 1, 0 it was malformed, -1. */
int smtp_client_line(struct smtp_session *s, struct buf *line, bool *again,
    struct err *err) must_check;

/* AUTH and what follows it; `argument` behind the verb, wiped by the caller. */
int smtp_auth(struct smtp_session *s, const char *argument) must_check;
/* Logs in at the server again after it was dropped. 1, 0 answered with 4xx. */
int smtp_connect(struct smtp_session *s) must_check;

/* DATA. */
int smtp_letter(struct smtp_session *s) must_check;

#endif
