/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The restored messages that all connections of one user share: in memory only,
 * bounded, wiped when they go. Failures never come in here. Thread-safe.
 */
#ifndef BRIDGE_MESSAGE_CACHE_H
#define BRIDGE_MESSAGE_CACHE_H

#include "opener.h"

struct message_cache;

/*
 * `octets` bounds what it holds; the longest unused messages make room. A
 * larger message is held alone, until the next one comes: clients fetch large
 * ones piece by piece, and each piece would be a download. 0 holds nothing.
 */
int message_cache_new(
    size_t octets, struct message_cache **out, struct err *err) must_check;
/* No message of it may be held any more. */
void message_cache_free(struct message_cache **cp);

struct message_key {
	const char *mailbox; /* as the client names it */
	uint32_t uidvalidity, uid;
};

/* Constant; counted, for it may leave the cache while it is in use. */
struct message {
	const uint8_t *data;
	size_t len;
	enum opened kind; /* OPENED_SEALED or OPENED_FOREIGN */
};

/* NULL when it is not there; else to be given back by message_release(). */
const struct message *message_cache_get(
    struct message_cache *c, const struct message_key *k);

/*
 * Takes the octets out of `restored` (empty afterwards, in any case) and gives
 * the message, which is in the cache from now on unless that holds nothing or
 * `k` is NULL. 0, or -1 ERR_TEMP.
 */
int message_cache_put(struct message_cache *c, const struct message_key *k,
    enum opened kind, struct buf *restored, const struct message **out,
    struct err *err) must_check;

/*
 * So many octets are about to be put in: what must leave for them, leaves now,
 * before they are in memory.
 */
void message_cache_make_room(struct message_cache *c, size_t octets);

void message_release(const struct message **mp);

#endif
