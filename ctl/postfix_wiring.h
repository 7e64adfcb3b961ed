/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Puts the rendered templates into a copy of main.cf and master.cf. */
#ifndef CTL_POSTFIX_WIRING_H
#define CTL_POSTFIX_WIRING_H

#include "postfix_render.h"

/*
 * Changes main.cf and master.cf in `folder` with postconf. What the
 * administrator should know, lines that end in '\n', goes into `notes`.
 * ERR_PERM when master.cf has a service by one of the hop's names already, or a
 * filter would deliver in the hop's stead.
 */
int wiring_apply(const struct render *r, const char *folder, struct buf *notes,
    struct err *err) must_check;

/*
 * Takes what is left of the hop out of main.cf in `folder`: our maps in those
 * parameters that the administrator has changed since, a name a line in `kept`.
 * Needs no templates.
 */
int wiring_remove(const char *config_directory, const char *kept,
    const char *folder, struct err *err) must_check;

#endif
