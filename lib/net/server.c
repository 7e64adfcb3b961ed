/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The loop: listeners, signals, turns and the end. The turn is an event of our
 * own that is made active by the first thing that happens: libevent then puts
 * it behind all events that this round of polling found.
 */

#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/service.h"
#include "net/private.h"

enum {
	ACCEPT_AT_ONCE = 64,
	ACCEPT_PAUSE_MS = 200,
	WARNING_EVERY_MS = 60 * 1000
};

bool
net_warning_is_due(struct net_warning *w, unsigned long *kept_back)
{
	int64_t now = clock_ms();

	if (w->last_ms != 0 && now - w->last_ms < WARNING_EVERY_MS) {
		w->kept_back++;
		return false;
	}
	*kept_back = w->kept_back;
	*w = (struct net_warning){ .last_ms = now };
	return true;
}

/* ---- accepting ---- */

static void
name_peer(const struct sockaddr_storage *from, char *out, size_t size)
{
	char host[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (from->ss_family == AF_INET) {
		(void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
		(void)snprintf(
		    out, size, "inet:%s:%u", host, ntohs(v4->sin_port));
	} else if (from->ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
		(void)snprintf(
		    out, size, "inet:[%s]:%u", host, ntohs(v6->sin6_port));
	} else {
		(void)snprintf(out, size, "unix");
	}
}

static void
watch_listeners(struct net_server *s, bool watch)
{
	for (size_t i = 0; s->listeners != NULL && i < s->listeners->count; i++)
		if (!watch)
			(void)event_del(s->acceptors[i].event);
		else if (event_add(s->acceptors[i].event, NULL) < 0)
			log_err("cannot watch a listening socket");
}

/* Files or memory are short: what waits keeps waiting for a moment. */
static void
accept_later(struct net_server *s, int error)
{
	const struct timeval in = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };
	unsigned long more;

	if (net_warning_is_due(&s->no_files, &more))
		log_warning(
		    "cannot accept connections now: %s", strerror(error));
	watch_listeners(s, false);
	if (event_add(s->accept_again, &in) < 0)
		watch_listeners(s, true);
}

static void
refuse(struct net_server *s, int fd)
{
	unsigned long more;

	close(fd);
	if (net_warning_is_due(&s->too_many, &more))
		log_warning("refused a connection: there are %zu already "
			    "(%lu refused since the last such line)",
		    s->connections, more);
}

/* 1 a connection was dealt with, 0 there is none or not now. */
static int
accept_one(struct net_server *s, int listener)
{
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof from;
	char peer[64];
	int fd = accept4(listener, (struct sockaddr *)&from, &size,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			  errno == ENOMEM))
		accept_later(s, errno);
	if (fd < 0)
		return errno == EINTR || errno == ECONNABORTED;
	if (s->connections >= s->limits.max_connections) {
		refuse(s, fd);
		return 1;
	}
	name_peer(&from, peer, sizeof peer);
	net_conn_add(s, fd, peer);
	return 1;
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct net_acceptor *a = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++)
		if (accept_one(a->server, fd) == 0)
			break;
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	watch_listeners(arg, true);
}

/* ---- turns ---- */

void
net_server_want_turn(struct net_server *s)
{
	event_active(s->turn, 0, 0);
}

static void
settle_all(struct net_server *s)
{
	struct net_conn_list now;
	struct net_conn *c;

	TAILQ_INIT(&now);
	TAILQ_CONCAT(&now, &s->unsettled, unsettled);
	while ((c = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, c, unsettled);
		c->is_unsettled = false;
		net_conn_settle(c);
	}
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct net_server *s = arg;
	struct net_conn *c;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(c, &s->unsettled, unsettled)
	net_conn_offer_again(c);
	if (s->handler->turn != NULL)
		s->handler->turn(s->daemon);
	settle_all(s);
	if (s->stopping && s->connections == 0)
		(void)event_base_loopbreak(s->base);
}

/* ---- the end ---- */

static void
drop_all(struct net_server *s)
{
	struct net_conn *c;

	TAILQ_FOREACH(c, &s->all, all)
	net_conn_drop(c);
	net_server_want_turn(s);
}

static void
arm_deadline(struct net_server *s)
{
	const struct timeval in = { .tv_sec = s->limits.stop_timeout_s };

	(void)event_add(s->stop_deadline, &in);
}

static void
on_stop_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct net_server *s = arg;

	(void)fd;
	(void)what;
	if (s->overdue) { /* holds that nobody releases */
		(void)event_base_loopbreak(s->base);
		return;
	}
	log_warning("stopped with %zu connections that wait for an answer",
	    s->connections);
	s->overdue = true;
	drop_all(s);
	arm_deadline(s);
}

/* What waits on sockets of our own would be lost: it is accepted still. */
static void
stop_accepting(struct net_server *s)
{
	watch_listeners(s, false);
	(void)event_del(s->accept_again);
	for (size_t i = 0; s->listeners != NULL && i < s->listeners->count; i++)
		while (!s->listeners->inherited &&
		       s->connections < s->limits.max_connections &&
		       accept_one(s, s->listeners->list[i].fd) > 0)
			;
	watch_listeners(s, false);
	(void)event_del(s->accept_again);
}

static void
free_listeners(struct net_server *s)
{
	for (size_t i = 0; s->listeners != NULL && i < s->listeners->count; i++)
		event_free(s->acceptors[i].event);
	free(steal(&s->acceptors));
	net_listeners_free(&s->listeners);
}

void
net_server_stop(struct net_server *s)
{
	struct net_conn *c;

	if (s->stopping) {
		drop_all(s);
		return;
	}
	service_notify("STOPPING=1");
	stop_accepting(s);
	free_listeners(s);
	s->stopping = true;
	TAILQ_FOREACH(c, &s->all, all)
	net_conn_drain(c);
	arm_deadline(s);
	net_server_want_turn(s);
}

static void
on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	net_server_stop(arg);
}

static void
on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct net_server *s = arg;

	(void)number;
	(void)what;
	if (s->handler->reload != NULL && !s->stopping)
		s->handler->reload(s->daemon);
}

/* ---- the server ---- */

static int
make_events(struct net_server *s)
{
	s->base = event_base_new();
	if (s->base == NULL)
		return -1;
	s->turn = event_new(s->base, -1, 0, on_turn, s);
	s->accept_again = event_new(s->base, -1, 0, on_accept_again, s);
	s->stop_deadline = event_new(s->base, -1, 0, on_stop_deadline, s);
	s->sigterm = evsignal_new(s->base, SIGTERM, on_stop_signal, s);
	s->sigint = evsignal_new(s->base, SIGINT, on_stop_signal, s);
	s->sighup = evsignal_new(s->base, SIGHUP, on_hangup, s);
	if (s->turn == NULL || s->accept_again == NULL ||
	    s->stop_deadline == NULL || s->sigterm == NULL ||
	    s->sigint == NULL || s->sighup == NULL)
		return -1;
	return event_add(s->sigterm, NULL) < 0 ||
		       event_add(s->sigint, NULL) < 0 ||
		       event_add(s->sighup, NULL) < 0
		   ? -1
		   : 0;
}

int
net_server_new(const struct net_handler *handler, void *daemon,
    const struct net_limits *limits, struct net_server **out, struct err *err)
{
	cleanup(net_server_free) struct net_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->handler = handler;
	s->daemon = daemon;
	TAILQ_INIT(&s->all);
	TAILQ_INIT(&s->unsettled);
	if (make_events(s) < 0)
		return err_set(err, ERR_TEMP, "cannot make the event loop");
	net_server_set_limits(s, limits);
	*out = steal(&s);
	return 0;
}

static void
free_event(struct event **ep)
{
	struct event *e = steal(ep);

	if (e != NULL)
		event_free(e);
}

void
net_server_free(struct net_server **sp)
{
	struct net_server *s = steal(sp);
	struct net_conn *c;

	if (s == NULL)
		return;
	while ((c = TAILQ_FIRST(&s->all)) != NULL)
		net_conn_free(&c);
	free_listeners(s);
	free_event(&s->turn);
	free_event(&s->accept_again);
	free_event(&s->stop_deadline);
	free_event(&s->sigterm);
	free_event(&s->sigint);
	free_event(&s->sighup);
	if (s->base != NULL)
		event_base_free(s->base);
	free(s);
}

int
net_server_take(
    struct net_server *s, struct net_listeners **lp, struct err *err)
{
	struct net_listeners *l = *lp;

	s->acceptors = calloc(l->count, sizeof *s->acceptors);
	if (s->acceptors == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < l->count; i++) {
		s->acceptors[i] = (struct net_acceptor){ .server = s };
		s->acceptors[i].event = event_new(s->base, l->list[i].fd,
		    EV_READ | EV_PERSIST, on_connection, &s->acceptors[i]);
		if (s->acceptors[i].event == NULL)
			return err_nomem(err);
	}
	s->listeners = steal(lp);
	watch_listeners(s, true);
	return 0;
}

/* A queue of the base's own for timeouts of this length. */
static const struct timeval *
common_timeout(struct net_server *s, unsigned seconds)
{
	const struct timeval t = { .tv_sec = seconds };

	return event_base_init_common_timeout(s->base, &t);
}

void
net_server_set_limits(struct net_server *s, const struct net_limits *limits)
{
	s->limits = *limits;
	s->idle_timeout = common_timeout(s, limits->idle_timeout_s);
	s->send_timeout = common_timeout(s, limits->send_timeout_s);
}

size_t
net_server_connections(const struct net_server *s)
{
	return s->connections;
}

int
net_server_run(struct net_server *s, struct err *err)
{
	service_notify("READY=1");
	if (event_base_dispatch(s->base) < 0)
		return err_set(err, ERR_TEMP, "the event loop has failed");
	return 0;
}
