/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/program.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/process.h"
#include "base/service.h"
#include "net/private.h"

enum { EXIT_USAGE = 2, EXIT_TRY_AGAIN = 75, SPARE_FILES = 64 };

struct running {
	const struct net_program *program;
	const char *conf_file;
	bool in_front, check_only;
	struct conf *conf;
	struct net_listeners *listeners;
	struct net_handler handler;
	struct net_server *server;
	void *daemon;
};

static void
print_usage(const struct net_program *p)
{
	printf("usage: sealpost-%s [-c FILE] [-d] [-n]\n\n%s\n\n"
	       "  -c FILE  the configuration (default " CONF_DEFAULT_FILE ")\n"
	       "  -d       stay in front and log to standard error\n"
	       "  -n       check the configuration and exit\n"
	       "  -h       this text\n\n"
	       "SIGHUP reads the configuration again; SIGTERM answers what was "
	       "received\nand exits. See sealpost-%s(8).\n",
	    p->name, p->summary, p->name);
}

/* 0 go on, 1 help was given, -1 wrong usage. */
static int
read_options(struct running *r, int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:dnh", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			r->conf_file = optarg;
			break;
		case 'd':
			r->in_front = true;
			break;
		case 'n':
			r->check_only = true;
			break;
		case 'h':
			print_usage(r->program);
			return 1;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

static int
load(const struct running *r, struct conf **out, struct err *err)
{
	const char *path =
	    r->conf_file != NULL ? r->conf_file : CONF_DEFAULT_FILE;

	return conf_load(path, r->conf_file == NULL, out, err);
}

static struct net_setup
setup_of(const struct running *r, const struct conf *conf)
{
	struct net_setup setup = { 0 };

	r->program->setup(conf, &setup);
	return setup;
}

/* ---- reload ---- */

static int
apply(struct running *r, struct err *err)
{
	cleanup(conf_free) struct conf *conf = NULL;

	if (load(r, &conf, err) < 0)
		return -1;

	const struct net_setup setup = setup_of(r, conf);
	struct conf *old = r->conf;

	net_server_set_limits(r->server, &setup.limits);
	if (r->program->reload != NULL)
		r->program->reload(r->daemon, conf);
	r->conf = conf;
	conf = old;
	return 0;
}

/* ---- the loop's handler: the program's, and the reload ---- */

static int
on_open(void *arg, struct net_conn *c, void **session)
{
	struct running *r = arg;

	return r->program->handler.open(r->daemon, c, session);
}

static void
on_turn(void *arg)
{
	struct running *r = arg;

	if (r->program->handler.turn != NULL)
		r->program->handler.turn(r->daemon);
}

static void
on_reload(void *arg)
{
	struct running *r = arg;
	struct err err = { 0 };

	service_notify_reload();
	if (apply(r, &err) < 0)
		log_err(
		    "not reloaded, the old configuration stays: %s", err.text);
	else
		log_info("reloaded the configuration");
	service_notify("READY=1");
}

/* ---- start ---- */

static int
open_listeners(
    struct running *r, const struct net_setup *setup, struct err *err)
{
	if (net_listeners_inherit(&r->listeners, err) < 0)
		return -1;
	if (r->listeners->count > 0)
		return 0;
	net_listeners_free(&r->listeners);
	return net_listeners_open(
	    setup->listen, setup->socket_group, &r->listeners, err);
}

/* As many descriptors as connections, if the hard limit gives them. */
static void
raise_file_limit(size_t connections)
{
	struct rlimit l;
	rlim_t wanted = (rlim_t)connections + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= wanted)
		return;
	if (l.rlim_max < wanted) {
		struct rlimit higher = { wanted, wanted };

		if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
			return;
	}
	l.rlim_cur = l.rlim_max < wanted ? l.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur < wanted)
		log_warning("only %llu descriptors for %zu connections",
		    (unsigned long long)l.rlim_cur, connections);
}

static int
go_to_background(const struct running *r, struct err *err)
{
	if (!r->in_front && !service_managed() && daemon(0, 0) < 0)
		return err_set(err, ERR_TEMP, "daemon: %s", strerror(errno));
	return 0;
}

static int
start_server(
    struct running *r, const struct net_limits *limits, struct err *err)
{
	r->handler = r->program->handler;
	r->handler.open = on_open;
	r->handler.turn = on_turn;
	r->handler.reload = on_reload;
	if (net_server_new(&r->handler, r, limits, &r->server, err) < 0 ||
	    r->program->start(r->conf, r->server, &r->daemon, err) < 0)
		return -1;
	return net_server_take(r->server, &r->listeners, err);
}

static int
start_up(struct running *r, struct err *err)
{
	const struct net_setup setup = setup_of(r, r->conf);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a file limit is an error */
	if (process_no_core_dumps(err) < 0 ||
	    open_listeners(r, &setup, err) < 0)
		return -1;
	raise_file_limit(setup.limits.max_connections);
	(void)umask(0077);
	if (go_to_background(r, err) < 0 ||
	    process_drop_privileges(setup.user, err) < 0)
		return -1;
	return start_server(r, &setup.limits, err);
}

/* ---- end ---- */

static void
end(struct running *r)
{
	if (r->daemon != NULL)
		r->program->end(r->daemon);
	r->daemon = NULL;
	net_server_free(&r->server);
	net_listeners_free(&r->listeners);
	conf_free(&r->conf);
}

/* net_server_free() gives them their usual meaning back: an end by signal. */
static void
hold_signals(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static int
run(struct running *r, struct err *err)
{
	if (load(r, &r->conf, err) < 0)
		return -1;
	if (r->check_only)
		return 0;
	if (start_up(r, err) < 0)
		return -1;
	log_info("ready");

	int rc = net_server_run(r->server, err);

	hold_signals();
	if (rc == 0)
		log_info("stopped");
	return rc;
}

static int
report(const struct running *r, const struct err *err)
{
	fprintf(stderr, "sealpost-%s: %s\n", r->program->name, err->text);
	if (!r->in_front && !r->check_only)
		log_err("%s", err->text);
	return err->kind == ERR_TEMP ? EXIT_TRY_AGAIN : 1;
}

int
net_program_main(const struct net_program *p, int argc, char **argv)
{
	struct running r = { .program = p };
	struct err err = { 0 };
	int given = read_options(&r, argc, argv);
	int status;

	if (given < 0)
		fprintf(stderr, "sealpost-%s: see sealpost-%s -h\n", p->name,
		    p->name);
	if (given != 0)
		return given < 0 ? EXIT_USAGE : 0;
	log_open(p->name, r.in_front || r.check_only);
	status = run(&r, &err) < 0 ? report(&r, &err) : 0;
	if (r.server != NULL && net_server_connections(r.server) > 0)
		_exit(status); /* somebody still holds their sessions */
	end(&r);
	return status;
}
