/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * An error is a kind plus a text. Code decides by the kind alone; the text is
 * for the log and for people: one sentence that says what, where and, if it
 * can be said, what to do.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/cleanup.h"

enum err_kind {
	ERR_NONE,
	ERR_TEMP,  /* trying again later may help: answer 4xx, exit 75 */
	ERR_PERM,  /* it does not: answer 5xx, exit 1 */
	ERR_PROTO, /* the peer broke the rules of its protocol */
};

enum { ERR_TEXT_SIZE = 400 };

struct err {
	enum err_kind kind;
	char text[ERR_TEXT_SIZE];
};

/*
 * Sets *err and returns -1, so that a failing function can end with
 * `return err_set(...)`. err may be NULL. Control bytes in the finished text
 * are replaced by '?', so that foreign text in an argument cannot forge a
 * log line.
 */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    printf_like(3, 4);

/* The usual answer to a failed allocation: ERR_TEMP, "out of memory". */
int err_nomem(struct err *err);

/* Puts "context: " in front of the text of an error already set; returns -1. */
int err_context(struct err *err, const char *fmt, ...) printf_like(2, 3);

#endif
