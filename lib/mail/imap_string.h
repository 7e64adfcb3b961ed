/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Strings of IMAP answers (RFC 3501, 4.3), quoted or literal exactly as Dovecot
 * chooses. A NUL ends the text where it is a C string.
 */
#ifndef MAIL_IMAP_STRING_H
#define MAIL_IMAP_STRING_H

#include "base/buf.h"

/* NULL is NIL. */
int imap_put_nstring(
    struct buf *out, const char *s, struct err *err) must_check;
/* The same on one line: line ends are undone. */
int imap_put_nstring_unfolded(
    struct buf *out, const char *s, struct err *err) must_check;
/*
 * Text for people: blanks, tabs and line ends become one blank each, none
 * stays at the ends. Quoted when nothing had to be changed, else a literal.
 */
int imap_put_text(struct buf *out, const char *s, struct err *err) must_check;

#endif
