/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The list of what is known of sent messages. Nothing here takes the lock: the
 * caller has it; sent_wait_until() leaves it while it waits.
 */
#include <string.h>

#include "sent_private.h"

enum { ENTRIES_MAX = 1000 };

void
sent_entry_free(struct entry **ep)
{
	struct entry *e = steal(ep);

	if (e == NULL)
		return;
	free(e->folder);
	free(e->path);
	locked_reset(&e->login);
	locked_reset(&e->memory_key);
	free(e);
}

void
sent_forget(struct sent *s, struct entry *e)
{
	TAILQ_REMOVE(&s->entries, e, all);
	s->count--;
	sent_entry_free(&e);
}

void
sent_remember(struct sent *s, struct entry *e)
{
	struct entry *old;

	TAILQ_INSERT_TAIL(&s->entries, e, all);
	if (++s->count <= ENTRIES_MAX)
		return;
	TAILQ_FOREACH (old, &s->entries, all)
		if (old->state == STORED) {
			sent_forget(s, old);
			return;
		}
}

bool
sent_is_same(
    const struct entry *e, const struct account *a, const uint8_t *print)
{
	return e->account == a && e->has_print &&
	    memcmp(e->print, print, SENT_PRINT_LEN) == 0;
}

struct entry *
sent_find_copy(struct sent *s, const struct account *a, const uint8_t *print)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (sent_is_same(e, a, print) && e->ours)
			return e;
	return NULL;
}

struct entry *
sent_find_in_folder(struct sent *s, const struct account *a,
    const uint8_t *print, const char *folder)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (!e->ours && sent_is_same(e, a, print) &&
		    e->folder != NULL && strcmp(e->folder, folder) == 0)
			return e;
	return NULL;
}

struct entry *
sent_find_path(struct sent *s, const char *path)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (e->path != NULL && strcmp(e->path, path) == 0)
			return e;
	return NULL;
}

bool
sent_same_login(const struct entry *a, const struct entry *b)
{
	return a->account == b->account && a->login.len == b->login.len &&
	    a->login.len > 0 &&
	    crypt_equal(a->login.data, b->login.data, a->login.len);
}

struct entry *
sent_next_due(struct sent *s, time_t now, time_t *until)
{
	struct entry *e, *first = NULL;

	TAILQ_FOREACH (e, &s->entries, all)
		if (e->state == WAITING && !e->refused &&
		    (first == NULL || e->next < first->next))
			first = e;
	if (first == NULL || first->next <= now)
		return first;
	if (first->next < *until)
		*until = first->next;
	return NULL;
}

void
sent_wait_until(struct sent *s, time_t when)
{
	const struct timespec until = { .tv_sec = when };

	(void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
}
