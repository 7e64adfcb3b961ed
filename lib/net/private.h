/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the files of lib/net share: the insides of server and connection. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include <event2/event.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "net/listener.h"
#include "net/server.h"

enum { NET_PIECE = 64 << 10 }; /* what is read at once */

TAILQ_HEAD(net_conn_list, net_conn);

struct net_conn {
	TAILQ_ENTRY(net_conn) all;
	TAILQ_ENTRY(net_conn) unsettled;
	struct net_server *server;
	void *session;
	struct event *readable, *writable;
	struct buf in;  /* what the session has not eaten */
	struct buf out; /* what the peer has not taken, behind out_sent */
	size_t out_sent;
	uint64_t id;
	int fd;
	unsigned holds;
	bool reading; /* `readable` is pending */
	bool blocked; /* `writable` is pending: the peer does not read */
	bool paused;
	bool retry;   /* `in` must be offered once more */
	bool ended;   /* the peer has sent all it had */
	bool shut;    /* and may send no more */
	bool closing; /* ends when the output is sent */
	bool over;    /* the socket is closed */
	bool is_unsettled;
	char peer[64];
};

/* A warning that a peer can cause at will: one line a minute. */
struct net_warning {
	int64_t last_ms; /* of clock_ms(); 0 is never */
	unsigned long kept_back;
};

struct net_acceptor {
	struct net_server *server;
	struct event *event;
};

struct net_server {
	const struct net_handler *handler;
	void *daemon;
	struct net_limits limits;
	const struct timeval *idle_timeout, *send_timeout; /* the base's */
	struct event_base *base;
	struct event *turn, *sigterm, *sigint, *sighup;
	struct event *accept_again, *stop_deadline;
	struct net_listeners *listeners;
	struct net_acceptor *acceptors;
	struct net_conn_list all, unsettled;
	size_t connections;
	uint64_t last_id;
	struct net_warning too_many, no_files;
	bool stopping;
	bool overdue; /* the connections were dropped at the end */
	uint8_t piece[NET_PIECE];
};

/* Takes fd, in any case. `peer` is a name for the log. */
void net_conn_add(struct net_server *s, int fd, const char *peer);

/* Reads and hands over all that is there: for the end of the server. */
void net_conn_drain(struct net_conn *c);

/* Before `turn`: what was resumed gets its input. */
void net_conn_offer_again(struct net_conn *c);

/* After `turn`: sends, closes, and frees c when it is over. */
void net_conn_settle(struct net_conn *c);

/* Frees c whatever holds it. */
void net_conn_free(struct net_conn **cp);

/* Puts c on the list of those to be settled, and wants a turn. */
void net_conn_touch(struct net_conn *c);

/* Should the line be written now? *kept_back is how many were not. */
bool net_warning_is_due(struct net_warning *w, unsigned long *kept_back);

#endif
