/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What structure*.c and section.c know of a part beside its offsets. */
#ifndef MAIL_STRUCTURE_NODE_H
#define MAIL_STRUCTURE_NODE_H

#include "mail/structure.h"

/* A part; `part` is its first member, so that a part is its node as well. */
struct structure_node {
	struct structure_part part;
	bool is_mime; /* its Content-* fields count */
	bool is_digest;
	bool is_text;
	struct structure_part **end; /* where the next child goes */
};

struct structure {
	const uint8_t *message;
	size_t n;
	struct structure_node *root;
	size_t part_count;
};

static inline const struct structure_node *
structure_node(const struct structure_part *p)
{
	return (const struct structure_node *)p;
}

#endif
