/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Memory for secrets: pages of its own that are not paged out (as far as the
 * limit RLIMIT_MEMLOCK goes), are in no core dump, and are wiped when they are
 * given back.
 */
#ifndef BASE_LOCKED_H
#define BASE_LOCKED_H

#include <stddef.h>

/* n octets of zeros; NULL when memory is short. At least a page each. */
void *locked_new(size_t n);
/* n as it was given to locked_new(). NULL is fine. */
void locked_free(void *p, size_t n);

/* A whole buffer of it, for cleanup(locked_reset). */
struct locked {
	unsigned char *data;
	size_t len;
};
static inline void
locked_reset(struct locked *l)
{
	locked_free(l->data, l->len);
	l->data = NULL;
	l->len = 0;
}

#endif
