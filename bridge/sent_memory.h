/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Which copies of sent messages the bridge has stored, and where, kept for a
 * week in the user's cache beside the facts (facts.h), also across restarts:
 * a client that brings its own copy later does not make it two.
 */
#ifndef BRIDGE_SENT_MEMORY_H
#define BRIDGE_SENT_MEMORY_H

#include "sent.h"
#include "sent_imap.h"
#include "store/metacache.h"

enum { SENT_MEMORY_S = 7 * 24 * 3600 };

/* A message in a folder (its name as IMAP writes it, unquoted); borrowed. */
struct sent_name {
	const char *address; /* of the account */
	const char *folder;
	const uint8_t *print; /* SENT_PRINT_LEN octets */
};

/* At once, not with what the cache gathers. `now` in seconds. ERR_TEMP. */
int sent_memory_put(struct metacache *cache, const struct sent_name *n,
    const struct sent_place *place, int64_t now, struct err *err) must_check;

/*
 * 1 and *place: it was put there less than a week ago, and is forgotten now. 0:
 * it was not.
 */
int sent_memory_take(struct metacache *cache, const struct sent_name *n,
    int64_t now, struct sent_place *place, struct err *err) must_check;

#endif
