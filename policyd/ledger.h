/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What was counted and is not in stats.db yet. Counters of one account and hour
 * are one entry, so that an outage of the database costs memory by accounts
 * and hours, not by messages; and their number is bounded.
 */
#ifndef POLICYD_LEDGER_H
#define POLICYD_LEDGER_H

#include <stdbool.h>

#include "store/stats.h"

struct ledger;

/*
 * For the database at `path` (borrowed), which is opened with the first write
 * and again when it went wrong.
 */
int ledger_new(const char *path, size_t max_unwritten, struct ledger **out,
    struct err *err) must_check;
/* What is unwritten is lost: call ledger_write() before. */
void ledger_free(struct ledger **lp);
void ledger_set_path(struct ledger *l, const char *path);
void ledger_set_max(struct ledger *l, size_t max_unwritten);

/* Adds to the entry of this account and hour. Without room it is lost. */
void ledger_add(struct ledger *l, const char *address, int64_t now,
    const struct stats_counters *delta);

/*
 * Writes all entries in one transaction. After a failure it tries no more
 * until LEDGER_RETRY_MS have passed (`now_ms` is of a clock that only goes
 * forward). True when nothing is left unwritten. Blocks some milliseconds, with
 * a lock on the database up to 60; logs the begin and the end of an outage.
 */
enum { LEDGER_RETRY_MS = 1000 };
bool ledger_write(struct ledger *l, int64_t now_ms);

/*
 * Deletes the oldest hour of the database when it is before `before`. True
 * when there may be more.
 */
bool ledger_expire(struct ledger *l, int64_t before);

/* Entries that are not written; messages that were lost so far. */
size_t ledger_unwritten(const struct ledger *l);
uint64_t ledger_lost(const struct ledger *l);

#endif
