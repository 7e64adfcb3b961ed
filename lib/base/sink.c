/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/sink.h"

static int
put_into_buf(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return buf_put(ctx, data, n, err);
}

struct sink
sink_to_buf(struct buf *b)
{
	return (struct sink){ .put = put_into_buf, .ctx = b };
}
