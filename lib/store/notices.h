/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * notices.db: which mails about keys that end were sent, so that each is sent
 * once. Rules of handles, blocking and errors as in store/directory.h. Only
 * `sealpost key check --notify` uses it.
 *
 * A notice is claimed before it is sent and marked as sent after; one that
 * failed is given back. What a killed program had claimed may have been sent or
 * not: it is not sent again, and can be asked for.
 */
#ifndef STORE_NOTICES_H
#define STORE_NOTICES_H

#include <stdint.h>

#include "base/err.h"

struct notices;

/* Creates the file when it is missing; for writing. */
int notices_open(
    const char *path, struct notices **out, struct err *err) must_check;
void notices_close(struct notices **np);

struct notice {
	const char *address;
	const char *role; /* whom it goes to: "owner", "admin" */
	int days;         /* left: 30, 7, 1, or 0 when it is over */
	int64_t until;    /* the end it tells of */
};

/* 1 it is to be sent by the caller, 0 it was claimed before. */
int notices_claim(struct notices *n, const struct notice *what, int64_t now,
    struct err *err) must_check;
/* It was sent; it could not be sent. */
int notices_sent(
    struct notices *n, const struct notice *what, struct err *err) must_check;
int notices_give_back(
    struct notices *n, const struct notice *what, struct err *err) must_check;

/*
 * Claims older than `before` that nothing became of are taken for sent; *count
 * says how many.
 */
int notices_settle(struct notices *n, int64_t before, size_t *count,
    struct err *err) must_check;

/* Forgets those whose end is before `before`. */
int notices_expire(
    struct notices *n, int64_t before, struct err *err) must_check;

#endif
