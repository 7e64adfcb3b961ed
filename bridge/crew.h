/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Some threads that do jobs for one, and give them back in the order in which
 * they were given. The owner does jobs, too, while it would have to wait.
 */
#ifndef BRIDGE_CREW_H
#define BRIDGE_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct crew;

/*
 * run() is called once for each job that is not dropped, in any thread, and is
 * done when the job is given back. The threads (as many as there are
 * processors, but few) are made when some jobs are there. ERR_TEMP.
 */
int crew_new(void (*run)(void *job), struct crew **out, struct err *err)
    must_check;
/* All jobs must have been given back. */
void crew_free(struct crew **cp);

/* Has it taken as many jobs as it takes? */
bool crew_is_full(const struct crew *c);
/* When it is not full. The job is borrowed until it is given back. */
void crew_give(struct crew *c, void *job);
/* The jobs that nobody has begun are given back without being done. */
void crew_drop(struct crew *c);
/* The oldest job, done. Blocks until it is. NULL: there is none. */
void *crew_take(struct crew *c);

#endif
