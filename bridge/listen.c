/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/service.h"
#include "net/listener.h"

enum {
	SOCKETS_MAX = 64,
	STACK_SIZE = 1 << 20,
	STOP_TIMEOUT_S = 5,
	ROOM_TIMEOUT_S = 1,
	NO_DESCRIPTORS_PAUSE_MS = 200,
};

enum { STOP = 's', SESSION_ENDED = 'e' };

struct session {
	TAILQ_ENTRY(session) all; /* of the sessions, then of the ended */
	pthread_t thread;
	struct bridge_listeners *owner;
	const struct bridge_service *service;
	struct net_stream *client;
	bool is_loopback; /* of the listener: may log in without TLS */
	enum client_state state; /* guarded by the lock */
};

struct place {
	struct bridge_service service;
	int fd;
	bool is_loopback;
};

struct bridge_listeners {
	struct bridge *bridge;
	struct net_listeners *sockets[SOCKETS_MAX];
	size_t socket_count;
	struct place places[SOCKETS_MAX];
	size_t place_count;
	int wake[2]; /* what is said to the acceptor */
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t changed;
	TAILQ_HEAD(sessions, session) sessions; /* the oldest first */
	struct sessions ended;  /* whose threads are to be joined */
	size_t count;
};

/* ---- opening ---- */

static bool
is_loopback(int fd)
{
	struct sockaddr_storage a = { 0 };
	socklen_t size = sizeof a;

	if (getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		return false;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&a;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&a;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return a.ss_family == AF_UNIX;
}

static int
add_place(struct bridge_listeners *l, const struct bridge_service *service,
    int fd, const char *name, struct err *err)
{
	const struct place p = { *service, fd, is_loopback(fd) };

	if (l->place_count == SOCKETS_MAX)
		return err_set(err, ERR_PERM, "there are too many listeners");
	if (l->bridge->tls == NULL && service->tls)
		return err_set(err, ERR_PERM,
		    "%s: there is no certificate for a listener with TLS",
		    name);
	if (!service->tls && !p.is_loopback)
		return err_set(err, ERR_PERM,
		    "%s is no loopback address: others on the network could "
		    "read the passwords, so it needs TLS (%ss_listen)",
		    name, service->name);
	l->places[l->place_count++] = p;
	return 0;
}

static int
open_one(struct bridge_listeners *l, const struct bridge_service *service,
    const char *name, struct err *err)
{
	struct net_listeners **sockets = &l->sockets[l->socket_count];

	if (l->socket_count == SOCKETS_MAX)
		return err_set(err, ERR_PERM, "there are too many listeners");
	if (net_listeners_open(name, "", sockets, err) < 0)
		return -1;
	l->socket_count++;
	for (size_t i = 0; i < (*sockets)->count; i++)
		if (add_place(l, service, (*sockets)->list[i].fd, name, err) <
		    0)
			return -1;
	return 0;
}

static int
open_service(struct bridge_listeners *l, const struct bridge_service *service,
    struct err *err)
{
	char name[400]; /* config.c has checked it */
	size_t len;

	for (const char *p = service->listen; *p != '\0'; p += len) {
		p += strspn(p, " \t");
		len = strcspn(p, " \t");
		if (len == 0)
			break;
		(void)snprintf(name, sizeof name, "%.*s", (int)len, p);
		if (open_one(l, service, name, err) < 0)
			return -1;
	}
	return 0;
}

void
bridge_listeners_free(struct bridge_listeners **lp)
{
	struct bridge_listeners *l = steal(lp);

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->socket_count; i++)
		net_listeners_free(&l->sockets[i]);
	close_fd(&l->wake[0]);
	close_fd(&l->wake[1]);
	(void)pthread_mutex_destroy(&l->lock);
	(void)pthread_cond_destroy(&l->changed);
	free(l);
}

int
bridge_listeners_open(struct bridge *b, const struct bridge_service *services,
    size_t count, struct bridge_listeners **out, struct err *err)
{
	cleanup(bridge_listeners_free) struct bridge_listeners *l =
	    calloc(1, sizeof *l);

	if (l == NULL)
		return err_nomem(err);
	l->bridge = b;
	l->wake[0] = l->wake[1] = -1;
	TAILQ_INIT(&l->sessions);
	TAILQ_INIT(&l->ended);
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->changed, NULL);
	if (pipe(l->wake) < 0)
		return err_set(err, ERR_TEMP, "pipe: %s", strerror(errno));
	for (size_t i = 0; i < count; i++)
		if (open_service(l, &services[i], err) < 0)
			return -1;
	if (l->place_count == 0)
		return err_set(err, ERR_PERM, "there is no listener");
	b->listeners = l;
	*out = steal(&l);
	return 0;
}

/* ---- a session's thread ---- */

static bool
tell_acceptor(struct bridge_listeners *l, char what)
{
	return write(l->wake[1], &what, 1) == 1;
}

static void
end_session(struct session *s)
{
	struct bridge_listeners *l = s->owner;

	(void)pthread_mutex_lock(&l->lock);
	TAILQ_REMOVE(&l->sessions, s, all);
	(void)pthread_mutex_unlock(&l->lock);
	net_stream_free(&s->client);
	(void)pthread_mutex_lock(&l->lock);
	TAILQ_INSERT_TAIL(&l->ended, s, all);
	l->count--;
	(void)tell_acceptor(l, SESSION_ENDED);
	(void)pthread_cond_signal(&l->changed);
	(void)pthread_mutex_unlock(&l->lock);
}

/*
 * Waits for the threads of ended sessions: behind their last line OpenSSL still
 * gives back what it keeps for each, and that must be over when the process
 * ends.
 */
static void
join_ended(struct bridge_listeners *l)
{
	struct session *s;

	(void)pthread_mutex_lock(&l->lock);
	while ((s = TAILQ_FIRST(&l->ended)) != NULL) {
		TAILQ_REMOVE(&l->ended, s, all);
		(void)pthread_mutex_unlock(&l->lock);
		(void)pthread_join(s->thread, NULL);
		free(s);
		(void)pthread_mutex_lock(&l->lock);
	}
	(void)pthread_mutex_unlock(&l->lock);
}

static void *
run_session(void *arg)
{
	struct session *s = arg;
	struct bridge *b = s->owner->bridge;
	bool own = s->is_loopback || b->outer_tls == NULL;
	struct err err = { 0 };

	if (s->service->tls &&
	    net_stream_start_tls_server(
		s->client, own ? b->tls : b->outer_tls, &err) < 0)
		log_info("%s: no TLS with %s: %s", s->service->name,
		    net_stream_peer(s->client), err.text);
	else
		s->service->run(b, s->client, s->is_loopback);
	end_session(s);
	return NULL;
}

static int
start_thread(struct session *s)
{
	pthread_attr_t attributes;
	int rc;

	if (pthread_attr_init(&attributes) != 0)
		return -1;
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	rc = pthread_create(&s->thread, &attributes, run_session, s);
	(void)pthread_attr_destroy(&attributes);
	return rc == 0 ? 0 : -1;
}

/* ---- accepting ---- */

void
bridge_client_becomes(struct bridge *b, const struct net_stream *client,
    enum client_state state)
{
	struct bridge_listeners *l = b->listeners;
	struct session *s;

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&l->lock);
	TAILQ_FOREACH (s, &l->sessions, all)
		if (s->client == client)
			s->state = state;
	(void)pthread_mutex_unlock(&l->lock);
}

/* With the lock. False: there is none that could be put out. */
static bool
put_out_stranger(struct bridge_listeners *l)
{
	struct session *s;

	TAILQ_FOREACH (s, &l->sessions, all)
		if (s->state == CLIENT_STRANGER)
			break;
	if (s == NULL)
		return false;
	log_info("%s: all places are taken: client=%s has not logged in, and "
		 "loses its own",
	    s->service->name, net_stream_peer(s->client));
	s->state = CLIENT_BUSY; /* it is on its way out */
	net_stream_interrupt(s->client);
	return true;
}

/* Waits for the one that was put out: there are never more than the limit. */
static bool
take_room(struct bridge_listeners *l)
{
	struct timespec until;
	bool room;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ROOM_TIMEOUT_S;
	(void)pthread_mutex_lock(&l->lock);
	room = l->count < l->bridge->conf->max_connections;
	if (!room && put_out_stranger(l))
		while (!room && rc == 0) {
			rc = pthread_cond_timedwait(
			    &l->changed, &l->lock, &until);
			room = l->count < l->bridge->conf->max_connections;
		}
	if (room)
		l->count++;
	(void)pthread_mutex_unlock(&l->lock);
	return room;
}

static void
give_room(struct bridge_listeners *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->count--;
	(void)pthread_mutex_unlock(&l->lock);
}

/* Takes fd. */
static int
new_session(struct bridge_listeners *l, const struct place *p, int fd,
    struct err *err)
{
	cleanup(net_stream_free) struct net_stream *client = NULL;
	struct session *s;

	if (net_stream_new(fd, l->bridge->conf->idle_timeout * 1000, &client,
	        err) < 0)
		return -1;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_nomem(err);
	*s = (struct session){ .owner = l,
		.service = &p->service,
		.client = steal(&client),
		.is_loopback = p->is_loopback };
	(void)pthread_mutex_lock(&l->lock);
	TAILQ_INSERT_TAIL(&l->sessions, s, all);
	(void)pthread_mutex_unlock(&l->lock);
	if (start_thread(s) == 0)
		return 0;
	(void)pthread_mutex_lock(&l->lock);
	TAILQ_REMOVE(&l->sessions, s, all);
	(void)pthread_mutex_unlock(&l->lock);
	net_stream_free(&s->client);
	free(s);
	return err_set(err, ERR_TEMP, "a thread cannot be started");
}

static void
turn_away(const struct place *p, int fd)
{
	log_warning("%s: more than max_connections clients", p->service.name);
	if (!p->service.tls)
		(void)send(fd, p->service.busy, strlen(p->service.busy),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void
accept_one(struct bridge_listeners *l, const struct place *p)
{
	struct err err = { 0 };
	int fd = accept(p->fd, NULL, NULL);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			log_warning("accept: %s", strerror(errno));
			(void)poll(NULL, 0, NO_DESCRIPTORS_PAUSE_MS);
		}
		return;
	}
	if (!take_room(l)) {
		turn_away(p, fd);
		return;
	}
	if (new_session(l, p, fd, &err) < 0) {
		give_room(l);
		log_warning("%s: %s", p->service.name, err.text);
	}
}

/* Something was said. False: it is time to stop. */
static bool
go_on(struct bridge_listeners *l)
{
	char said[64];
	ssize_t n = read(l->wake[0], said, sizeof said);

	if (n > 0 && memchr(said, STOP, (size_t)n) != NULL)
		return false;
	join_ended(l);
	return true;
}

static void *
accept_all(void *arg)
{
	struct bridge_listeners *l = arg;
	struct pollfd fds[SOCKETS_MAX + 1];
	size_t n = l->place_count;

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ l->places[i].fd, POLLIN, 0 };
	fds[n] = (struct pollfd){ l->wake[0], POLLIN, 0 };
	for (;;) {
		if (poll(fds, (nfds_t)n + 1, -1) < 0 && errno != EINTR) {
			log_err("poll: %s", strerror(errno));
			return NULL;
		}
		if (fds[n].revents != 0 && !go_on(l))
			return NULL;
		for (size_t i = 0; i < n; i++)
			if (fds[i].revents != 0)
				accept_one(l, &l->places[i]);
	}
}

/* ---- the end ---- */

static int
await_sessions(struct bridge_listeners *l)
{
	struct timespec until;
	struct session *s;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_TIMEOUT_S;
	(void)pthread_mutex_lock(&l->lock);
	TAILQ_FOREACH (s, &l->sessions, all)
		net_stream_interrupt(s->client);
	while (l->count > 0 && rc == 0)
		rc = pthread_cond_timedwait(&l->changed, &l->lock, &until);
	rc = l->count > 0;
	(void)pthread_mutex_unlock(&l->lock);
	if (rc == 0)
		join_ended(l);
	return rc;
}

int
bridge_listeners_run(struct bridge_listeners *l, const sigset_t *until,
    struct err *err)
{
	pthread_t acceptor;
	int number;

	if (pthread_create(&acceptor, NULL, accept_all, l) != 0)
		return err_set(err, ERR_TEMP, "a thread cannot be started");
	log_info("ready");
	service_notify("READY=1");
	(void)sigwait(until, &number);
	service_notify("STOPPING=1");
	if (!tell_acceptor(l, STOP))
		return 1; /* the acceptor goes on: nothing may be freed */
	(void)pthread_join(acceptor, NULL);
	return await_sessions(l);
}
