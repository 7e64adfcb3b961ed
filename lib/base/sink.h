/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Where a stream's bytes go. Stages of a stream (literal packet, cipher,
 * armor, spool) each take bytes and put theirs into the next sink.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct sink {
	/* Takes all n bytes and returns 0, or -1 with *err set. */
	int (*put)(void *ctx, const uint8_t *data, size_t n, struct err *err);
	void *ctx;
};

static inline int must_check
sink_put(const struct sink *s, const void *data, size_t n, struct err *err)
{
	return s->put(s->ctx, data, n, err);
}

/* A sink that appends to a buffer (borrowed). */
struct sink sink_to_buf(struct buf *b);

#endif
