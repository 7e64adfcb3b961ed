/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The server's side of Dovecot's authentication protocol 1.2, as Postfix
 * speaks it: lines of fields that are separated by TAB. Octets in, requests
 * out; no socket, no clock.
 */
#ifndef PROTO_AUTH_H
#define PROTO_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum auth_event_kind {
	AUTH_EVENT_AUTH,   /* a new request */
	AUTH_EVENT_CONT,   /* the client's next answer to a challenge */
	AUTH_EVENT_CANCEL, /* the client gives the request up */
};

enum { AUTH_NAME_SIZE = 64 };

struct auth_event {
	enum auth_event_kind kind;
	uint32_t id;
	/* of AUTH_EVENT_AUTH; "" where it did not say */
	char mechanism[AUTH_NAME_SIZE];
	char rip[AUTH_NAME_SIZE]; /* as it came, that is foreign text */
	bool secured;
	/*
	 * What the client said, decoded; borrowed until the next
	 * auth_feed(). A client of Postfix can send anything there: what
	 * is no base64 is `garbled`, which is a failed login and no fault of
	 * the peer.
	 */
	bool has_response;
	bool garbled;
	const uint8_t *response;
	size_t response_len;
};

struct auth_reader;

int auth_reader_new(struct auth_reader **out, struct err *err) must_check;
void auth_reader_free(struct auth_reader **rp); /* wipes */

/*
 * Eats octets, *data and *len move along. 1 and *ev as soon as an event is
 * complete, 0 when all is eaten; -1 with ERR_PROTO when the peer broke the
 * rules (or ERR_TEMP), and from then on.
 */
int auth_feed(struct auth_reader *r, const uint8_t **data, size_t *len,
    struct auth_event *ev, struct err *err) must_check;

/* The peer has introduced itself: requests may come. */
bool auth_is_ready(const struct auth_reader *r);

/* ---- what the server says ---- */

struct auth_greeting {
	uint32_t pid;
	uint32_t connection; /* another one for each connection */
	uint8_t cookie[16];  /* random */
};

/*
 * They append whole lines; on failure the buffer may hold a part of one. A
 * value that holds a separator is refused with ERR_PROTO. The greeting is
 * auth_put_version(), a line for each mechanism, auth_put_ids().
 */
int auth_put_version(struct buf *out, struct err *err) must_check;
int auth_put_mechanism(struct buf *out, const char *name,
    const char *properties, struct err *err) must_check;
int auth_put_ids(struct buf *out, const struct auth_greeting *g,
    struct err *err) must_check;

int auth_put_cont(struct buf *out, uint32_t id, const void *data, size_t n,
    struct err *err) must_check;
int auth_put_ok(struct buf *out, uint32_t id, const char *user,
    struct err *err) must_check;
int auth_put_fail(struct buf *out, uint32_t id, struct err *err) must_check;

#endif
