/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the files of the IMAP session (imap_*.c) share: one client, one server,
 * one thread. A function's -1 is the end of the session; what fails in one
 * command alone is answered there.
 */
#ifndef BRIDGE_IMAP_SESSION_H
#define BRIDGE_IMAP_SESSION_H

#include "bridge.h"
#include "imap_kinds.h"
#include "imap_wire.h"
#include "message_cache.h"
#include "proto/imap_command.h"
#include "proto/imap_response.h"

/* What the answer OK to a forwarded command changes. */
enum imap_effect {
	EFFECT_NONE,
	EFFECT_SELECT,
	EFFECT_CLOSE,
	EFFECT_IDLE,
};

/* A command that went to the server under the client's own tag. */
struct imap_forwarded {
	char tag[IMAP_TAG_SIZE];
	enum imap_effect effect;
	char *mailbox; /* EFFECT_SELECT */
};

enum { IMAP_PIPELINE = 64 };

struct imap_session {
	struct bridge *bridge;
	const struct account *account;
	struct user *user;
	struct message_cache *messages;
	struct metacache *facts; /* NULL: it cannot be had */
	struct net_stream *client, *server;
	bool may_plain;
	unsigned refused_logins;

	struct imap_frame command, response;
	struct buf capabilities; /* of the server, as it said them */
	bool literal_plus;       /* of the server */
	struct imap_forwarded forwarded[IMAP_PIPELINE];
	size_t forwarded_count;
	size_t forwarded_octets; /* since the server owed no answer */
	bool idling;    /* the client has said IDLE and not DONE */
	bool continued; /* the server has sent "+" */
	bool ended;     /* BYE was said */
	bool torn;      /* the client has a response without its end */

	char *mailbox; /* that is selected; NULL = none */
	uint32_t uidvalidity, next_uidvalidity; /* 0 = not known */
	struct imap_kinds kinds;                /* of its messages */
	bool has_facts;                         /* of some of them */

	char own_tag[24]; /* random beginning of the bridge's own tags */
	unsigned own_count;
};

/* ---- imap_login.c ---- */

/* Up to the login: 1 when there is a user and a server, 0 the client left. */
int imap_log_in(struct imap_session *s, struct err *err) must_check;
/* Greeting's and CAPABILITY's list before login. */
const char *imap_first_capabilities(const struct imap_session *s);

bool imap_may_log_in(const struct imap_session *s);
/* Answers the command. 1 logged in, 0 not, -1. */
int imap_log_in_as(struct imap_session *s, const char *tag, const char *who,
    const char *password, size_t len, struct err *err) must_check;
int imap_do_authenticate(struct imap_session *s, const struct imap_command *c,
    struct err *err) must_check;

/* ---- imap_relay.c ---- */

/* A command of the bridge's own, while it runs. */
struct imap_own {
	char tag[32];
	/*
	 * Untagged data of the server: 1 it was dealt with, 0 it is to be
	 * relayed as usual, -1. NULL: all is relayed.
	 */
	int (*data)(void *ctx, const struct imap_response *r, struct err *err);
	void *ctx;
	/*
	 * Does this FETCH response, up to its first literal, go to the client
	 * as it comes? NULL: none does.
	 */
	bool (*streams)(void *ctx, const struct imap_response *r);
	/*
	 * Takes the large literal that comes next in this FETCH response into
	 * *to; "" stands in its place then, and `took` is set while the
	 * response is looked at. NULL: stays in the response.
	 */
	bool (*takes)(void *ctx, const struct imap_response *r,
	    uint64_t octets, struct sink *to);
	bool took;
	bool too_large;    /* a response had a literal over the limit */
	bool done, ok;
	struct buf result; /* "OK ..." as the server has ended it */
};

void imap_own_reset(struct imap_own *o);
/* A fresh tag; `o` is otherwise set by the caller. */
void imap_own_begin(struct imap_session *s, struct imap_own *o);

/*
 * Reads and relays one response. `own` may be NULL. -1: the connection is of no
 * use any more.
 */
int imap_relay(
    struct imap_session *s, struct imap_own *own, struct err *err) must_check;
/* Sends "TAG text" and relays until it is answered. */
int imap_run(struct imap_session *s, struct imap_own *own, const char *text,
    size_t n, struct err *err) must_check;
/* Until the server owes no answer to a forwarded command. */
int imap_drain(struct imap_session *s, struct err *err) must_check;

/* ---- imap_forward.c ---- */

/* A gathered command, literals within, as it is, under its own tag. */
int imap_forward(struct imap_session *s, const struct imap_command *c,
    enum imap_effect effect, struct err *err) must_check;
/*
 * Octets of a command with its literals (without tag and final CRLF), as the
 * server takes them. 1; 0 when the server has answered before the end: `own`
 * or the forwarded command `tag` is done.
 */
int imap_send_text(struct imap_session *s, const void *text, size_t n,
    struct imap_own *own, const char *tag, struct err *err) must_check;
/* Announces a literal of n octets and waits for leave; 1, or 0 as above. */
int imap_send_announcement(struct imap_session *s, uint64_t n,
    struct imap_own *own, const char *tag, struct err *err) must_check;

/* ---- imap_commands.c ---- */

/* Reads one command of the logged-in client and does it. 0: the client left. */
int imap_command_step(struct imap_session *s, struct err *err) must_check;
/* "TAG text", after all that was forwarded is answered. */
int imap_answer(struct imap_session *s, const char *tag, struct err *err,
    const char *fmt, ...) must_check printf_like(4, 5);
/* The same with what the server said to an own command, however long it is. */
int imap_answer_as(struct imap_session *s, const char *tag,
    const struct buf *result, struct err *err) must_check;

/* ---- the commands that are rewritten ---- */

int imap_do_fetch(struct imap_session *s, const struct imap_command *c,
    struct err *err) must_check;
int imap_do_search(struct imap_session *s, const struct imap_command *c,
    struct err *err) must_check;
/* The command is gathered up to the message's literal. */
int imap_do_append(struct imap_session *s, const struct imap_command *c,
    struct err *err) must_check;

#endif
