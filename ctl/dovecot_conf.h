/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The door to doveconf(1), and what a dovecot.conf says already. doveconf is
 * shown a copy of the file in the same folder, so that relative includes hold.
 */
#ifndef CTL_DOVECOT_CONF_H
#define CTL_DOVECOT_CONF_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum dovecot_version { DOVECOT_2_3, DOVECOT_2_4, DOVECOT_VERSION_COUNT };

/* "2.3": also the name of the folder with its templates. */
const char *dovecot_version_name(enum dovecot_version v);

/* By such a name; NULL: of the installed Dovecot. ERR_PERM for others. */
int dovecot_version_find(
    const char *name, enum dovecot_version *out, struct err *err) must_check;

/* Names of files beside dovecot.conf that exist only during a run. */
#define DOVECOT_CHECK_SUFFIX ".sealpost-check"

/*
 * `doveconf -n -c PATH`: all settings that are no defaults, as a string. When
 * Dovecot refuses the file ERR_PERM with its words.
 */
int doveconf_changed(
    const char *path, struct buf *out, struct err *err) must_check;

/*
 * `doveconf -c PATH NAME...`: "name = value" lines of these settings (the
 * list ends with NULL). A name that this Dovecot does not know is left out.
 */
int doveconf_values(const char *path, const char *const *names, struct buf *out,
    struct err *err) must_check;

/* The value in such a text; "" where there is none. */
int doveconf_find(const char *text, const char *name, struct buf *out,
    struct err *err) must_check;

/*
 * What the administrator should know, lines that end in '\n': each setting of
 * `before` that `after` (both of doveconf_changed()) changes, and each passdb
 * and userdb that stands before ours.
 */
int doveconf_notes(const char *before, const char *after, struct buf *notes,
    struct err *err) must_check;

/*
 * The line that includes the file, put behind the text of dovecot.conf and
 * taken out again. Taking it out of what was put there gives the same octets,
 * with or without an end of the last line.
 */
int include_put(const struct buf *text, const char *file, struct buf *out,
    struct err *err) must_check;
int include_take(const struct buf *text, const char *file, struct buf *out,
    struct err *err) must_check;

#endif
