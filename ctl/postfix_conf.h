/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The door to postconf(1): everything is asked of it and changed by it, in a
 * folder that is a copy of the configuration.
 */
#ifndef CTL_POSTFIX_CONF_H
#define CTL_POSTFIX_CONF_H

#include "tool.h"

/*
 * Runs postconf with these arguments and puts what it prints into `out`
 * (empty, with its limit; NULL: it is dropped). ERR_PERM with the first line
 * that it said when it failed. Blocks until it has ended.
 */
int postconf(
    const struct args *args, struct buf *out, struct err *err) must_check;

/*
 * The same, for arguments that change main.cf or master.cf in `folder`.
 * Postfix programs wait until a file that they read is a second old; the files
 * are made to look older, which is right for a copy that nobody else uses.
 */
int postconf_edit(
    const char *folder, const struct args *args, struct err *err) must_check;
void postconf_age(const char *folder);

/* What a parameter is. */
enum postconf_how {
	POSTCONF_SET,      /* as main.cf has it; 0 when it has not */
	POSTCONF_VALUE,    /* as main.cf or the default has it */
	POSTCONF_EXPANDED, /* the same with every $name filled in */
	POSTCONF_HOW_COUNT,
};

/*
 * All of them, a line each; the services of master.cf, and the settings of
 * these (SERVICE/TYPE/NAME = VALUE, every $name filled in). Strings.
 */
int postconf_list(const char *folder, enum postconf_how how, struct buf *out,
    struct err *err) must_check;
int postconf_services(
    const char *folder, struct buf *out, struct err *err) must_check;
int postconf_options(
    const char *folder, struct buf *out, struct err *err) must_check;

/* Finds a parameter in such a list; as postconf_get(). */
int postconf_find(const char *list, const char *name, struct buf *out,
    struct err *err) must_check;

/* 1 and the value in out (a string); 0 not set, or not known; -1 with *err. */
int postconf_get(const char *folder, enum postconf_how how, const char *name,
    struct buf *out, struct err *err) must_check;

#endif
