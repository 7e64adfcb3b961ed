/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A configuration folder as postconf sees it before anything is changed. */
#ifndef CTL_POSTFIX_VIEW_H
#define CTL_POSTFIX_VIEW_H

#include "postfix_conf.h"

struct view {
	const char *folder;
	struct buf parameters[POSTCONF_HOW_COUNT];
	struct buf services; /* of master.cf, a line each */
	struct buf options;  /* of these: SERVICE/TYPE/NAME = VALUE */
};

/* Asks postconf; `v` is to be reset by the caller in any case. */
int view_read(struct view *v, const char *folder, struct err *err) must_check;
void view_reset(struct view *v);

/* As postconf_get(). */
int view_get(const struct view *v, enum postconf_how how, const char *name,
    struct buf *out, struct err *err) must_check;

#endif
