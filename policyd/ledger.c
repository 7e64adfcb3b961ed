/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "policyd/ledger.h"

#include <search.h>
#include <string.h>

#include "base/log.h"

enum { HOUR = 3600, WARN_EVERY_MS = 60000 };

struct ledger {
	const char *path;
	struct stats *stats; /* NULL: to be opened */
	void *tree;          /* of the entries, by address and hour */
	struct stats_entry **entries;
	size_t count, size, max;
	int64_t retry_at; /* 0 = the last write was good */
	int64_t warned_at;
	uint64_t lost, lost_logged;
};

static int
by_hour_and_address(const void *a, const void *b)
{
	const struct stats_entry *x = a, *y = b;

	if (x->now != y->now)
		return x->now < y->now ? -1 : 1;
	return strcmp(x->address, y->address);
}

static void
entry_free(struct stats_entry **ep)
{
	struct stats_entry *e = steal(ep);
	/* the entry and its address are one piece */

	free(e);
}

static struct stats_entry *
entry_new(const char *address, int64_t hour)
{
	size_t len = strlen(address) + 1;
	struct stats_entry *e = calloc(1, sizeof *e + len);

	if (e == NULL)
		return NULL;
	memcpy(e + 1, address, len);
	e->address = (const char *)(e + 1);
	e->now = hour;
	return e;
}

/* ---- life ---- */

int
ledger_new(const char *path, size_t max_unwritten, struct ledger **out,
    struct err *err)
{
	struct ledger *l = calloc(1, sizeof *l);

	if (l == NULL)
		return err_nomem(err);
	l->path = path;
	l->max = max_unwritten;
	*out = l;
	return 0;
}

static void
keep_nodes(void *entry)
{
	(void)entry;
}

static void
forget_entries(struct ledger *l)
{
	tdestroy(l->tree, keep_nodes);
	l->tree = NULL;
	for (size_t i = 0; i < l->count; i++)
		entry_free(&l->entries[i]);
	l->count = 0;
}

void
ledger_free(struct ledger **lp)
{
	struct ledger *l = steal(lp);

	if (l == NULL)
		return;
	forget_entries(l);
	stats_close(&l->stats);
	free(l->entries);
	free(l);
}

void
ledger_set_path(struct ledger *l, const char *path)
{
	if (strcmp(l->path, path) != 0)
		stats_close(&l->stats);
	l->path = path;
}

void
ledger_set_max(struct ledger *l, size_t max_unwritten)
{
	l->max = max_unwritten;
}

size_t
ledger_unwritten(const struct ledger *l)
{
	return l->count;
}

uint64_t
ledger_lost(const struct ledger *l)
{
	return l->lost;
}

/* ---- counting ---- */

static void
add_counters(struct stats_counters *to, const struct stats_counters *delta)
{
	to->sent += delta->sent;
	to->recipients += delta->recipients;
	to->octets += delta->octets;
}

static bool
make_room(struct ledger *l)
{
	if (l->count < l->size)
		return true;

	size_t size = l->size == 0 ? 64 : l->size * 2;
	struct stats_entry **more =
	    reallocarray(l->entries, size, sizeof(*more));

	if (more == NULL)
		return false;
	l->entries = more;
	l->size = size;
	return true;
}

/* The entry that is there, or a new one; NULL without room or memory. */
static struct stats_entry *
entry_of(struct ledger *l, const char *address, int64_t hour)
{
	const struct stats_entry wanted = { .address = address, .now = hour };
	void *found = tfind(&wanted, &l->tree, by_hour_and_address);

	if (found != NULL)
		return *(struct stats_entry **)found;
	if (l->count >= l->max || !make_room(l))
		return NULL;

	cleanup(entry_free) struct stats_entry *e = entry_new(address, hour);

	if (e == NULL || tsearch(e, &l->tree, by_hour_and_address) == NULL)
		return NULL;
	l->entries[l->count++] = e;
	return steal(&e);
}

void
ledger_add(struct ledger *l, const char *address, int64_t now,
    const struct stats_counters *delta)
{
	struct stats_entry *e = entry_of(l, address, now - now % HOUR);

	if (e == NULL)
		l->lost += delta->sent;
	else
		add_counters(&e->delta, delta);
}

/* ---- writing ---- */

static int
write_entries(struct ledger *l, struct err *err)
{
	if (l->stats == NULL &&
	    stats_open(l->path, STORE_WRITE, &l->stats, err) < 0)
		return -1;
	return stats_add_many(l->stats, l->entries, l->count, err);
}

static void
fail(struct ledger *l, int64_t now_ms, const struct err *err)
{
	bool first = l->retry_at == 0;

	/* whatever is wrong with the file, a new handle knows no less */
	stats_close(&l->stats);
	l->retry_at = now_ms + LEDGER_RETRY_MS;
	if (!first && now_ms - l->warned_at < WARN_EVERY_MS)
		return;
	l->warned_at = now_ms;
	l->lost_logged = l->lost;
	log_warning("counting in memory: %s (unwritten=%zu, lost=%llu)",
	    err->text, l->count, (unsigned long long)l->lost);
}

static void
succeed(struct ledger *l)
{
	if (l->retry_at != 0 || l->lost != l->lost_logged)
		log_info("counting in the database again "
			 "(written=%zu, lost=%llu)",
		    l->count, (unsigned long long)l->lost);
	l->retry_at = 0;
	l->lost_logged = l->lost;
	forget_entries(l);
}

bool
ledger_write(struct ledger *l, int64_t now_ms)
{
	struct err err = { 0 };

	if (l->count == 0)
		return true;
	if (l->retry_at != 0 && now_ms < l->retry_at)
		return false;
	if (write_entries(l, &err) < 0) {
		fail(l, now_ms, &err);
		return false;
	}
	succeed(l);
	return true;
}

bool
ledger_expire(struct ledger *l, int64_t before)
{
	struct err err = { 0 };
	int rc;

	if (l->stats == NULL &&
	    stats_open(l->path, STORE_WRITE, &l->stats, &err) < 0) {
		log_warning("old counters stay: %s", err.text);
		return false;
	}
	rc = stats_expire_hour(l->stats, before, &err);
	if (rc < 0)
		log_warning("old counters stay: %s", err.text);
	return rc > 0;
}
