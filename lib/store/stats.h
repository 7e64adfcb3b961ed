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

/* What happened with one account ("" = nobody's) through one mechanism. */
struct stats_login {
	const char *address;
	const char *mechanism;
	uint64_t ok, failed;
};

/*
 * Adds all of them to the counters of now's hour and to those by mechanism,
 * and notes the day of the last login, in one transaction.
 */
int stats_add_logins(struct stats *s, int64_t now,
    const struct stats_login *list, size_t count, struct err *err) must_check;
/* 1 and the second with which the day began, 0 never. */
int stats_last_login(struct stats *s, const char *address, int64_t *day,
    struct err *err) must_check;
/* Sums by mechanism since `since`, of all accounts together. */
typedef int (*stats_each_mechanism)(void *ctx, const char *mechanism,
    uint64_t ok, uint64_t failed, struct err *err);
int stats_list_mechanisms(struct stats *s, int64_t since,
    stats_each_mechanism each, void *ctx, struct err *err) must_check;

/*
 * The same for several at once: all are counted, or none. One transaction, so
 * that a daemon can count in groups.
 */
struct stats_entry {
	const char *address; /* borrowed */
	int64_t now;
	struct stats_counters delta;
};
int stats_add_many(struct stats *s, struct stats_entry *const *entries,
    size_t count, struct err *err) must_check;

/* Sums since `since`; address NULL = all accounts together. */
int stats_sum(struct stats *s, const char *address, int64_t since,
    struct stats_counters *out, struct err *err) must_check;
typedef int (*stats_each)(void *ctx, const char *address,
    const struct stats_counters *sum, struct err *err);
int stats_list(struct stats *s, int64_t since, stats_each each, void *ctx,
    struct err *err) must_check;

/* Deletes what is older than `before`. */
int stats_expire(struct stats *s, int64_t before, struct err *err) must_check;

/*
 * Deletes the oldest hour if it is older than `before`: 1 = there was one and there
 * may be more, 0 = there is none, -1. For daemons, which must not wait for
 * stats_expire().
 */
int stats_expire_hour(struct stats *s, int64_t before, struct err *err)
    must_check;

#endif
