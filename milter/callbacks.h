/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* libmilter's callbacks: each hands its arguments to message.h or answer.h. */
#ifndef MILTER_CALLBACKS_H
#define MILTER_CALLBACKS_H

#include <stdbool.h>

#include "base/err.h"

/* Registers the callbacks; once, before smfi_main(). */
int callbacks_register(struct err *err) must_check;

/*
 * Refuses new messages (4xx) and waits until those between their first
 * recipient and their end are done, at most `seconds`. True when none is left.
 * For the end of the program, before libmilter is stopped: once it is, it
 * serves no session any more.
 */
bool callbacks_drain(unsigned seconds);

#endif
