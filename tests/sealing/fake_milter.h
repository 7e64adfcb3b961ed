/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Stands where Postfix and libmilter's wire protocol would be: takes the
 * callbacks that the milter registers, calls them as Postfix does, records what
 * they ask for, and applies the edits as Postfix does. A real Postfix is used by
 * tests/e2e; this one can fail at will.
 */
#ifndef TESTS_FAKE_MILTER_H
#define TESTS_FAKE_MILTER_H

#include <libmilter/mfapi.h>

#include "mail/header.h"

/*
 * True while the milter's own code runs, false while this stand-in records:
 * faults are injected into the former only.
 */
extern bool fake_in_milter;

/* Makes the n-th smfi_ edit fail (0 = none). */
void fake_fail_edit(unsigned n);
unsigned fake_edits(void);

/*
 * Sends one message (CRLF, with an empty line) in a session of its own, in body
 * pieces of `piece` octets. Returns the last status: SMFIS_CONTINUE means that
 * Postfix would deliver, and then *stored is what it delivers.
 */
sfsistat fake_send(const char *const *recipients, const void *message,
    size_t n, size_t piece, struct buf *stored);

/* The SMTP reply that was set last, "" for none. */
const char *fake_reply(void);

/* Offers these protocol steps and actions; returns what negotiate says. */
sfsistat fake_negotiate(unsigned long actions, unsigned long steps);

#endif
