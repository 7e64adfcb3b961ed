/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The instances of late: Postfix asks again for the same message when a
 * connection broke, or when main.cf names us twice. Bounded: the oldest of
 * some thousands are forgotten.
 */
#ifndef POLICYD_SEEN_H
#define POLICYD_SEEN_H

#include <stdbool.h>

#include "base/err.h"

struct seen;

int seen_new(struct seen **out, struct err *err) must_check;
void seen_free(struct seen **sp);

/* Remembers the instance; true when it is new. "" is always new. */
bool seen_add(struct seen *s, const char *instance);

#endif
