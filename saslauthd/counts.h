/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Counts logins in memory and brings them into stats.db now and then: no login
 * waits for it. Memory is bounded; what does not fit while stats.db cannot be
 * written is lost, and the log says how much.
 */
#ifndef SASLAUTHD_COUNTS_H
#define SASLAUTHD_COUNTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct counts;

int counts_new(const char *path, struct counts **out, struct err *err)
    must_check;
/* Writes what is left. */
void counts_free(struct counts **cp);

/* address "" = nobody's; mechanism is a constant. */
void counts_add(struct counts *c, const char *address, const char *mechanism,
    bool ok);
/* Waits for a lock for 50 ms at most. */
void counts_flush(struct counts *c);

#endif
