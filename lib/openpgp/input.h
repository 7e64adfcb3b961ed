/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: a message that is to be read, in memory or in a
 * spool.
 */
#ifndef OPENPGP_INPUT_H
#define OPENPGP_INPUT_H

#include "base/sink.h"
#include "base/spool.h"

struct input {
	const void *data;
	size_t n;
	struct spool *spool; /* when not NULL, it and not data */
};

/* All of it into `to`, as often as wanted. The sink's error, or ERR_TEMP. */
static inline int must_check
input_put(const struct input *in, const struct sink *to, struct err *err)
{
	enum { PIECE = 32768 };

	return in->spool != NULL ? spool_replay(in->spool, PIECE, to, err)
				 : sink_put(to, in->data, in->n, err);
}

#endif
