/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What `sealpost dovecot apply` or `remove` would make of a dovecot.conf, and
 * how it is put in place. dovecot.conf gets one line, an include; the rest is
 * in files of sealpost's own beside it. What is to be taken back can be seen
 * from these: no state is kept.
 */
#ifndef CTL_DOVECOT_PLAN_H
#define CTL_DOVECOT_PLAN_H

#include <stdbool.h>
#include <stdio.h>

#include "dovecot_render.h"

enum { DOVECOT_MAIN, DOVECOT_OWN, DOVECOT_PASSDB, DOVECOT_USERDB };
enum { DOVECOT_FILES = 4 };

struct dovecot_file {
	const char *name; /* below the folder of dovecot.conf */
	bool exists;      /* now */
	bool wanted;      /* after the plan */
	struct buf now, next;
};

struct dovecot_plan {
	const struct dovecot_run *run;
	bool apply; /* or remove */
	struct dovecot_file files[DOVECOT_FILES];
	struct buf base;  /* dovecot.conf without our line */
	struct buf notes; /* lines for the administrator */
	int lock;
};

/*
 * Works the plan out, and has Dovecot check what an apply would make; plan is
 * to be reset by the caller in any case. For a remove only the folder and the
 * name of the run count.
 */
int dovecot_plan_make(struct dovecot_plan *p, bool apply,
    const struct dovecot_run *run, struct err *err) must_check;
void dovecot_plan_reset(struct dovecot_plan *p);

/* Prints what would change; 1 when anything would, 0 when not, -1. */
int dovecot_plan_print(
    const struct dovecot_plan *p, FILE *to, struct err *err) must_check;

/* Puts it in place: each file at once, in an order that is safe to stop in. */
int dovecot_plan_execute(
    const struct dovecot_plan *p, struct err *err) must_check;

#endif
