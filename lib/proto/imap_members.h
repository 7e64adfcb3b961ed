/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Is a number in a sequence set? Of sets of any length, quickly. Pure. */
#ifndef PROTO_IMAP_MEMBERS_H
#define PROTO_IMAP_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct imap_members {
	struct imap_range {
		uint32_t low, high;
	} * ranges; /* ascending, apart from each other */
	size_t count;
	uint64_t left; /* answers that there may be still */
	bool all;      /* "$": only the server knows */
	bool last;     /* "n:*": the last message, also when it is below n */
};

/* Of a valid set. ERR_TEMP; in any case to be reset. */
int imap_members_init(struct imap_members *m, const void *set, size_t n,
    struct err *err) must_check;
void imap_members_reset(struct imap_members *m);

/*
 * True when it is in the set, as often as the set has numbers; once for a
 * number outside of a set with "*" in it.
 */
bool imap_members_take(struct imap_members *m, uint32_t number);

#endif
