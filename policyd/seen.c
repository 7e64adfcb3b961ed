/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "policyd/seen.h"

#include <stdint.h>
#include <string.h>

#include "proto/policy.h"

enum { BUCKETS = 2048, PLACES = 8 };

struct bucket {
	char instance[PLACES][POLICY_INSTANCE_SIZE];
	unsigned next; /* the place of the oldest */
};

struct seen {
	struct bucket buckets[BUCKETS];
};

int
seen_new(struct seen **out, struct err *err)
{
	*out = calloc(1, sizeof **out);
	return *out == NULL ? err_nomem(err) : 0;
}

void
seen_free(struct seen **sp)
{
	free(steal(sp));
}

/* FNV-1a; the instances come from Postfix itself, no client names them. */
static size_t
bucket_of(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (h ^ h >> 32) % BUCKETS;
}

bool
seen_add(struct seen *s, const char *instance)
{
	struct bucket *b = &s->buckets[bucket_of(instance)];

	if (instance[0] == '\0')
		return true;
	for (size_t i = 0; i < PLACES; i++)
		if (strcmp(b->instance[i], instance) == 0)
			return false;
	(void)snprintf(
	    b->instance[b->next], POLICY_INSTANCE_SIZE, "%s", instance);
	b->next = (b->next + 1) % PLACES;
	return true;
}
