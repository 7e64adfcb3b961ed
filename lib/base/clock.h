/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* How much time has passed. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * Milliseconds of a clock that only moves forward (CLOCK_MONOTONIC), whatever
 * becomes of the date: good for differences within one run of the system. Never
 * fails, and does not block.
 */
int64_t clock_ms(void);

#endif
