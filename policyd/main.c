/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost-policyd: counts what authenticated users send, commits, and lets
 * every message pass.
 */

#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/program.h"
#include "policyd/session.h"

enum {
	SECONDS_A_DAY = 86400,
	MS_A_DAY = SECONDS_A_DAY * 1000,
	EXPIRE_STEP_MS = 20, /* between two hours that are deleted */
	MAX_OUTPUT = 1 << 20,
	SEND_TIMEOUT_S = 30,
	STOP_TIMEOUT_S = 10,
};

struct policyd {
	struct desk desk; /* first: what the sessions get */
	struct net_server *server;
	struct net_timer *retry, *expiry;
	int64_t retention_s;
};

/* Whether it could be written or not: Postfix gets its answer now. */
static void
on_turn(void *arg)
{
	struct policyd *p = arg;

	if (!ledger_write(p->desk.ledger, clock_ms()))
		net_timer_start(p->retry, LEDGER_RETRY_MS);
	session_answer_all(&p->desk);
}

static void
on_retry(void *arg)
{
	struct policyd *p = arg;

	net_server_want_turn(p->server);
}

/* One hour at a time, so that nobody waits for a large deletion. */
static void
on_expiry(void *arg)
{
	struct policyd *p = arg;
	bool more = ledger_expire(p->desk.ledger, time(NULL) - p->retention_s);

	net_timer_start(p->expiry, more ? EXPIRE_STEP_MS : MS_A_DAY);
}

/* ---- the program ---- */

static void
set_up(const struct conf *conf, struct net_setup *out)
{
	*out = (struct net_setup) {
		.listen = conf->policyd.listen,
		.socket_group = conf->policyd.socket_group,
		.user = conf->policyd.user,
		.limits = {
			.max_connections = conf->policyd.max_connections,
			.max_input = LIMIT_POLICY_REQUEST,
			.max_output = MAX_OUTPUT,
			.idle_timeout_s = conf->policyd.idle_timeout,
			.send_timeout_s = SEND_TIMEOUT_S,
			.stop_timeout_s = STOP_TIMEOUT_S,
		},
	};
}

static void
reload(void *arg, const struct conf *conf)
{
	struct policyd *p = arg;

	ledger_set_path(p->desk.ledger, conf->stats.database);
	ledger_set_max(p->desk.ledger, conf->policyd.max_unwritten);
	p->retention_s = (int64_t)conf->stats.retention_days * SECONDS_A_DAY;
	net_timer_start(p->expiry, EXPIRE_STEP_MS);
}

static void
end(void *arg)
{
	struct policyd *p = arg;

	/* the last try, even if the next one would not be due yet */
	if (p->desk.ledger != NULL &&
	    !ledger_write(p->desk.ledger, clock_ms() + LEDGER_RETRY_MS))
		log_warning("stopped with counters unwritten: %zu",
		    ledger_unwritten(p->desk.ledger));
	ledger_free(&p->desk.ledger);
	seen_free(&p->desk.seen);
	net_timer_free(&p->retry);
	net_timer_free(&p->expiry);
	free(p);
}

static void
free_policyd(struct policyd **pp)
{
	struct policyd *p = steal(pp);

	if (p != NULL)
		end(p);
}

static int
start(
    const struct conf *conf, struct net_server *s, void **out, struct err *err)
{
	cleanup(free_policyd) struct policyd *p = calloc(1, sizeof *p);

	if (p == NULL)
		return err_nomem(err);
	p->server = s;
	TAILQ_INIT(&p->desk.owed);
	if (ledger_new(conf->stats.database, conf->policyd.max_unwritten,
		&p->desk.ledger, err) < 0 ||
	    seen_new(&p->desk.seen, err) < 0 ||
	    net_timer_new(s, on_retry, p, &p->retry, err) < 0 ||
	    net_timer_new(s, on_expiry, p, &p->expiry, err) < 0)
		return -1;
	reload(p, conf);
	*out = steal(&p);
	return 0;
}

static const struct net_program program = {
	.name = "policyd",
	.summary = "Counts what authenticated users send through Postfix; "
		   "never holds up mail.",
	.handler = {
		.open = session_open,
		.input = session_input,
		.closed = session_closed,
		.turn = on_turn,
	},
	.setup = set_up,
	.start = start,
	.reload = reload,
	.end = end,
};

int
main(int argc, char **argv)
{
	return net_program_main(&program, argc, argv);
}
