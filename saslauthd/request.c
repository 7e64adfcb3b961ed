/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/request.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "saslauthd/answer.h"
#include "saslauthd/check.h"

enum {
	EXCHANGE_TIMEOUT_MS = 310 * 1000, /* Postfix gives its client 300 s */
	OUT_LIMIT = 32 << 10,
};

/* ---- beginning and end ---- */

static void
request_free(struct request *r)
{
	struct session *s = r->session;

	TAILQ_REMOVE(&s->requests, r, in_session);
	TAILQ_REMOVE(&s->daemon->requests, r, in_daemon);
	s->request_count--;
	net_timer_free(&r->delay);
	sasl_free(&r->sasl);
	explicit_bzero(r, sizeof *r);
	free(r);
	net_conn_release(s->conn);
}

static struct request *
request_new(struct session *s, const struct auth_event *ev, struct err *err)
{
	const struct sasl_mechanism *m = sasl_find(ev->mechanism);
	struct request *r = calloc(1, sizeof *r);

	if (r == NULL) {
		(void)err_nomem(err);
		return NULL;
	}
	r->session = s;
	r->id = ev->id;
	r->mechanism = m == NULL ? "other" : sasl_name(m);
	(void)snprintf(r->rip, sizeof r->rip, "%s",
	    throttle_client_of(ev->rip).len > 0 ? ev->rip : "unknown");
	r->active_ms = clock_ms();
	TAILQ_INSERT_TAIL(&s->requests, r, in_session);
	TAILQ_INSERT_TAIL(&s->daemon->requests, r, in_daemon);
	s->request_count++;
	net_conn_hold(s->conn);
	return r;
}

void
request_cancel(struct request *r)
{
	r->cancelled = true;
	if (r->state != REQUEST_CHECKING) /* else when the thread is done */
		request_free(r);
}

/* Who it is, as far as it is known. */
static const char *
user_of(const struct request *r)
{
	if (r->login.address[0] != '\0')
		return r->login.address;
	return r->sasl == NULL ? "" : sasl_user(r->sasl);
}

/* Trouble of our own: the client may try again later. */
static void
give_up(struct request *r, const struct err *err)
{
	struct session *s = r->session;

	answer_log_trouble(user_of(r), r->rip, r->mechanism, err->text);
	r->cancelled = true;
	r->state = REQUEST_WAITING;
	session_give_up(s); /* frees r, with all others that can be */
}

/* ---- the answer ---- */

static void
send_answer(struct request *r)
{
	cleanup(buf_reset) struct buf out = { .limit = OUT_LIMIT };
	struct err err = { 0 };
	int rc = r->refusal == REFUSAL_NONE
	    ? auth_put_ok(&out, r->id, r->login.address, &err)
	    : auth_put_fail(&out, r->id, &err);

	if (rc < 0) {
		give_up(r, &err);
		return;
	}
	net_conn_send(r->session->conn, out.data, out.len);
	request_free(r);
}

static void
on_delay(void *ctx)
{
	send_answer(ctx);
}

static void
send_answer_later(struct request *r, int64_t delay_ms)
{
	int64_t left = r->active_ms + delay_ms - clock_ms();
	struct err err = { 0 };

	if (left <= 0) {
		send_answer(r);
		return;
	}
	if (net_timer_new(r->session->daemon->server, on_delay, r, &r->delay,
	        &err) < 0) {
		give_up(r, &err);
		return;
	}
	r->state = REQUEST_DELAYED;
	net_timer_start(r->delay, (uint64_t)left);
}

static void
succeed(struct request *r)
{
	answer_log_ok(r->login.address, r->rip, r->mechanism);
	counts_add(r->session->daemon->counts, r->login.address, r->mechanism,
	    true);
	send_answer(r);
}

/* The one end of every attempt that was decided. */
static void
finish(struct request *r, enum refusal refusal)
{
	struct daemon *d = r->session->daemon;
	const struct throttle_client client = throttle_client_of(r->rip);
	int64_t delay_ms = 0;
	struct err err = { 0 };

	r->refusal = refusal;
	if (refusal == REFUSAL_NONE) {
		succeed(r);
		return;
	}
	answer_log_failed(user_of(r), r->rip, r->mechanism,
	    refusal_text(refusal));
	counts_add(d->counts, r->login.known ? r->login.address : "",
	    r->mechanism, false);
	if (throttle_failed(d->throttle, user_of(r), &client, clock_ms(),
	        (int64_t)d->conf->saslauthd.max_delay * 1000, &delay_ms,
	        &err) < 0) {
		give_up(r, &err);
		return;
	}
	send_answer_later(r, delay_ms);
}

/* ---- passwords ---- */

/* What is proven counts only where nothing else stands against it. */
static enum refusal
refusal_of(const struct request *r, bool right)
{
	if (r->refusal != REFUSAL_NONE)
		return r->refusal;
	return right ? REFUSAL_NONE : REFUSAL_PASSWORD;
}

static struct cache_key
cache_key_of(const struct request *r)
{
	struct cache_key key = { .user = r->login.address,
		.verifier = r->login.row.verifier };

	key.password = sasl_password(r->sasl, &key.password_len);
	return key;
}

static void
on_checked(void *ctx)
{
	struct request *r = ctx;
	struct daemon *d = r->session->daemon;
	const struct cache_key key = cache_key_of(r);
	struct err err = r->check_err;

	r->state = REQUEST_WAITING;
	if (r->right < 0) {
		give_up(r, &err);
		return;
	}
	if (r->right == 1 && r->refusal == REFUSAL_NONE &&
	    cache_put(d->cache, &key, clock_ms(), &err) < 0) {
		give_up(r, &err);
		return;
	}
	if (r->cancelled)
		request_free(r);
	else
		finish(r, refusal_of(r, r->right == 1));
}

static const struct net_job check_job = { .run = check_run,
	.done = on_checked };

static void
check_password(struct request *r)
{
	struct daemon *d = r->session->daemon;
	const struct cache_key key = cache_key_of(r);
	struct err err = { 0 };
	int cached = r->refusal != REFUSAL_NONE
	    ? 0
	    : cache_find(d->cache, &key, clock_ms(), &err);

	if (cached == 1) {
		finish(r, REFUSAL_NONE);
		return;
	}
	r->iterations_usual = d->conf->accounts.iterations;
	if (cached == 0 && net_pool_submit(d->pool, &check_job, r, &err) == 0)
		r->state = REQUEST_CHECKING;
	else
		give_up(r, &err);
}

/* ---- the exchange ---- */

static int
look_up(struct request *r, struct login *out, struct err *err)
{
	struct daemon *d = r->session->daemon;

	return accounts_find(d->accounts, sasl_user(r->sasl),
	    d->conf->accounts.iterations, clock_ms(), out, err);
}

static int
send_challenge(struct request *r, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = OUT_LIMIT };
	size_t len = 0;
	const uint8_t *challenge = sasl_challenge(r->sasl, &len);

	if (auth_put_cont(&out, r->id, challenge, len, err) < 0)
		return -1;
	r->state = REQUEST_WAITING;
	net_conn_send(r->session->conn, out.data, out.len);
	return 0;
}

/* The verifier of whoever it is goes into the exchange. */
static int
give_verifier(struct request *r, enum sasl_step *next, struct err *err)
{
	if (look_up(r, &r->login, err) < 0)
		return -1;
	r->refusal = decision_of_login(&r->login, r->mechanism);
	return sasl_give_verifier(r->sasl, &r->login.verifier,
	    r->refusal == REFUSAL_NONE, next, err);
}

/* The exchange took its time: is the account still what it was? */
static int
confirm(struct request *r, struct err *err)
{
	struct login now = { .known = false };

	if (look_up(r, &now, err) < 0)
		return -1;

	enum refusal refusal = decision_of_login(&now, r->mechanism);

	if (refusal == REFUSAL_NONE &&
	    strcmp(now.row.verifier, r->login.row.verifier) != 0)
		refusal = REFUSAL_PASSWORD;
	explicit_bzero(&now, sizeof now);
	finish(r, refusal);
	return 0;
}

static int
begin_check(struct request *r, struct err *err)
{
	if (look_up(r, &r->login, err) < 0)
		return -1;
	r->refusal = decision_of_login(&r->login, r->mechanism);
	check_password(r);
	return 0;
}

static int
take_step(struct request *r, enum sasl_step step, struct err *err)
{
	if (step == SASL_VERIFIER && give_verifier(r, &step, err) < 0)
		return -1;
	switch (step) {
	case SASL_CHALLENGE:
		return send_challenge(r, err);
	case SASL_PASSWORD:
		return begin_check(r, err);
	case SASL_ACCEPTED:
		return confirm(r, err);
	case SASL_REFUSED:
		finish(r, refusal_of(r, false));
		return 0;
	case SASL_VERIFIER:
	case SASL_MALFORMED:
		break;
	}
	finish(r, REFUSAL_MALFORMED);
	return 0;
}

/* Every way into the exchange ends here; rc < 0 is trouble, which it has. */
static int
advance(struct request *r, int rc, enum sasl_step step, struct err *trouble)
{
	if (rc == 0)
		rc = take_step(r, step, trouble);
	if (rc < 0)
		give_up(r, trouble);
	return 0;
}

static enum refusal
judge_exchange(const struct request *r, const struct auth_event *ev,
    const struct sasl_mechanism *m)
{
	const struct conf *conf = r->session->daemon->conf;
	const struct decision_exchange e = {
		.mechanism = ev->mechanism,
		.offered = conf->saslauthd.mechanisms,
		.plaintext = m != NULL && sasl_is_plaintext(m),
		.secured = ev->secured,
		.allow_insecure = conf->saslauthd.allow_insecure,
	};

	if (m == NULL)
		return REFUSAL_MECHANISM;
	return ev->garbled ? REFUSAL_MALFORMED : decision_of_exchange(&e);
}

static int
make_sasl(struct request *r, const struct sasl_mechanism *m, struct err *err)
{
	const struct crypt *crypt = r->session->daemon->crypt;
	uint8_t octets[SASL_NONCE_OCTETS];
	char nonce[SASL_NONCE_OCTETS / 3 * 4 + 1] = "";

	if (crypt_random(crypt, octets, sizeof octets, err) < 0)
		return -1;
	(void)base64_encode(octets, sizeof octets, nonce);
	return sasl_new(crypt, m, nonce, &r->sasl, err);
}

int
request_start(struct session *s, const struct auth_event *ev,
    struct err *err)
{
	const struct sasl_mechanism *m = sasl_find(ev->mechanism);
	enum sasl_step step = SASL_MALFORMED;
	struct err trouble = { 0 };
	struct request *r = request_new(s, ev, err);

	if (r == NULL)
		return -1;

	enum refusal refusal = judge_exchange(r, ev, m);

	if (refusal != REFUSAL_NONE) {
		finish(r, refusal);
		return 0;
	}

	int rc = make_sasl(r, m, &trouble);

	/* Exim says resp= where its client said nothing: none of ours is empty */
	if (rc == 0)
		rc = ev->response_len > 0 ? sasl_answer(r->sasl, ev->response,
		                            ev->response_len, &step, &trouble)
		                      : sasl_begin(r->sasl, &step, &trouble);
	return advance(r, rc, step, &trouble);
}

int
request_continue(struct request *r, const struct auth_event *ev,
    struct err *err)
{
	enum sasl_step step = SASL_MALFORMED;
	struct err trouble = { 0 };

	if (r->state != REQUEST_WAITING)
		return err_set(err, ERR_PROTO,
		    "an answer where no challenge was");
	r->active_ms = clock_ms();

	int rc = ev->garbled ? 0
	                     : sasl_answer(r->sasl, ev->response,
	                           ev->response_len, &step, &trouble);

	return advance(r, rc, step, &trouble);
}

/* One that waits in vain; NULL when there is none. */
static struct request *
find_expired(const struct daemon *d, int64_t limit)
{
	struct request *r;

	TAILQ_FOREACH(r, &d->requests, in_daemon)
		if (r->state == REQUEST_WAITING &&
		    (net_conn_has_ended(r->session->conn) ||
		        r->active_ms < limit))
			return r;
	return NULL;
}

void
request_expire(struct daemon *d)
{
	int64_t limit = clock_ms() - EXCHANGE_TIMEOUT_MS;
	struct request *r;

	/* to end one may end others of its session: look anew each time */
	while ((r = find_expired(d, limit)) != NULL)
		if (net_conn_has_ended(r->session->conn))
			request_cancel(r);
		else
			finish(r, REFUSAL_TIMEOUT);
}
