/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "proto/sasl.h"
#include "saslauthd/decision.h"
#include "saslauthd/request.h"

enum { OUT_LIMIT = 64 << 10, NAME_SIZE = 32 };
enum { STRANGER_TIMEOUT_MS = 10 * 1000 };

/* ---- the greeting ---- */

/* A MECH line for each mechanism that is configured. */
static int
put_mechanisms(struct buf *out, const char *list, struct err *err)
{
	size_t len;

	for (const char *p = list + strspn(list, " \t"); *p != '\0';
	     p += len, p += strspn(p, " \t")) {
		char name[NAME_SIZE];

		len = strcspn(p, " \t");
		(void)snprintf(name, sizeof name, "%.*s", (int)len, p);

		const struct sasl_mechanism *m = sasl_find(name);

		if (m != NULL && auth_put_mechanism(out, sasl_name(m),
		                     sasl_properties(m), err) < 0)
			return -1;
	}
	return 0;
}

static int
put_greeting(const struct session *s, struct buf *out, struct err *err)
{
	struct auth_greeting g = {
		.pid = (uint32_t)getpid(),
		.connection = (uint32_t)net_conn_id(s->conn),
	};

	if (crypt_random(s->daemon->crypt, g.cookie, sizeof g.cookie, err) <
	        0 ||
	    auth_put_version(out, err) < 0 ||
	    put_mechanisms(out, s->daemon->conf->saslauthd.mechanisms, err) <
	        0)
		return -1;
	return auth_put_ids(out, &g, err);
}

/* ---- input ---- */

static struct request *
find_request(struct session *s, uint32_t id)
{
	struct request *r;

	TAILQ_FOREACH(r, &s->requests, in_session)
		if (r->id == id)
			return r;
	return NULL;
}

static int
on_auth(struct session *s, const struct auth_event *ev, struct err *err)
{
	if (find_request(s, ev->id) != NULL)
		return err_set(err, ERR_PROTO, "request %u is there already",
		    ev->id);
	if (s->request_count >= LIMIT_AUTH_PENDING)
		return err_set(err, ERR_PROTO, "more than %d requests",
		    LIMIT_AUTH_PENDING);
	return request_start(s, ev, err);
}

/* An answer to a challenge that we have given up, as after a timeout. */
static int
answer_unknown(struct session *s, uint32_t id, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = OUT_LIMIT };

	if (auth_put_fail(&out, id, err) < 0)
		return -1;
	net_conn_send(s->conn, out.data, out.len);
	return 0;
}

static int
on_cont(struct session *s, const struct auth_event *ev, struct err *err)
{
	struct request *r = find_request(s, ev->id);

	if (r == NULL)
		return answer_unknown(s, ev->id, err);
	return request_continue(r, ev, err);
}

static int
on_cancel(struct session *s, const struct auth_event *ev, struct err *err)
{
	struct request *r = find_request(s, ev->id);

	(void)err;
	if (r != NULL)
		request_cancel(r);
	return 0;
}

static int
dispatch(struct session *s, const struct auth_event *ev, struct err *err)
{
	switch (ev->kind) {
	case AUTH_EVENT_AUTH:
		return on_auth(s, ev, err);
	case AUTH_EVENT_CONT:
		return on_cont(s, ev, err);
	case AUTH_EVENT_CANCEL:
		break;
	}
	return on_cancel(s, ev, err);
}

/* Requests that still wait for the client wait in vain. */
static void
cancel_all(struct session *s)
{
	struct request *r, *next;

	for (r = TAILQ_FIRST(&s->requests); r != NULL; r = next) {
		next = TAILQ_NEXT(r, in_session);
		request_cancel(r);
	}
}

static void
be_introduced(struct session *s)
{
	if (!s->is_stranger)
		return;
	s->is_stranger = false;
	TAILQ_REMOVE(&s->daemon->strangers, s, in_strangers);
	net_conn_release(s->conn);
}

void
session_expire(struct daemon *d)
{
	int64_t limit = clock_ms() - STRANGER_TIMEOUT_MS;
	struct session *s, *next;

	for (s = TAILQ_FIRST(&d->strangers); s != NULL; s = next) {
		next = TAILQ_NEXT(s, in_strangers);
		if (s->opened_ms < limit || net_conn_has_ended(s->conn))
			session_give_up(s);
	}
}

void
session_give_up(struct session *s)
{
	net_conn_drop(s->conn);
	be_introduced(s);
	cancel_all(s);
}

size_t
session_input(void *session, const uint8_t *data, size_t len)
{
	struct session *s = session;
	struct err err = { 0 };
	const uint8_t *at = data;
	size_t left = len;
	int rc = 1;

	while (rc > 0 && !net_conn_is_over(s->conn)) {
		struct auth_event ev;

		rc = auth_feed(s->reader, &at, &left, &ev, &err);
		if (rc > 0 && dispatch(s, &ev, &err) < 0)
			rc = -1;
	}
	if (rc < 0 && !net_conn_is_over(s->conn)) {
		log_warning("%s: dropped: %s", net_conn_peer(s->conn),
		    err.text);
		session_give_up(s);
	}
	if (auth_is_ready(s->reader))
		be_introduced(s);
	return len;
}

/* ---- beginning and end ---- */

static void
session_free(struct session **sp)
{
	struct session *s = steal(sp);

	if (s == NULL)
		return;
	cancel_all(s);
	auth_reader_free(&s->reader);
	free(s);
}

int
session_open(void *daemon, struct net_conn *c, void **session)
{
	cleanup(session_free) struct session *s = calloc(1, sizeof *s);
	cleanup(buf_reset) struct buf out = { .limit = OUT_LIMIT };
	struct err err = { 0 };

	if (s == NULL)
		return -1;
	s->daemon = daemon;
	s->conn = c;
	TAILQ_INIT(&s->requests);
	if (auth_reader_new(&s->reader, &err) < 0 ||
	    put_greeting(s, &out, &err) < 0) {
		log_warning("%s: refused: %s", net_conn_peer(c), err.text);
		return -1;
	}
	net_conn_send(c, out.data, out.len);
	net_conn_hold(c);
	s->is_stranger = true;
	s->opened_ms = clock_ms();
	TAILQ_INSERT_TAIL(&s->daemon->strangers, s, in_strangers);
	*session = steal(&s);
	return 0;
}

void
session_closed(void *session)
{
	struct session *s = session;

	session_free(&s);
}
