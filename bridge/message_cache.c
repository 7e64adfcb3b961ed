/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "message_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct entry {
	struct message message; /* first: a message is its entry */
	atomic_uint uses;       /* the cache's own is one of them */
	struct entry *next;     /* of the bucket */
	struct entry *newer, *older;
	char *mailbox;
	uint32_t uidvalidity, uid;
};

struct message_cache {
	pthread_mutex_t lock;
	size_t limit, held;
	struct entry *newest, *oldest;
	struct entry *buckets[BUCKETS];
};

static void
entry_free(struct entry *e)
{
	uint8_t *octets = (uint8_t *)(uintptr_t)e->message.data;

	if (octets != NULL)
		explicit_bzero(octets, e->message.len);
	free(octets);
	free(e->mailbox);
	free(e);
}

static void
drop(struct entry *e)
{
	if (atomic_fetch_sub(&e->uses, 1) == 1)
		entry_free(e);
}

void
message_release(const struct message **mp)
{
	const struct message *m = steal(mp);

	if (m != NULL)
		drop((struct entry *)(uintptr_t)m);
}

int
message_cache_new(size_t octets, struct message_cache **out, struct err *err)
{
	struct message_cache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	if (pthread_mutex_init(&c->lock, NULL) != 0) {
		free(c);
		return err_nomem(err);
	}
	c->limit = octets;
	*out = c;
	return 0;
}

static size_t
bucket_of(const char *mailbox, uint32_t uidvalidity, uint32_t uid)
{
	uint32_t sum = uidvalidity * 31 + uid;

	for (; *mailbox != '\0'; mailbox++)
		sum = sum * 31 + (uint8_t)*mailbox;
	return (sum * UINT32_C(2654435761)) >> 22;
}

static size_t
cost(const struct entry *e)
{
	return sizeof *e + e->message.len;
}

/* ---- under the lock ---- */

static struct entry *
find(struct message_cache *c, const struct message_key *k)
{
	struct entry *e =
	    c->buckets[bucket_of(k->mailbox, k->uidvalidity, k->uid)];

	while (e != NULL &&
	       (e->uid != k->uid || e->uidvalidity != k->uidvalidity ||
		   strcmp(e->mailbox, k->mailbox) != 0))
		e = e->next;
	return e;
}

static void
unlist(struct message_cache *c, struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &c->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void
list_first(struct message_cache *c, struct entry *e)
{
	e->older = c->newest;
	if (c->newest != NULL)
		c->newest->newer = e;
	c->newest = e;
	if (c->oldest == NULL)
		c->oldest = e;
}

static void
evict(struct message_cache *c, struct entry *e)
{
	struct entry **at =
	    &c->buckets[bucket_of(e->mailbox, e->uidvalidity, e->uid)];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlist(c, e);
	c->held -= cost(e);
	drop(e);
}

static void
evict_for(struct message_cache *c, size_t octets)
{
	while (c->oldest != NULL &&
	       (octets > c->limit || c->held > c->limit - octets))
		evict(c, c->oldest);
}

static void
insert(struct message_cache *c, struct entry *e)
{
	size_t bucket = bucket_of(e->mailbox, e->uidvalidity, e->uid);

	evict_for(c, cost(e));
	e->next = c->buckets[bucket];
	c->buckets[bucket] = e;
	list_first(c, e);
	c->held += cost(e);
	atomic_fetch_add(&e->uses, 1);
}

/* ---- for all ---- */

void
message_cache_free(struct message_cache **cp)
{
	struct message_cache *c = steal(cp);

	if (c == NULL)
		return;
	while (c->oldest != NULL)
		evict(c, c->oldest);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

const struct message *
message_cache_get(struct message_cache *c, const struct message_key *k)
{
	pthread_mutex_lock(&c->lock);

	struct entry *e = find(c, k);

	if (e != NULL) {
		unlist(c, e);
		list_first(c, e);
		atomic_fetch_add(&e->uses, 1);
	}
	pthread_mutex_unlock(&c->lock);
	return e == NULL ? NULL : &e->message;
}

void
message_cache_make_room(struct message_cache *c, size_t octets)
{
	pthread_mutex_lock(&c->lock);
	evict_for(c, octets);
	pthread_mutex_unlock(&c->lock);
}

int
message_cache_put(struct message_cache *c, const struct message_key *k,
    enum opened kind, struct buf *restored, const struct message **out,
    struct err *err)
{
	struct entry *e = calloc(1, sizeof *e);
	struct entry *known;

	if (e != NULL && k != NULL)
		e->mailbox = strdup(k->mailbox);
	if (e == NULL || (k != NULL && e->mailbox == NULL)) {
		buf_reset(restored);
		free(e);
		return err_nomem(err);
	}
	e->message.kind = kind;
	e->message.data = buf_steal(restored, &e->message.len);
	atomic_init(&e->uses, 1);
	*out = &e->message;
	if (k == NULL || c->limit == 0)
		return 0;
	e->uidvalidity = k->uidvalidity;
	e->uid = k->uid;
	pthread_mutex_lock(&c->lock);
	known = find(c, k); /* another connection was faster */
	if (known == NULL)
		insert(c, e);
	pthread_mutex_unlock(&c->lock);
	return 0;
}
