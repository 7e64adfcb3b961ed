/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost-bridge run: start-up, the listeners, the end. */

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/process.h"
#include "ca.h"
#include "cmd.h"
#include "gate.h"
#include "listen.h"
#include "sent.h"
#include "smtp_features.h"
#include "state.h"

static const char usage[] =
    "usage: sealpost-bridge run [-d] [-n]\n"
    "\n"
    "Serves mail clients until SIGTERM or SIGINT.\n"
    "\n"
    "  -d  log to standard error\n"
    "  -n  check the configuration and exit\n";

struct running {
	const char *conf_file;
	bool to_stderr, check_only, help;
	struct bridge_conf *conf;
	struct crypt *crypt;
	struct users *users;
	struct gate *gate;
	struct smtp_features *features;
	struct sent *sent;
	struct net_tls *tls, *outer_tls;
	struct bridge_listeners *listeners;
	struct bridge bridge;
};

static void
running_end(struct running *r)
{
	bridge_listeners_free(&r->listeners);
	sent_free(&r->sent);
	smtp_features_free(&r->features);
	net_tls_free(&r->tls);
	net_tls_free(&r->outer_tls);
	gate_free(&r->gate);
	users_free(&r->users);
	crypt_close(&r->crypt);
	bridge_conf_free(&r->conf);
}

static bool
read_options(struct running *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:dhn", names, NULL)) != -1) {
		if (c == 'c')
			r->conf_file = optarg;
		else if (c == 'd')
			r->to_stderr = true;
		else if (c == 'n')
			r->check_only = true;
		else if (c == 'h')
			r->help = true;
		else
			return false;
	}
	return optind == argc;
}

static int
open_parts(struct running *r, struct err *err)
{
	if (state_directory_make(r->conf->state_directory, err) < 0 ||
	    ca_listener_tls(r->conf->state_directory, (int64_t)time(NULL),
		&r->tls, err) < 0 ||
	    crypt_open(&r->crypt, err) < 0 ||
	    users_new(r->crypt, &r->users, err) < 0 ||
	    gate_new(r->crypt, &r->gate, err) < 0 ||
	    smtp_features_new(r->conf, &r->features, err) < 0)
		return -1;
	users_limit(r->users, r->conf->max_message);
	r->bridge = (struct bridge){
		.conf = r->conf,
		.crypt = r->crypt,
		.tls = r->tls,
		.outer_tls = r->outer_tls,
		.users = r->users,
		.gate = r->gate,
		.features = r->features,
	};
	if (sent_new(&r->bridge, &r->sent, err) < 0)
		return -1;
	r->bridge.sent = r->sent;
	return 0;
}

static int
open_listeners(struct running *r, struct err *err)
{
	static const char imap_busy[] =
	    "* BYE [UNAVAILABLE] there are too many connections\r\n";
	static const char smtp_busy[] =
	    "421 4.3.2 there are too many connections\r\n";
	const struct bridge_conf *c = r->conf;
	const struct bridge_service services[] = {
		{ "imap", c->imap_listen, false, imap_busy,
		    imap_session_run },
		{ "imaps", c->imaps_listen, true, imap_busy,
		    imap_session_run },
		{ "smtp", c->smtp_listen, false, smtp_busy,
		    smtp_session_run },
		{ "smtps", c->smtps_listen, true, smtp_busy,
		    smtp_session_run },
	};

	return bridge_listeners_open(&r->bridge, services, countof(services),
	    &r->listeners, err);
}

static int
protect(struct err *err)
{
	if (process_no_core_dumps(err) < 0)
		return -1;
	process_give_back_memory();
	if (!process_lock_memory())
		log_info("memory is not locked as a whole: its limit "
			 "(LimitMEMLOCK) is not infinity");
	(void)umask(0077);
	return 0;
}

static int
serve(struct running *r, struct err *err)
{
	sigset_t until;

	(void)sigemptyset(&until);
	(void)sigaddset(&until, SIGTERM);
	(void)sigaddset(&until, SIGINT);
	if (pthread_sigmask(SIG_BLOCK, &until, NULL) != 0)
		return err_set(err, ERR_TEMP, "signals cannot be blocked");
	if (protect(err) < 0 || open_parts(r, err) < 0 ||
	    open_listeners(r, err) < 0)
		return -1;

	int rc = bridge_listeners_run(r->listeners, &until, err);

	if (rc < 0)
		return -1;

	bool ended = sent_stop(r->sent);

	log_info("stopped");
	if (rc == 1 || !ended)
		_exit(EXIT_DONE); /* whoever hangs owns things still */
	return 0;
}

int
cmd_run(const char *conf_file, int argc, char **argv)
{
	cleanup(running_end) struct running r = { .conf_file = conf_file };
	struct err err = { 0 };

	if (!read_options(&r, argc, argv))
		return cmd_wrong_usage(argv[0]);
	if (r.help)
		return fputs(usage, stdout) == EOF ? EXIT_FAILED : EXIT_DONE;
	log_open("bridge", r.to_stderr || r.check_only);
	if (bridge_conf_load(r.conf_file, &r.conf, &err) < 0 ||
	    ca_outer_tls(r.conf, &r.outer_tls, &err) < 0)
		return cmd_fail(&err);
	if (r.check_only)
		return EXIT_DONE;
	return serve(&r, &err) < 0 ? cmd_fail(&err) : EXIT_DONE;
}
