/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * One connection: bytes in, bytes out, and its end. Sessions are called from
 * deliver(), and freed by net_conn_settle() alone.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/private.h"

enum { KEEP_BUFFER = 1024, DRAIN_ROUNDS = 64 };

/* ---- what the daemon asks for ---- */

uint64_t
net_conn_id(const struct net_conn *c)
{
	return c->id;
}

const char *
net_conn_peer(const struct net_conn *c)
{
	return c->peer;
}

bool
net_conn_is_over(const struct net_conn *c)
{
	return c->over;
}

bool
net_conn_has_ended(const struct net_conn *c)
{
	return c->ended || c->over;
}

void
net_conn_touch(struct net_conn *c)
{
	if (!c->is_unsettled)
		TAILQ_INSERT_TAIL(&c->server->unsettled, c, unsettled);
	c->is_unsettled = true;
	net_server_want_turn(c->server);
}

void
net_conn_send(struct net_conn *c, const void *data, size_t len)
{
	struct err err = { 0 };

	if (c->over)
		return;
	if (buf_put(&c->out, data, len, &err) < 0) {
		log_warning("%s: dropped, output waits: %s", c->peer, err.text);
		net_conn_drop(c);
		return;
	}
	net_conn_touch(c);
}

void
net_conn_close(struct net_conn *c)
{
	c->closing = true;
	net_conn_touch(c);
}

void
net_conn_drop(struct net_conn *c)
{
	if (c->over)
		return;
	c->over = true;
	(void)event_del(c->readable);
	(void)event_del(c->writable);
	close_fd(&c->fd);
	buf_reset(&c->in);
	buf_reset(&c->out);
	net_conn_touch(c);
}

void
net_conn_hold(struct net_conn *c)
{
	c->holds++;
}

void
net_conn_release(struct net_conn *c)
{
	c->holds--;
	net_conn_touch(c);
}

void
net_conn_pause(struct net_conn *c)
{
	c->paused = true;
	net_conn_touch(c);
}

void
net_conn_resume(struct net_conn *c)
{
	c->paused = false;
	c->retry = true;
	net_conn_touch(c);
}

/* ---- input ---- */

static bool
takes_input(const struct net_conn *c)
{
	return !c->paused && !c->closing && !c->over && !c->blocked;
}

/* Offers data until the session has enough of it; how much was eaten. */
static size_t
deliver(struct net_conn *c, const uint8_t *data, size_t len)
{
	const struct net_handler *h = c->server->handler;
	size_t eaten = 0;

	while (eaten < len && takes_input(c)) {
		size_t n = h->input(c->session, data + eaten, len - eaten);

		if (n == 0)
			break;
		eaten += n;
	}
	return eaten;
}

static void
give_back_idle_memory(struct buf *b)
{
	if (b->size > KEEP_BUFFER)
		buf_reset(b);
	else
		buf_clear(b);
}

/* Forgets the first n octets of what is kept. */
static void
forget_input(struct net_conn *c, size_t n)
{
	if (c->over)
		return;
	if (n == c->in.len) {
		give_back_idle_memory(&c->in);
		return;
	}
	if (n > 0)
		memmove(c->in.data, c->in.data + n, c->in.len - n);
	c->in.len -= n;
}

static void
check_rest(struct net_conn *c)
{
	if (!takes_input(c) || c->in.len <= c->server->limits.max_input)
		return;
	log_warning("%s: dropped: a request of more than %zu octets", c->peer,
	    c->server->limits.max_input);
	net_conn_drop(c);
}

static void
keep_input(struct net_conn *c, const uint8_t *data, size_t len)
{
	struct err err = { 0 };

	if (len == 0 || c->over || buf_put(&c->in, data, len, &err) == 0)
		return;
	log_warning("%s: dropped: %s", c->peer, err.text);
	net_conn_drop(c);
}

/* New octets: straight from the piece when nothing older waits. */
static void
take_input(struct net_conn *c, const uint8_t *data, size_t len)
{
	if (c->in.len == 0) {
		size_t n = deliver(c, data, len);

		keep_input(c, data + n, len - n);
	} else {
		keep_input(c, data, len);
		if (!c->over)
			forget_input(c, deliver(c, c->in.data, c->in.len));
	}
	check_rest(c);
}

/* 1 there was input, 0 there is none now, -1 there will be none. */
static int
read_piece(struct net_conn *c)
{
	ssize_t n;

	do
		n = recv(c->fd, c->server->piece, NET_PIECE, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		take_input(c, c->server->piece, (size_t)n);
		return c->over ? -1 : 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == 0)
		c->ended = true;
	else
		net_conn_drop(c);
	return -1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct net_conn *c = arg;

	(void)fd;
	if ((what & EV_READ) != 0)
		(void)read_piece(c);
	else if (c->holds == 0)
		net_conn_drop(c); /* idle for too long */
	net_conn_touch(c);
}

void
net_conn_drain(struct net_conn *c)
{
	for (int i = 0; i < DRAIN_ROUNDS && !c->ended && takes_input(c); i++)
		if (read_piece(c) <= 0)
			break;
	net_conn_touch(c);
}

void
net_conn_offer_again(struct net_conn *c)
{
	if (!c->retry || !takes_input(c))
		return;
	c->retry = false;
	if (c->in.len == 0)
		return;
	forget_input(c, deliver(c, c->in.data, c->in.len));
	check_rest(c);
}

/* ---- output ---- */

static void
wait_for_the_peer(struct net_conn *c)
{
	c->blocked = true;
	if (event_add(c->writable, c->server->send_timeout) < 0)
		net_conn_drop(c);
}

static void
flush(struct net_conn *c)
{
	while (!c->over && c->out_sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->out_sent,
		    c->out.len - c->out_sent, MSG_NOSIGNAL);

		if (n >= 0) {
			c->out_sent += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			wait_for_the_peer(c);
			return;
		} else if (errno != EINTR) {
			net_conn_drop(c);
		}
	}
	c->out_sent = 0;
	give_back_idle_memory(&c->out);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct net_conn *c = arg;

	(void)fd;
	c->blocked = false;
	c->retry = true;
	if ((what & EV_WRITE) == 0) {
		log_warning(
		    "%s: dropped: it does not read its answers", c->peer);
		net_conn_drop(c);
	}
	net_conn_touch(c);
}

/* ---- the end ---- */

static bool
is_finished(const struct net_conn *c)
{
	if (c->blocked || c->holds > 0)
		return false;
	if (c->closing)
		return true;
	return (c->ended || c->server->stopping) && !c->paused && !c->retry;
}

/*
 * At a stop, before the end: on a UNIX socket the peer's next write fails from
 * here on, so that it knows that nobody read it and can ask somebody else; what
 * it wrote before is read. (TCP cannot say so: what is under way there is lost.)
 */
static bool
end_input(struct net_conn *c)
{
	if (!c->server->stopping || c->closing || c->ended)
		return false;
	if (!c->shut)
		(void)shutdown(c->fd, SHUT_RD);
	c->shut = true;
	net_conn_drain(c);
	return true;
}

static void
watch_input(struct net_conn *c)
{
	bool want = takes_input(c) && !c->ended;

	if (want == c->reading)
		return;
	c->reading = want;
	if (!want)
		(void)event_del(c->readable);
	else if (event_add(c->readable, c->server->idle_timeout) < 0)
		net_conn_drop(c);
}

void
net_conn_settle(struct net_conn *c)
{
	if (!c->over && !c->blocked)
		flush(c);
	if (!c->over && is_finished(c) && !end_input(c))
		net_conn_drop(c); /* nothing is left to send */
	if (!c->over)
		watch_input(c);
	if (c->retry && takes_input(c))
		net_conn_touch(c); /* resumed in `turn`: its input is next */
	if (c->over && c->holds == 0)
		net_conn_free(&c);
}

static void
forget(struct net_conn *c)
{
	struct net_server *s = c->server;

	if (c->is_unsettled)
		TAILQ_REMOVE(&s->unsettled, c, unsettled);
	TAILQ_REMOVE(&s->all, c, all);
	s->connections--;
	if (s->stopping)
		net_server_want_turn(s); /* it looks whether all is done */
}

void
net_conn_free(struct net_conn **cp)
{
	struct net_conn *c = steal(cp);

	if (c == NULL)
		return;
	if (c->session != NULL)
		c->server->handler->closed(c->session);
	forget(c);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	buf_reset(&c->in);
	buf_reset(&c->out);
	close_fd(&c->fd);
	free(c);
}

/* ---- the beginning ---- */

static int
prepare(struct net_conn *c, int fd, const char *peer)
{
	struct net_server *s = c->server;
	const int one = 1;

	c->readable =
	    event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(s->base, fd, EV_WRITE, on_writable, c);
	if (c->readable == NULL || c->writable == NULL)
		return -1;
	c->id = ++s->last_id;
	c->in.limit = s->limits.max_input + 2 * NET_PIECE;
	c->out.limit = s->limits.max_output;
	(void)snprintf(c->peer, sizeof c->peer, "%s", peer);
	if (peer[0] == 'i') /* inet: answers are small and leave at once */
		(void)setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return 0;
}

void
net_conn_add(struct net_server *s, int fd, const char *peer)
{
	struct net_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	TAILQ_INSERT_TAIL(&s->all, c, all);
	s->connections++;
	if (prepare(c, fd, peer) < 0 ||
	    s->handler->open(s->daemon, c, &c->session) < 0) {
		c->session = NULL;
		net_conn_free(&c);
		return;
	}
	net_conn_touch(c);
}
