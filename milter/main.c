/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost-milter: start-up, signals, end. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <libmilter/mfapi.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/process.h"
#include "base/service.h"
#include "milter/callbacks.h"
#include "milter/settings.h"

enum { MILTER_TIMEOUT_S = 3600, MILTER_PACKET_MAX = 16 << 20 };

static const char usage[] =
    "usage: sealpost-milter [-c FILE] [-d] [-n]\n"
    "\n"
    "Encrypts each message to the OpenPGP key of its one recipient.\n"
    "\n"
    "  -c FILE  the configuration (default " CONF_DEFAULT_FILE ")\n"
    "  -d       stay in front and log to standard error\n"
    "  -n       check the configuration and exit\n"
    "  -h       this text\n"
    "\n"
    "SIGHUP reads the configuration again; SIGTERM finishes the messages\n"
    "in flight and exits. See sealpost-milter(8).\n";

struct options {
	const char *conf_file;
	bool in_front;
	bool check_only;
	struct conf_socket listening; /* since start; a reload moves nothing */
};

/* 0 go on, 1 help was given, -1 wrong usage. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:dnh", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf_file = optarg;
			break;
		case 'd':
			o->in_front = true;
			break;
		case 'n':
			o->check_only = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

/*
 * Signals come to the main thread, which never blocks them. libmilter has a thread
 * of its own that waits for SIGHUP, SIGTERM and SIGINT and takes each for a stop. A
 * signal to the process is for whoever asks first, so that thread may not ask:
 * it gets this sigwait(3) in place of the C library's.
 */
int
sigwait(const sigset_t *set, int *number)
{
	(void)set;
	(void)number;
	for (;;)
		(void)pause();
}

static int signal_pipe[2] = { -1, -1 };

static void
on_signal(int number)
{
	int saved = errno;
	const unsigned char byte = (unsigned char)number;

	/* a full pipe holds signals enough */
	(void)!write(signal_pipe[1], &byte, 1);
	errno = saved;
}

static int
watch_signals(struct err *err)
{
	static const int watched[] = { SIGHUP, SIGTERM, SIGINT };
	struct sigaction action = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART | SA_NODEFER };

	if (pipe2(signal_pipe, O_CLOEXEC) < 0 ||
	    fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, ERR_TEMP, "pipe: %s", strerror(errno));
	for (size_t i = 0; i < countof(watched); i++)
		if (sigaction(watched[i], &action, NULL) < 0)
			return err_set(err, ERR_TEMP, "sigaction: %s",
			    strerror(errno));
	(void)signal(SIGPIPE, SIG_IGN);
	return 0;
}

/* The address as libmilter writes it. */
static void
milter_address(const struct conf_socket *a, char *out, size_t size)
{
	if (a->is_unix)
		(void)snprintf(out, size, "unix:%s", a->path);
	else
		(void)snprintf(out, size, "%s:%u@%s",
		    strchr(a->host, ':') == NULL ? "inet" : "inet6", a->port,
		    a->host);
}

static int
open_socket(const struct conf *conf, struct conf_socket *where,
    struct err *err)
{
	char address[512];

	if (conf_socket_parse(conf->milter.listen, where, err) < 0 ||
	    (where->is_unix &&
	        process_remove_stale_socket(where->path, err) < 0))
		return -1;
	milter_address(where, address, sizeof address);
	(void)umask(0007);
	if (smfi_setconn(address) != MI_SUCCESS ||
	    smfi_settimeout(MILTER_TIMEOUT_S) != MI_SUCCESS ||
	    smfi_opensocket(false) != MI_SUCCESS)
		return err_set(err, ERR_TEMP, "cannot listen on %s",
		    conf->milter.listen);
	(void)smfi_setmaxdatasize(MILTER_PACKET_MAX);
	(void)umask(0077);
	return where->is_unix
	    ? process_chgrp(where->path, conf->milter.socket_group, err)
	    : 0;
}

static int
go_to_background(const struct options *o, struct err *err)
{
	if (!o->in_front && !service_managed() && daemon(0, 0) < 0)
		return err_set(err, ERR_TEMP, "daemon: %s", strerror(errno));
	return 0;
}

static int
start_up(struct options *o, struct err *err)
{
	if (settings_load(o->conf_file, err) < 0)
		return -1;
	if (o->check_only)
		return 0;

	const struct settings *s = settings_hold();
	int rc = process_no_core_dumps(err) < 0 ||
		callbacks_register(err) < 0 || open_socket(s->conf, &o->listening, err) < 0 ||
		go_to_background(o, err) < 0 ||
		process_drop_privileges(s->conf->milter.user, err) < 0 ||
		watch_signals(err) < 0
	    ? -1
	    : 0;

	settings_release(&s);
	return rc;
}

static void *
serve(void *unused)
{
	const unsigned char ended = 0;
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
	(void)smfi_main();
	(void)!write(signal_pipe[1], &ended, 1);
	return NULL;
}

static void
reload(const struct options *o)
{
	struct err err = { 0 };

	service_notify_reload();
	if (settings_load(o->conf_file, &err) < 0)
		log_err("not reloaded, the old configuration stays: %s",
		    err.text);
	else
		log_info("reloaded the configuration");
	service_notify("READY=1");
}

/* 0 when a signal says stop, -1 when libmilter has ended by itself. */
static int
handle_signals(const struct options *o, struct err *err)
{
	unsigned char number;

	for (;;) {
		ssize_t n = read(signal_pipe[0], &number, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1 || number == 0)
			return err_set(err, ERR_TEMP,
			    "libmilter has ended by itself");
		if (number != SIGHUP)
			return 0;
		reload(o);
	}
}

/*
 * Ends the process, messages in flight first. Not through smfi_stop(): that
 * takes up to five seconds and serves no session meanwhile. And not through
 * exit(): libmilter's threads, all idle, are still there.
 */
static void
stop(const struct options *o)
{
	const struct settings *s = settings_hold();

	service_notify("STOPPING=1");
	if (!callbacks_drain(s->conf->milter.stop_timeout))
		log_warning("stopped with messages in flight; their senders "
			    "will try again");
	if (o->listening.is_unix)
		(void)unlink(o->listening.path);
	log_info("stopped");
	_exit(0);
}

static int
run(const struct options *o, struct err *err)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, NULL) != 0)
		return err_set(err, ERR_TEMP, "cannot start a thread");
	log_info("ready");
	service_notify("READY=1");
	if (handle_signals(o, err) == 0)
		stop(o);
	return -1;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	struct err err = { 0 };
	int given = read_options(argc, argv, &o);

	if (given != 0) {
		if (given < 0)
			fputs("sealpost-milter: see sealpost-milter -h\n",
			    stderr);
		return given < 0 ? 2 : 0;
	}
	log_open("milter", o.in_front || o.check_only);
	if (start_up(&o, &err) < 0 || (!o.check_only && run(&o, &err) < 0)) {
		fprintf(stderr, "sealpost-milter: %s\n", err.text);
		if (!o.in_front && !o.check_only)
			log_err("%s", err.text);
		return err.kind == ERR_TEMP ? 75 : 1;
	}
	return 0;
}
