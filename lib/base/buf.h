/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A growing byte buffer that is born with its limit:
 *
 *	cleanup(buf_reset) struct buf b = { .limit = LIMIT_HEADER };
 *
 * data is NULL while nothing was put in. There is no terminating NUL unless
 * buf_str() was called. A buffer declared with .secret = true is wiped before
 * its memory is given back or moved.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t size;  /* allocated */
	size_t limit; /* len never exceeds it */
	bool secret;
};

/* Frees the memory and leaves an empty buffer with the same limit. */
void buf_reset(struct buf *b);

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *b);

/*
 * All of these return 0, or -1 with *err set and the buffer as it was:
 * ERR_TEMP when memory is short, ERR_PERM when the limit would be passed.
 */
int buf_reserve(struct buf *b, size_t n, struct err *err) must_check;
int buf_put(struct buf *b, const void *data, size_t n, struct err *err)
    must_check;
int buf_puts(struct buf *b, const char *s, struct err *err) must_check;
int buf_putc(struct buf *b, uint8_t c, struct err *err) must_check;
int buf_putf(struct buf *b, struct err *err, const char *fmt, ...)
    printf_like(3, 4) must_check;

/* Puts a NUL behind the content (not counted in len); NULL on failure. */
const char *buf_str(struct buf *b, struct err *err) must_check;

/* Gives the memory to the caller (to be freed with free()); b is empty then. */
uint8_t *buf_steal(struct buf *b, size_t *len);

#endif
