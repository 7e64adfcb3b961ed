/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Other programs that are asked something: postconf, doveconf. */
#ifndef CTL_TOOL_H
#define CTL_TOOL_H

#include "base/buf.h"
#include "base/err.h"

/* A growing list of arguments. */
struct args {
	char **v; /* ends with NULL */
	size_t count;
};
void args_reset(struct args *a);
int args_put(struct args *a, const char *arg, struct err *err) must_check;
int args_putf(struct args *a, struct err *err, const char *fmt, ...)
    printf_like(3, 4) must_check;

struct tool {
	const char *name;
	const char *usual;   /* its path on most machines */
	const char *package; /* what it belongs to, for a message */
};

/*
 * Runs the program with these arguments and puts what it prints into `out`
 * (empty, with its limit; NULL: it is dropped). ERR_PERM with the first line
 * that it said when it failed. Blocks until it has ended.
 */
int tool_run(const struct tool *tool, const struct args *args, struct buf *out,
    struct err *err) must_check;

/* The same with `len` octets to read (no secrets); what it prints is dropped. */
int tool_feed(const struct tool *tool, const struct args *args,
    const void *input, size_t len, struct err *err) must_check;

#endif
