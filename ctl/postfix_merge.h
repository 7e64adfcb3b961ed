/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * main.cf and master.cf as a sequence of units: a logical line with its
 * continuation lines (and the comments among them), or a comment, or a blank
 * line. Pure functions on text: what differs, and how a change is taken back in
 * a file that somebody else has changed since.
 */
#ifndef CTL_POSTFIX_MERGE_H
#define CTL_POSTFIX_MERGE_H

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Prints what turns `before` into `after`: lines that begin with "-" and "+".
 * Returns 1 when there was a difference, 0 when not, -1 with *err.
 */
int merge_print(const struct buf *before, const struct buf *after, FILE *to,
    struct err *err) must_check;

/*
 * 1 when both have the same logical lines and comments, in any order and with
 * any blank lines; else 0; -1 with *err. (Postfix minds the order of lines only
 * where a parameter is set twice.)
 */
int merge_same_units(
    const struct buf *a, const struct buf *b, struct err *err) must_check;

/*
 * `before` was once turned into `after`; since then the file has become
 * `current`. Puts into `out` (empty, with its limit) the current file without
 * that change. Where a unit of the change was changed or removed by somebody
 * else, the current text stays, and one line "NAME\n" is put into `kept`.
 * When nothing else has changed, out is before, byte for byte.
 */
int merge_revert(const struct buf *before, const struct buf *after,
    const struct buf *current, struct buf *out, struct buf *kept,
    struct err *err) must_check;

#endif
