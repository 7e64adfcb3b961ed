/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost-saslauthd: start-up and end. */

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "net/program.h"
#include "saslauthd/request.h"

enum {
	TICK_MS = 1000,
	IDLE_TIMEOUT_S = 3600, /* Postfix keeps connections open */
	SEND_TIMEOUT_S = 10,
	STOP_TIMEOUT_S = 15, /* Postfix waits 10 */
	POOL_NICE = 5,
	MAX_INPUT = 64 << 10,
	MAX_OUTPUT = 256 << 10,
};

static void
setup(const struct conf *conf, struct net_setup *out)
{
	out->listen = conf->saslauthd.listen;
	out->socket_group = conf->saslauthd.socket_group;
	out->user = conf->saslauthd.user;
	out->limits = (struct net_limits){
		.max_connections = conf->saslauthd.max_connections,
		.max_input = MAX_INPUT,
		.max_output = MAX_OUTPUT,
		.idle_timeout_s = IDLE_TIMEOUT_S,
		.send_timeout_s = SEND_TIMEOUT_S,
		.stop_timeout_s = STOP_TIMEOUT_S,
	};
}

static void
on_tick(void *ctx)
{
	struct daemon *d = ctx;

	counts_flush(d->counts);
	request_expire(d);
	session_expire(d);
	net_timer_start(d->tick, TICK_MS);
}

static void
end(void *daemon)
{
	struct daemon *d = daemon;

	if (d->pool != NULL)
		net_pool_free(&d->pool);
	net_timer_free(&d->tick);
	counts_free(&d->counts);
	throttle_free(&d->throttle);
	cache_free(&d->cache);
	accounts_free(&d->accounts);
	crypt_close(&d->crypt);
	free(d);
}

static void
daemon_free(struct daemon **dp)
{
	struct daemon *d = steal(dp);

	if (d != NULL)
		end(d);
}

static unsigned
thread_count(const struct conf *conf)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (conf->saslauthd.threads > 0)
		return conf->saslauthd.threads;
	return cpus > 0 ? (unsigned)cpus : 1;
}

static int
open_parts(struct daemon *d, const struct conf *conf, struct err *err)
{
	if (crypt_open(&d->crypt, err) < 0 ||
	    accounts_new(d->crypt, conf->accounts.secrets, &d->accounts, err) <
	        0 ||
	    cache_new(d->crypt, &d->cache, err) < 0 ||
	    throttle_new(d->crypt, &d->throttle, err) < 0 ||
	    counts_new(conf->stats.database, &d->counts, err) < 0 ||
	    net_timer_new(d->server, on_tick, d, &d->tick, err) < 0)
		return -1;
	return net_pool_new(d->server, thread_count(conf), POOL_NICE,
	    conf->saslauthd.queue, &d->pool, err);
}

/* Said at once; logins are answered with "try again" until it is mended. */
static void
try_database(struct daemon *d)
{
	struct login l;
	struct err err = { 0 };

	if (accounts_find(d->accounts, "nobody", 1, clock_ms(), &l, &err) < 0)
		log_err("%s", err.text);
}

/* The kernel forgets about core dumps when a process changes its user. */
static int
protect_memory(struct err *err)
{
	if (process_no_core_dumps(err) < 0)
		return -1;
	if (!process_lock_memory())
		log_info("memory is not locked: its limit (LimitMEMLOCK) is "
			 "not infinity");
	return 0;
}

static int
start(const struct conf *conf, struct net_server *server, void **daemon,
    struct err *err)
{
	cleanup(daemon_free) struct daemon *d = calloc(1, sizeof *d);

	if (d == NULL)
		return err_nomem(err);
	d->conf = conf;
	d->server = server;
	TAILQ_INIT(&d->requests);
	TAILQ_INIT(&d->strangers);
	if (protect_memory(err) < 0 || open_parts(d, conf, err) < 0)
		return -1;
	try_database(d);
	net_timer_start(d->tick, TICK_MS);
	*daemon = steal(&d);
	return 0;
}

static void
reload(void *daemon, const struct conf *conf)
{
	struct daemon *d = daemon;

	d->conf = conf;
}

static const struct net_program program = {
	.name = "saslauthd",
	.summary = "Checks the passwords of those who hand in mail, for "
		   "Postfix.",
	.handler = {
		.open = session_open,
		.input = session_input,
		.closed = session_closed,
	},
	.setup = setup,
	.start = start,
	.reload = reload,
	.end = end,
};

int
main(int argc, char **argv)
{
	process_allow_locked_memory();
	return net_program_main(&program, argc, argv);
}
