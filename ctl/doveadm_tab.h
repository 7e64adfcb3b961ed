/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What `doveadm -f tab` prints: a line of column names, then rows, with TABs
 * between the cells; in a cell \001 0, 1, t, r, n stand for \000, \001, TAB,
 * CR and LF. Names of columns are compared without case. Pure.
 */
#ifndef CTL_DOVEADM_TAB_H
#define CTL_DOVEADM_TAB_H

#include <stddef.h>

#include "base/err.h"

enum { DOVEADM_TAB_COLUMNS = 32 }; /* more are refused */

/*
 * Calls `row` for each row with the cells of the named columns, in the order of
 * the names, as strings good for that call. A name that begins with '?' may be
 * missing: its cell is "" then. ERR_PERM when a column is missing, a row has
 * too few or too many cells, a cell holds a NUL, or the text ends in a line.
 */
int doveadm_tab_parse(const char *text, size_t len, const char *const *names,
    size_t count, int (*row)(void *ctx, char *const *cells, struct err *err),
    void *ctx, struct err *err) must_check;

#endif
