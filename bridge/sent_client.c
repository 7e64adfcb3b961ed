/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The side of the client's APPEND: is the bridge's copy there, or coming? The
 * functions of sent.h take the lock; it is left only to wait.
 */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "sent_memory.h"
#include "sent_private.h"

/* With the lock: the bridge's copy, once it is known what became of it. */
static struct entry *
settled_copy(struct sent *s, const struct account *a, const uint8_t *print)
{
	time_t until = time(NULL) + s->bridge->conf->timeout;

	for (;;) {
		struct entry *e = sent_find_copy(s, a, print);
		bool pending = e != NULL && (e->state == APPENDING ||
		    (e->state == WAITING && !e->tried));

		if (!pending || s->stopping || time(NULL) >= until)
			return e;
		sent_wait_until(s, until);
	}
}

/* With the lock: that of an earlier run, or of long ago. */
static bool
take_from_memory(const struct sent_client *c, struct sent_place *place)
{
	const struct sent_name name = {
		.address = c->account->address,
		.folder = c->folder,
		.print = c->print,
	};
	struct err err = { 0 };
	int rc;

	if (c->memory == NULL)
		return false;
	rc = sent_memory_take(c->memory, &name, time(NULL), place, &err);
	if (rc < 0)
		log_warning("sent: <%s>: what was stored is not known: %s",
		    name.address, err.text);
	return rc > 0;
}

/* Is the bridge's copy there? It counts for one: a second one is meant. */
static bool
claim_copy(struct sent *s, const struct sent_client *c,
    struct sent_place *place)
{
	struct entry *e = settled_copy(s, c->account, c->print);
	bool there = take_from_memory(c, place);

	if (e != NULL && e->state == STORED && e->folder != NULL &&
	    strcmp(e->folder, c->folder) == 0) {
		*place = e->place;
		sent_forget(s, e);
		return true;
	}
	if (e != NULL && there && e->state == WAITING)
		e->ours = false; /* killed before it was known to be there */
	return there;
}

/* Not in the list yet. NULL when memory is short. */
static struct entry *
entry_for_client(const struct sent_client *c, enum state state)
{
	struct entry *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->account = c->account;
	e->state = state;
	e->has_print = true;
	memcpy(e->print, c->print, SENT_PRINT_LEN);
	e->folder = strdup(c->folder);
	if (e->folder == NULL)
		sent_entry_free(&e);
	return e;
}

/* With the lock. */
static int
begin_client(struct sent *s, const struct sent_client *c,
    struct sent_place *place)
{
	struct entry *e;

	if (claim_copy(s, c, place))
		return 1;
	e = entry_for_client(c, CLIENT);
	if (e != NULL)
		sent_remember(s, e);
	return 0;
}

int
sent_client_begins(struct sent *s, const struct sent_client *c,
    uint32_t *uidvalidity, uint32_t *uid)
{
	struct sent_place place = { 0 };
	int rc;

	(void)pthread_mutex_lock(&s->lock);
	rc = begin_client(s, c, &place);
	(void)pthread_mutex_unlock(&s->lock);
	*uidvalidity = place.uidvalidity;
	*uid = place.uid;
	return rc;
}

/* With the lock: as before take_from_memory(). */
static void
put_back_in_memory(const struct sent_client *c, const struct sent_place *place)
{
	const struct sent_name name = {
		.address = c->account->address,
		.folder = c->folder,
		.print = c->print,
	};
	struct err err = { 0 };

	if (c->memory != NULL &&
	    sent_memory_put(c->memory, &name, place, time(NULL), &err) < 0)
		log_warning("sent: <%s>: the copy is not remembered: %s",
		    name.address, err.text);
}

void
sent_client_unclaimed(struct sent *s, const struct sent_client *c,
    uint32_t uidvalidity, uint32_t uid)
{
	const struct sent_place place = { uidvalidity, uid };
	struct entry *e = entry_for_client(c, STORED);

	(void)pthread_mutex_lock(&s->lock);
	put_back_in_memory(c, &place);
	if (e != NULL) {
		e->ours = true;
		e->place = place;
		sent_remember(s, e); /* a list that is full drops it at once */
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
sent_client_done(struct sent *s, const struct sent_client *c, bool stored)
{
	struct entry *e, *next;

	(void)pthread_mutex_lock(&s->lock);
	for (e = TAILQ_FIRST(&s->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, all);
		if (e->state != CLIENT ||
		    !sent_is_same(e, c->account, c->print) ||
		    strcmp(e->folder, c->folder) != 0)
			continue;
		if (stored)
			e->state = STORED;
		else
			sent_forget(s, e);
		break;
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}
