/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "imap_walk.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_walk_private.h"

enum {
	/*
	 * Messages whose bodies come in an order that saves round trips; it
	 * may not be far from the one they were asked for in.
	 */
	WINDOW = 500,
};

void
imap_walk_reset(struct imap_walk *w)
{
	buf_reset(&w->verdict);
	imap_own_reset(&w->own);
	imap_walk_dismiss(w);
	opener_intake_free(&w->intake);
	imap_members_reset(&w->asked);
	free(w->todo);
	w->todo = NULL;
}

void
imap_walk_leave_out(struct imap_walk *w, uint32_t uid, const struct err *why)
{
	w->left_out = true;
	log_warning("imap: message left out, user=<%s>, uid=%u, reason=%s",
	    w->s->account->address, (unsigned)uid, why->text);
}

void
imap_walk_add_todo(struct imap_walk *w, struct imap_todo t)
{
	const struct err no_memory = { ERR_TEMP, "out of memory" };

	if (w->todo_count == w->todo_room) {
		size_t room = w->todo_room == 0 ? 64 : w->todo_room * 2;
		struct imap_todo *more =
		    room > LIMIT_IMAP_MESSAGES
			? NULL
			: reallocarray(w->todo, room, sizeof *more);

		if (more == NULL) {
			imap_walk_leave_out(w, t.uid, &no_memory);
			return;
		}
		w->todo = more;
		w->todo_room = room;
	}
	w->todo[w->todo_count++] = t;
}

/* ---- responses ---- */

static bool
begins(const struct imap_value *name, const char *with)
{
	size_t n = strlen(with);

	return name->len >= n && imap_equal(name->data, n, with);
}

int
imap_fetched_read(
    const struct imap_response *r, struct imap_fetched *out, struct err *err)
{
	struct imap_cursor items;
	struct imap_value name, value;
	int rc;

	*out = (struct imap_fetched){ 0 };
	if (imap_fetch_open(r, &items, err) < 0)
		return -1;
	while ((rc = imap_fetch_next(&items, &name, &value, err)) > 0) {
		if (imap_is(&name, "UID"))
			(void)imap_number(value.data, value.len, &out->uid);
		else if (imap_is(&name, "FLAGS"))
			out->has_flags = true;
		else if (imap_is(&name, "INTERNALDATE"))
			out->has_date = true;
		else if (imap_is(&name, "BODY[]") ||
			 imap_is(&name, "BODY[]<0>"))
			out->body = value;
		else if (imap_is(&name, "BODY[HEADER]"))
			out->header = value;
		else if (begins(&name, "BODY[HEADER.FIELDS "))
			out->fields = value;
	}
	return rc;
}

/* NIL: the message has gone meanwhile. */
bool
imap_walk_is_octets(const struct imap_value *v)
{
	return v->raw_len > 0 &&
	       (v->type == IMAP_LITERAL || v->type == IMAP_QUOTED);
}

/* The octets of a string; in place, but for quoted ones. */
int
imap_walk_octets_of(const struct imap_value *v, struct buf *scratch,
    const uint8_t **data, size_t *n, struct err *err)
{
	*data = v->data;
	*n = v->len;
	if (v->type != IMAP_QUOTED)
		return 0;
	if (imap_put_octets(v, scratch, err) < 0)
		return -1;
	*data = scratch->data;
	*n = scratch->len;
	return 0;
}

const struct message_key *
imap_walk_key_of(const struct imap_walk *w, uint32_t uid, struct message_key *k)
{
	if (w->s->uidvalidity == 0 || w->s->mailbox == NULL || uid == 0)
		return NULL;
	*k = (struct message_key){ w->s->mailbox, w->s->uidvalidity, uid };
	return k;
}

const struct message *
imap_walk_cached(const struct imap_walk *w, uint32_t uid)
{
	struct message_key k;

	if (imap_walk_key_of(w, uid, &k) == NULL)
		return NULL;
	return message_cache_get(w->s->messages, &k);
}

int
imap_walk_give_message(struct imap_walk *w, const struct imap_response *r,
    uint32_t uid, const struct message *m, struct err *err)
{
	cleanup(imap_view_reset) struct imap_view v = { 0 };

	imap_view_message(&v, m);
	return w->restored(w->ctx, r, uid, &v, err);
}

int
imap_walk_postpone(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, enum imap_kind kind)
{
	const struct imap_todo t = { .address = w->by_uid ? it->uid : r->number,
		.uid = it->uid,
		.kind = kind };

	imap_walk_add_todo(w, t);
	return it->has_flags && !w->asks_flags ? 0 : 1;
}

int
imap_walk_leave_flags(
    const struct imap_walk *w, const struct imap_fetched *it, int rc)
{
	return rc > 0 && w->pass_items == NULL && it->has_flags ? 0 : rc;
}

void
imap_walk_take_verdict(struct imap_walk *w)
{
	if (w->own.too_large)
		w->left_out = true;
	if (w->refused)
		return;
	w->refused = !w->own.ok;
	buf_reset(&w->verdict);
	w->verdict = w->own.result;
	w->own.result = (struct buf){ .limit = LIMIT_IMAP_LINE };
}

int
imap_walk_put_command(struct imap_walk *w, struct buf *text, const void *set,
    size_t n, struct err *err)
{
	if (buf_puts(text, w->by_uid ? "UID FETCH " : "FETCH ", err) < 0)
		return -1;
	return buf_put(text, set, n, err);
}

static int
by_kind(const void *a, const void *b)
{
	const struct imap_todo *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

/* The next n of todo. */
void
imap_walk_sort(struct imap_walk *w, size_t n)
{
	if (n > 0)
		qsort(&w->todo[w->slice_at], n, sizeof w->todo[0], by_kind);
}

/* What can be told without bodies; the rest is in todo. */
static int
look_first(struct imap_walk *w, struct err *err)
{
	if (imap_walk_skip_survey(w))
		return 0;
	w->todo_count = 0;
	return imap_walk_may_recall(w) ? imap_walk_recall(w, err)
				       : imap_walk_run_survey(w, err);
}

static int
run_all(struct imap_walk *w, struct err *err)
{
	if (look_first(w, err) < 0)
		return -1;
	while (w->slice_at < w->todo_count) {
		if (w->slice_at >= w->window_end) {
			size_t n = w->todo_count - w->slice_at;

			if (w->need == NEEDS_BODY && n > WINDOW)
				n = WINDOW;
			imap_walk_sort(w, n);
			w->window_end = w->slice_at + n;
		}
		if (imap_walk_run_slice(w, err) < 0)
			return -1;
		w->slice_at = w->slice_end;
	}
	return 0;
}

int
imap_walk_run(struct imap_walk *w, struct err *err)
{
	struct buf *text = &w->s->response.text;
	size_t limit = text->limit;
	uint64_t stored = w->s->bridge->conf->max_message;

	/* armored, its lines ended, its header twice */
	text->limit = stored + stored / 2 + 4 * (size_t)LIMIT_HEADER;
	w->verdict.limit = LIMIT_IMAP_LINE;

	int rc = run_all(w, err);
	struct err why = { 0 };

	if (w->s->facts != NULL && metacache_flush(w->s->facts, &why) < 0)
		log_warning("imap: not kept in the cache, reason=%s", why.text);
	text->limit = limit;
	return rc;
}
