/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The skeleton of a daemon: one event loop, its listeners, its connections.
 * A daemon brings a struct net_handler (and program.h makes a program of it);
 * bytes, limits, timeouts, signals, the service manager and the end of
 * connections are dealt with here.
 *
 * Everything runs in one thread, the loop's; only pool.h has others. The loop
 * works in turns: it hands all input that is there to the sessions, then calls
 * `turn` once, then sends what was queued and frees what has ended. So no call
 * below ever frees a session, and nothing is sent before `turn` has been
 * called.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct net_server;
struct net_conn;

struct net_limits {
	size_t max_connections; /* more are accepted and closed at once */
	size_t max_input; /* octets a session leaves uneaten; more drops it */
	size_t
	    max_output; /* octets that wait for a slow reader; more drops it */
	unsigned idle_timeout_s; /* without input, and without a hold */
	unsigned send_timeout_s; /* with output that the peer does not take */
	unsigned stop_timeout_s; /* given to held connections at the end */
};

struct net_handler {
	/*
	 * A connection is there. Returns 0 and its session (never NULL), or
	 * -1: it is closed and `closed` is not called. May already send a
	 * greeting.
	 */
	int (*open)(void *daemon, struct net_conn *c, void **session);
	/*
	 * The unread octets, oldest first. Returns how many were eaten; the
	 * rest comes again with what arrives next. Called until it eats
	 * nothing, the input is empty, or the connection was paused or
	 * closed: it may eat one line a call. `data` is good for this call.
	 */
	size_t (*input)(void *session, const uint8_t *data, size_t len);
	/*
	 * The connection is over and no hold is left: frees the session.
	 * Called once, for whatever reason it ended. May not use the
	 * connection any more.
	 */
	void (*closed)(void *session);
	/*
	 * May be NULL. Once after all input of a turn (and after
	 * net_server_want_turn()), before anything is sent: the place to
	 * commit in a group and to answer.
	 */
	void (*turn)(void *daemon);
	/* May be NULL. SIGHUP; nothing else runs meanwhile. */
	void (*reload)(void *daemon);
};

/* ---- connections; only for the loop's thread ---- */

/* A number that no other connection of this process has: for the log. */
uint64_t net_conn_id(const struct net_conn *c);

/* "unix" or "inet:192.0.2.1:40000"; as long as the connection. */
const char *net_conn_peer(const struct net_conn *c);

/*
 * Queues a copy, to be sent after this turn. When max_output is passed or
 * memory is short, the connection is dropped; on one that is over it does
 * nothing.
 */
void net_conn_send(struct net_conn *c, const void *data, size_t len);

/* Takes no more input and ends when everything queued was sent. */
void net_conn_close(struct net_conn *c);

/* Ends without sending what is queued: for peers that broke the rules. */
void net_conn_drop(struct net_conn *c);

/* Over, or about to be: whatever is sent reaches nobody. */
bool net_conn_is_over(const struct net_conn *c);

/* The peer has sent all it had, but may still wait for an answer. */
bool net_conn_has_ended(const struct net_conn *c);

/*
 * A hold says that the session owes an answer (a job is out, a delay runs, a
 * commit is awaited). While there is one, the session lives, even when the peer
 * has gone; a peer that has sent all it had (and shut its side down) is kept
 * for the answer; no idle timeout runs; and a stop waits, up to stop_timeout_s.
 * Every hold must be released, by whoever took it.
 */
void net_conn_hold(struct net_conn *c);
void net_conn_release(struct net_conn *c);

/* No input is handed over, nor read from the peer, until it is resumed. */
void net_conn_pause(struct net_conn *c);
void net_conn_resume(struct net_conn *c);

/* ---- timers; only for the loop's thread ---- */

struct net_timer;

/* A timer that is not running. `fire` is called in the loop. */
int net_timer_new(struct net_server *s, void (*fire)(void *ctx), void *ctx,
    struct net_timer **out, struct err *err) must_check;
void net_timer_free(struct net_timer **tp);
/* Fires once, `ms` from now; a running one starts anew. */
void net_timer_start(struct net_timer *t, uint64_t ms);

/* ---- the server ---- */

/* Both are borrowed for as long as the server lives. No socket is open yet. */
int net_server_new(const struct net_handler *handler, void *daemon,
    const struct net_limits *limits, struct net_server **out,
    struct err *err) must_check;
/* Ends all connections at once; timers and pools of it must be freed before. */
void net_server_free(struct net_server **sp);

struct net_listeners; /* listener.h */

/*
 * Takes the listeners (*lp is NULL then) and accepts from now on. Once; -1 when
 * memory is short, and *lp is still the caller's.
 */
int net_server_take(struct net_server *s, struct net_listeners **lp,
    struct err *err) must_check;

/* New limits: at once for new connections, timeouts from their next use on. */
void net_server_set_limits(
    struct net_server *s, const struct net_limits *limits);

/* `turn` will be called in this round of the loop, though there is no input. */
void net_server_want_turn(struct net_server *s);

/* Connections that are there. */
size_t net_server_connections(const struct net_server *s);

/*
 * Tells the service manager that the daemon is ready and serves until SIGTERM,
 * SIGINT or net_server_stop(): then it tells the manager so, accepts no more,
 * hands over what was received, waits for holds, sends the answers and returns
 * 0. -1 only when the loop cannot run.
 */
int net_server_run(struct net_server *s, struct err *err) must_check;

/* As SIGTERM; a second one drops what is left. For the loop's thread. */
void net_server_stop(struct net_server *s);

#endif
