/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What `sealpost postfix apply` or `remove` would make of a configuration,
 * worked out on a copy of main.cf and master.cf, and how it is put in place.
 *
 * The state of an earlier apply lies in CONFIG_DIRECTORY/sealpost/saved: each
 * file as it was before, and as it was made. An apply first takes the earlier
 * one back, in memory, and then begins anew: so it can be repeated with other
 * settings, and after changes by the administrator.
 */
#ifndef CTL_POSTFIX_PLAN_H
#define CTL_POSTFIX_PLAN_H

#include "postfix_render.h"

enum plan_what { PLAN_APPLY, PLAN_REMOVE };
enum { PLAN_MAIN, PLAN_MASTER, PLAN_MAPS_FIRST };
enum { PLAN_MAPS = 5, PLAN_FILES = PLAN_MAPS_FIRST + PLAN_MAPS };

/* A file of the configuration. For a map, only now and next are used. */
struct plan_file {
	const char *name; /* below the configuration folder */
	bool exists;      /* now */
	bool wanted;      /* after the plan */
	bool settled;     /* nothing to do, but for the order of lines */
	struct buf now;
	struct buf base; /* now, with an earlier apply taken back */
	struct buf next; /* after the plan */
	struct buf kept; /* what was changed since, a NAME a line */
	struct buf saved_before, saved_after;
};

struct plan {
	enum plan_what what;
	const struct render *render;
	struct plan_file files[PLAN_FILES];
	bool applied;     /* there is a state of an earlier apply */
	bool maps_in_use; /* main.cf still names the maps after a remove */
	char mail_owner[64];
	struct buf notes; /* lines for the administrator */
	int lock;
};

/* Works the plan out; plan is to be reset by the caller in any case. */
int plan_make(struct plan *plan, enum plan_what what,
    const struct render *render, struct err *err) must_check;
void plan_reset(struct plan *plan);

/* Prints what would change; 1 when anything would, 0 when not, -1. */
int plan_print(const struct plan *plan, FILE *to, struct err *err) must_check;

/* Puts it in place: each file at once, in an order that is safe to stop in. */
int plan_execute(const struct plan *plan, struct err *err) must_check;

#endif
