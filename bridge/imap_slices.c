/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the survey left over: bodies, some messages in a command. */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_walk_private.h"
#include "proto/imap_set.h"

enum {
	SLICE_OCTETS = 2000,   /* of a set in one command */
	SLICE_MESSAGES = 4000, /* in it */
};

/* The first of the slice, which is sorted, that may have this address. */
static size_t
first_at(const struct imap_walk *w, uint32_t address)
{
	size_t low = w->slice_at, high = w->slice_end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (w->todo[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* NULL: it was not asked for, or has come. uid 0: it is not said. */
static struct imap_todo *
find_asked(const struct imap_walk *w, uint32_t number, uint32_t uid)
{
	uint32_t address = w->by_uid ? uid : number;

	for (size_t i = first_at(w, address);
	     i < w->slice_end && w->todo[i].address == address; i++)
		if (!w->todo[i].answered &&
		    (uid == 0 || w->todo[i].uid == uid))
			return &w->todo[i];
	return NULL;
}

static void
keep_facts(struct imap_walk *w, uint32_t uid, const struct message *m)
{
	cleanup(facts_reset) struct facts f = { 0 };
	cleanup(structure_free) struct structure *s = NULL;

	if (structure_parse(m->data, m->len, &s, NULL) == 0 &&
	    facts_of(m, s, &f, NULL) == 0)
		imap_walk_keep_facts(w, uid, &f);
}

/* What has come in the response, or was taken out of it on the way. */
static int
open_octets(struct imap_walk *w, const struct imap_value *body,
    enum opened *kind, struct buf *restored, struct err *err)
{
	cleanup(
	    buf_reset) struct buf scratch = { .limit = LIMIT_IMAP_RESPONSE };
	const uint8_t *stored;
	size_t n;

	if (w->own.took && body->type == IMAP_QUOTED && body->len == 0)
		return opener_intake_open(w->intake, kind, restored, err);
	if (imap_walk_octets_of(body, &scratch, &stored, &n, err) < 0)
		return -1;
	return opener_open(w->s->user, stored, n, kind, restored, err);
}

static int
open_body(struct imap_walk *w, const struct imap_response *r,
    const struct imap_todo *t, const struct imap_fetched *it, struct err *err)
{
	cleanup(message_release) const struct message *m = NULL;
	cleanup(buf_reset) struct buf restored = {
		.limit = w->s->bridge->conf->max_message, .secret = true
	};
	struct message_key k;
	enum opened kind;
	struct err why = { 0 };

	if (open_octets(w, &it->body, &kind, &restored, &why) < 0) {
		imap_walk_leave_out(w, t->uid, &why);
		return 1;
	}
	if (kind == OPENED_PLAIN || kind == OPENED_NEVER) {
		imap_kinds_put(&w->s->kinds, t->uid, KIND_AS_STORED);
		return imap_walk_postpone(w, r, it, KIND_AS_STORED);
	}
	if (message_cache_put(w->s->messages, imap_walk_key_of(w, t->uid, &k),
		kind, &restored, &m, &why) < 0) {
		imap_walk_leave_out(w, t->uid, &why);
		return 1;
	}
	if (w->need == NEEDS_STRUCTURE || kind == OPENED_FOREIGN)
		keep_facts(w, t->uid, m);
	return imap_walk_give_message(w, r, t->uid, m, err) < 0 ? -1 : 1;
}

static int
answer_cached(struct imap_walk *w, const struct imap_response *r,
    const struct imap_todo *t, const struct imap_fetched *it, struct err *err)
{
	cleanup(message_release) const struct message *m =
	    imap_walk_cached(w, t->uid);

	if (m != NULL)
		return imap_walk_give_message(w, r, t->uid, m, err) < 0 ? -1
									: 1;
	imap_walk_add_todo(w, (struct imap_todo){ .address = t->address,
				  .uid = t->uid,
				  .kind = KIND_ENCRYPTED,
				  .no_cache = true });
	return it->has_flags && !w->asks_flags ? 0 : 1;
}

static int
take_fetched(
    struct imap_walk *w, const struct imap_response *r, struct err *err)
{
	struct imap_fetched it;

	if (!imap_response_is(r, "FETCH"))
		return 0;
	if (imap_fetched_read(r, &it, err) < 0)
		return -1;

	struct imap_todo *found =
	    it.uid == 0 ? NULL : find_asked(w, r->number, it.uid);

	if (found == NULL || !imap_walk_is_octets(&it.body))
		return 0;
	found->answered = true;

	struct imap_todo t = *found; /* the array may move */

	return imap_walk_leave_flags(w, &it,
	    w->slice_cached ? answer_cached(w, r, &t, &it, err)
			    : open_body(w, r, &t, &it, err));
}

static int
take_body(void *ctx, const struct imap_response *r, struct err *err)
{
	struct imap_walk *w = ctx;
	int rc = take_fetched(w, r, err);

	opener_intake_free(&w->intake);
	return rc;
}

/* ---- slices of todo ---- */

static bool
is_cached(const struct imap_walk *w, const struct imap_todo *t)
{
	cleanup(message_release) const struct message *m =
	    t->kind != KIND_ENCRYPTED || t->no_cache
		? NULL
		: imap_walk_cached(w, t->uid);

	return m != NULL;
}

/* From slice_at on: those of one kind, in as many as one command takes. */
static int
put_slice(struct imap_walk *w, struct buf *text, struct err *err)
{
	const struct imap_todo *first = &w->todo[w->slice_at];
	uint32_t numbers[SLICE_MESSAGES];
	cleanup(buf_reset) struct buf set = { .limit = LIMIT_IMAP_LINE };
	size_t n = 0, used;

	w->slice_cached = is_cached(w, first);
	while (n < countof(numbers) && w->slice_at + n < w->window_end &&
	       first[n].kind == first->kind &&
	       (n == 0 || !(first->alone || first[n].alone)) &&
	       (n == 0 || is_cached(w, &first[n]) == w->slice_cached)) {
		numbers[n] = first[n].address;
		n++;
	}
	if (imap_set_put(numbers, n, SLICE_OCTETS, &set, &used, err) < 0)
		return -1;
	w->slice_end = w->slice_at + used;
	return imap_walk_put_command(w, text, set.data, set.len, err);
}

static int
put_slice_items(struct imap_walk *w, struct buf *text, struct err *err)
{
	if (w->todo[w->slice_at].kind == KIND_AS_STORED)
		return buf_putf(text, err, " (%s)", w->stored_items + 1);

	/* an octet of a cached one: what nobody asked for has none */
	return buf_putf(text, err, " (UID%s BODY%s[]%s)",
	    w->pass_items == NULL ? "" : w->pass_items,
	    w->sets_seen ? "" : ".PEEK", w->slice_cached ? "<0.1>" : "");
}

/* For whom the server need not be asked. 1 done, 0 not, -1. */
static int
give_at_once(struct imap_walk *w, struct err *err)
{
	const struct imap_todo t = w->todo[w->slice_at];

	if (t.kind == KIND_AS_STORED && w->stored_items == NULL)
		return w->stored(w->ctx, NULL, t.uid, err) < 0 ? -1 : 1;
	if (t.kind != KIND_ENCRYPTED || w->pass_items != NULL)
		return 0;

	cleanup(message_release) const struct message *m =
	    imap_walk_cached(w, t.uid);

	if (m == NULL)
		return 0;
	return imap_walk_give_message(w, NULL, t.uid, m, err) < 0 ? -1 : 1;
}

/* Of what has come of a FETCH response; 0 = not said yet. */
static uint32_t
uid_so_far(const struct imap_response *r)
{
	struct imap_cursor c = imap_cursor(r->rest, r->rest_len);
	struct imap_value name, value;
	uint32_t uid = 0;

	if (c.at < c.end && *c.at == '(')
		c.at++;
	while (imap_next_item(&c, &name, NULL) > 0 &&
	       imap_next(&c, &value, NULL) > 0)
		if (imap_is(&name, "UID"))
			(void)imap_number(value.data, value.len, &uid);
	return uid;
}

/* Was it asked for? As far as can be told from its beginning. */
static bool
is_of_slice(void *ctx, const struct imap_response *r)
{
	const struct imap_walk *w = ctx;
	uint32_t uid = uid_so_far(r);

	return (w->by_uid && uid == 0) || find_asked(w, r->number, uid) != NULL;
}

/* Is what comes next, behind what there is of a response, the message? */
static bool
is_body_next(const struct imap_response *r)
{
	static const char name[] = "BODY[] ";
	size_t n = r->rest_len;

	while (n > 0 && r->rest[n - 1] != '{')
		n--;
	return n > sizeof name &&
	       imap_equal(&r->rest[n - sizeof name], sizeof name - 1, name);
}

/* A large message is not gathered: its armor is undone as it comes. */
static bool
takes_body(void *ctx, const struct imap_response *r, uint64_t octets,
    struct sink *to)
{
	struct imap_walk *w = ctx;

	if (!is_of_slice(w, r) || !is_body_next(r))
		return false;
	opener_intake_free(&w->intake);
	message_cache_make_room(w->s->messages, (size_t)octets);
	if (opener_intake_new(
		w->s->user, (size_t)octets, &w->intake, NULL) < 0)
		return false;
	*to = opener_intake_sink(w->intake);
	return true;
}

/*
 * One of the slice had more octets than any message that could be opened here.
 * Which one it was tells a command for each that did not come.
 */
static void
ask_again(struct imap_walk *w)
{
	bool known = w->slice_end - w->slice_at == 1;

	for (size_t i = w->slice_at; i < w->slice_end; i++) {
		struct imap_todo t = w->todo[i]; /* the array may move */

		if (t.answered)
			continue;
		if (known) {
			imap_kinds_put(&w->s->kinds, t.uid, KIND_AS_STORED);
			t.kind = KIND_AS_STORED;
		}
		t.alone = true;
		imap_walk_add_todo(w, t);
	}
	w->own.too_large = false;
}

/* The next slice of todo. */
int
imap_walk_run_slice(struct imap_walk *w, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };
	int rc = give_at_once(w, err);

	if (rc != 0) {
		w->slice_end = w->slice_at + 1;
		return rc < 0 ? -1 : 0;
	}
	if (put_slice(w, &text, err) < 0 || put_slice_items(w, &text, err) < 0)
		return -1;

	bool stored = w->todo[w->slice_at].kind == KIND_AS_STORED;

	w->own.streams = stored ? is_of_slice : NULL;
	w->own.data = stored ? NULL : take_body;
	w->own.takes = stored || w->slice_cached ? NULL : takes_body;
	w->own.ctx = w;
	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0)
		return -1;
	if (w->own.too_large && !stored)
		ask_again(w);
	imap_walk_take_verdict(w);
	return 0;
}
