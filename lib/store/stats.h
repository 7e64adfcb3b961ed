/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * stats.db: counters per account and hour, written by the daemons (each its
 * own user, so the files are group-writable), read by `sealpost stats`. Rules
 * as in store/directory.h, but a lock is waited for 50 ms at most: counting
 * never holds up mail.
 */
#ifndef STORE_STATS_H
#define STORE_STATS_H

#include "store/directory.h"

struct stats;

struct stats_counters {
	uint64_t logins, failed_logins;
	uint64_t sent, recipients, octets;
	uint64_t received, sealed, already_sealed, deferred, refused, plaintext;
};

int stats_create(const char *path, struct err *err) must_check;
int stats_open(const char *path, enum store_mode mode, struct stats **out,
    struct err *err) must_check;
void stats_close(struct stats **sp);

/* Adds to the counters of the account ("" = nobody's) in now's hour. */
int stats_add(struct stats *s, const char *address, int64_t now,
    const struct stats_counters *delta, struct err *err) must_check;

/* Sums since `since`; address NULL = all accounts together. */
int stats_sum(struct stats *s, const char *address, int64_t since,
    struct stats_counters *out, struct err *err) must_check;
typedef int (*stats_each)(void *ctx, const char *address,
    const struct stats_counters *sum, struct err *err);
int stats_list(struct stats *s, int64_t since, stats_each each, void *ctx,
    struct err *err) must_check;

/* Deletes what is older than `before`. */
int stats_expire(struct stats *s, int64_t before, struct err *err) must_check;

#endif
