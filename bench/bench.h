/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the programs that measure share; in trouble they end at once. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

/* Ends the program when rc is negative, saying why. */
static inline void
check(int rc, const struct err *err)
{
	if (rc < 0)
		errx(1, "%s", err->text);
}

static inline double
seconds_of(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In seconds, of a clock that only moves forward. */
static inline double
now(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

static inline void
stay_on_one_core(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof set, &set) < 0)
		err(1, "cannot stay on one core");
}

static inline int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of n figures, which it sorts. */
static inline double
median(double *figures, size_t n)
{
	qsort(figures, n, sizeof *figures, ascending);
	return figures[n / 2];
}

#endif
