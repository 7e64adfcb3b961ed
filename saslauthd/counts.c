/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/counts.h"

#include <string.h>
#include <time.h>

#include "base/log.h"
#include "store/stats.h"

enum { SLOTS = 1024, FULL = 512 };

struct counts {
	char *path;
	struct stats *stats; /* NULL: to be opened */
	bool in_trouble;     /* and the log says so already */
	uint64_t lost;
	size_t used;
	/* open addressing; address NULL = empty */
	struct stats_login slots[SLOTS];
};

int
counts_new(const char *path, struct counts **out, struct err *err)
{
	cleanup(counts_free) struct counts *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	c->path = strdup(path);
	if (c->path == NULL)
		return err_nomem(err);
	*out = steal(&c);
	return 0;
}

static void
forget_all(struct counts *c)
{
	for (size_t i = 0; i < SLOTS; i++)
		free((char *)(uintptr_t)c->slots[i].address);
	memset(c->slots, 0, sizeof c->slots);
	c->used = 0;
}

void
counts_free(struct counts **cp)
{
	struct counts *c = steal(cp);

	if (c == NULL)
		return;
	if (c->path != NULL)
		counts_flush(c);
	forget_all(c);
	stats_close(&c->stats);
	free(c->path);
	free(c);
}

/* FNV-1a: these are accounts of ours, nobody can choose them. */
static size_t
hash_text(const char *s, size_t h)
{
	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

/* The slot of both; NULL when there is no room or no memory. */
static struct stats_login *
slot_of(struct counts *c, const char *address, const char *mechanism)
{
	size_t i = hash_text(mechanism, hash_text(address, 2166136261u));

	for (;; i++) {
		struct stats_login *l = &c->slots[i % SLOTS];

		if (l->address == NULL) {
			l->address = c->used < FULL ? strdup(address) : NULL;
			l->mechanism = mechanism;
			c->used += l->address != NULL;
			return l->address == NULL ? NULL : l;
		}
		if (strcmp(l->address, address) == 0 &&
		    strcmp(l->mechanism, mechanism) == 0)
			return l;
	}
}

void
counts_add(struct counts *c, const char *address, const char *mechanism,
    bool ok)
{
	if (c->used >= FULL && !c->in_trouble)
		counts_flush(c);

	struct stats_login *l = slot_of(c, address, mechanism);

	if (l == NULL)
		c->lost++;
	else if (ok)
		l->ok++;
	else
		l->failed++;
}

static int
write_all(struct counts *c, struct err *err)
{
	struct stats_login list[FULL];
	size_t n = 0;

	if (c->stats == NULL &&
	    stats_open(c->path, STORE_WRITE, &c->stats, err) < 0)
		return -1;
	for (size_t i = 0; i < SLOTS; i++)
		if (c->slots[i].address != NULL)
			list[n++] = c->slots[i];
	return stats_add_logins(c->stats, time(NULL), list, n, err);
}

void
counts_flush(struct counts *c)
{
	struct err err = { 0 };

	if (c->used == 0)
		return;
	if (write_all(c, &err) < 0) {
		stats_close(&c->stats);
		if (!c->in_trouble)
			log_warning("logins are not counted now: %s",
			    err.text);
		c->in_trouble = true;
		return;
	}
	forget_all(c);
	if (c->in_trouble)
		log_info("logins are counted again, %llu were lost",
		    (unsigned long long)c->lost);
	c->in_trouble = false;
	c->lost = 0;
}
