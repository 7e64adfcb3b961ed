/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "imap_walk.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "opener.h"
#include "proto/imap_set.h"

enum {
	SLICE_OCTETS = 2000, /* of a set in one command */
	SURVEY_KNOWN_MAX = 1000, /* UIDs looked up before the server is asked */
	WINDOW = 500, /* messages answered in an order that saves round trips */
};

struct imap_todo {
	uint32_t address; /* number or UID, as the command addresses */
	uint32_t uid;
	enum imap_kind kind;
	bool no_cache; /* it was there, and has gone */
	bool answered;
};

void
imap_walk_reset(struct imap_walk *w)
{
	buf_reset(&w->verdict);
	imap_own_reset(&w->own);
	free(w->todo);
	w->todo = NULL;
}

static void
leave_out(struct imap_walk *w, uint32_t uid, const struct err *why)
{
	w->left_out = true;
	log_warning("imap: message left out, user=<%s>, uid=%u, reason=%s",
	    w->s->account->address, (unsigned)uid, why->text);
}

static void
add_todo(struct imap_walk *w, struct imap_todo t)
{
	const struct err no_memory = { ERR_TEMP, "out of memory" };

	if (w->todo_count == w->todo_room) {
		size_t room = w->todo_room == 0 ? 64 : w->todo_room * 2;
		struct imap_todo *more =
		    reallocarray(w->todo, room, sizeof *more);

		if (more == NULL) {
			leave_out(w, t.uid, &no_memory);
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
imap_fetched_read(const struct imap_response *r, struct imap_fetched *out,
    struct err *err)
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
static bool
is_octets(const struct imap_value *v)
{
	return v->raw_len > 0 &&
	    (v->type == IMAP_LITERAL || v->type == IMAP_QUOTED);
}

/* The octets of a string; in place, but for quoted ones. */
static int
octets_of(const struct imap_value *v, struct buf *scratch,
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

static const struct message_key *
key_of(const struct imap_walk *w, uint32_t uid, struct message_key *k)
{
	if (w->s->uidvalidity == 0 || w->s->mailbox == NULL || uid == 0)
		return NULL;
	*k = (struct message_key){ w->s->mailbox, w->s->uidvalidity, uid };
	return k;
}

static const struct message *
cached(const struct imap_walk *w, uint32_t uid)
{
	struct message_key k;

	if (key_of(w, uid, &k) == NULL)
		return NULL;
	return message_cache_get(w->s->messages, &k);
}

static int
give_message(struct imap_walk *w, const struct imap_response *r, uint32_t uid,
    const struct message *m, struct err *err)
{
	cleanup(imap_view_reset) struct imap_view v = { 0 };

	imap_view_message(&v, m);
	return w->restored(w->ctx, r, uid, &v, err);
}

/* ---- the survey ---- */

/* Its turn comes later; flags that came unasked are told now. */
static int
postpone(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, enum imap_kind kind)
{
	const struct imap_todo t = { .address =
		                         w->by_uid ? it->uid : r->number,
		.uid = it->uid,
		.kind = kind };

	add_todo(w, t);
	return it->has_flags ? 0 : 1; /* 0: relayed, flags only */
}

/* 1 dealt with, 0 the body is needed, -1. */
static int
survey_encrypted(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, const uint8_t *stored, size_t n,
    struct err *err)
{
	cleanup(message_release) const struct message *m = cached(w, it->uid);
	cleanup(buf_reset) struct buf header = { .limit = LIMIT_HEADER * 2,
		.secret = true };
	enum opened kind;
	uint64_t octets;
	struct err why = { 0 };

	if (m != NULL)
		return give_message(w, r, it->uid, m, err) < 0 ? -1 : 1;

	int rc = opener_open_header(
	    w->s->user, stored, n, &kind, &header, &octets, &why);

	if (rc < 0)
		leave_out(w, it->uid, &why);
	if (rc <= 0)
		return rc < 0 ? 1 : 0;
	if (kind != OPENED_SEALED) {
		imap_kinds_put(&w->s->kinds, it->uid, KIND_AS_STORED);
		return w->stored(w->ctx, r, it->uid, err) < 0 ? -1 : 1;
	}

	struct imap_view v = { .header = header.data,
		.header_len = header.len,
		.octets = octets };

	return w->restored(w->ctx, r, it->uid, &v, err) < 0 ? -1 : 1;
}

static int
survey(void *ctx, const struct imap_response *r, struct err *err)
{
	struct imap_walk *w = ctx;
	struct imap_fetched it;
	cleanup(buf_reset) struct buf scratch = { .limit = LIMIT_HEADER };
	const uint8_t *stored;
	size_t n;

	if (!imap_response_is(r, "FETCH"))
		return 0;
	if (imap_fetched_read(r, &it, err) < 0)
		return -1;

	const struct imap_value *header =
	    w->needs_body ? &it.fields : &it.header;

	if (it.uid == 0 || !is_octets(header))
		return 0;
	if (octets_of(header, &scratch, &stored, &n, err) < 0)
		return -1;

	bool encrypted = opener_may_be_encrypted(stored, n) &&
	    imap_kinds_get(&w->s->kinds, it.uid) != KIND_AS_STORED;

	imap_kinds_put(&w->s->kinds, it.uid,
	    encrypted ? KIND_ENCRYPTED : KIND_AS_STORED);
	if (w->needs_body)
		return postpone(
		    w, r, &it, encrypted ? KIND_ENCRYPTED : KIND_AS_STORED);
	if (!encrypted)
		return w->stored(w->ctx, r, it.uid, err) < 0 ? -1 : 1;

	int rc = survey_encrypted(w, r, &it, stored, n, err);

	return rc == 0 ? postpone(w, r, &it, KIND_ENCRYPTED) : rc;
}

static void
take_verdict(struct imap_walk *w)
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

static int
put_command(struct imap_walk *w, struct buf *text, const void *set, size_t n,
    struct err *err)
{
	if (buf_puts(text, w->by_uid ? "UID FETCH " : "FETCH ", err) < 0)
		return -1;
	return buf_put(text, set, n, err);
}

static int
run_survey(struct imap_walk *w, struct err *err)
{
	static const char some[] =
	    " (UID BODY.PEEK[HEADER.FIELDS (X-SEALPOST CONTENT-TYPE)])";
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };

	if (put_command(w, &text, w->set.raw, w->set.raw_len, err) < 0)
		return -1;
	if ((w->needs_body ? buf_puts(&text, some, err)
	                   : buf_putf(&text, err, " (UID%s)",
	                         w->survey_items)) < 0)
		return -1;
	if (w->modifiers.raw_len > 0 &&
	    (buf_putc(&text, ' ', err) < 0 ||
	        buf_put(&text, w->modifiers.raw, w->modifiers.raw_len, err) <
	            0))
		return -1;
	w->own.data = survey;
	w->own.ctx = w;
	w->own.stream_fetch = false;
	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0)
		return -1;
	take_verdict(w);
	return 0;
}

/* ---- messages whose kind is known already ---- */

static bool
is_known(const struct imap_walk *w, uint32_t uid)
{
	enum imap_kind kind = imap_kinds_get(&w->s->kinds, uid);

	return kind == KIND_AS_STORED ||
	    (kind == KIND_ENCRYPTED && w->needs_body);
}

/* Puts them all into todo; false, and nothing, when the server must be asked. */
static bool
skip_survey(struct imap_walk *w)
{
	size_t at = 0, sum = 0;
	uint32_t low, high;

	if (!w->by_uid || w->modifiers.raw_len > 0)
		return false;
	while (imap_set_next(w->set.raw, w->set.raw_len, &at, &low, &high)) {
		if (high - low >= SURVEY_KNOWN_MAX - sum)
			return false;
		sum += high - low + 1;
		for (uint32_t uid = low; uid - low <= high - low; uid++)
			if (!is_known(w, uid))
				return false;
	}
	at = 0;
	while (imap_set_next(w->set.raw, w->set.raw_len, &at, &low, &high))
		for (uint32_t uid = low; uid - low <= high - low; uid++)
			add_todo(w, (struct imap_todo){ .address = uid,
			                .uid = uid,
			                .kind = imap_kinds_get(
			                    &w->s->kinds, uid) });
	return sum > 0;
}

/* ---- bodies ---- */

static struct imap_todo *
find_asked(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it)
{
	for (size_t i = w->slice_at; i < w->slice_end; i++) {
		struct imap_todo *t = &w->todo[i];

		if (t->uid == it->uid && !t->answered &&
		    (w->by_uid || t->address == r->number))
			return t;
	}
	return NULL;
}

static int
open_body(struct imap_walk *w, const struct imap_response *r,
    const struct imap_todo *t, const struct imap_fetched *it, struct err *err)
{
	cleanup(message_release) const struct message *m = NULL;
	cleanup(buf_reset) struct buf restored = {
		.limit = w->s->bridge->conf->max_message, .secret = true };
	cleanup(buf_reset) struct buf scratch = { .limit = LIMIT_IMAP_RESPONSE };
	struct message_key k;
	enum opened kind;
	struct err why = { 0 };
	const uint8_t *stored;
	size_t n;

	if (octets_of(&it->body, &scratch, &stored, &n, &why) < 0 ||
	    opener_open(w->s->user, stored, n, &kind, &restored, &why) < 0) {
		leave_out(w, t->uid, &why);
		return 1;
	}
	if (kind == OPENED_PLAIN || kind == OPENED_NEVER) {
		imap_kinds_put(&w->s->kinds, t->uid, KIND_AS_STORED);
		return postpone(w, r, it, KIND_AS_STORED);
	}
	if (message_cache_put(w->s->messages, key_of(w, t->uid, &k), kind,
	        &restored, &m, &why) < 0) {
		leave_out(w, t->uid, &why);
		return 1;
	}
	return give_message(w, r, t->uid, m, err) < 0 ? -1 : 1;
}

static int
answer_cached(struct imap_walk *w, const struct imap_response *r,
    const struct imap_todo *t, const struct imap_fetched *it, struct err *err)
{
	cleanup(message_release) const struct message *m = cached(w, t->uid);

	if (m != NULL)
		return give_message(w, r, t->uid, m, err) < 0 ? -1 : 1;
	add_todo(w, (struct imap_todo){ .address = t->address,
	                .uid = t->uid,
	                .kind = KIND_ENCRYPTED,
	                .no_cache = true });
	return it->has_flags ? 0 : 1;
}

static int
take_body(void *ctx, const struct imap_response *r, struct err *err)
{
	struct imap_walk *w = ctx;
	struct imap_fetched it;

	if (!imap_response_is(r, "FETCH"))
		return 0;
	if (imap_fetched_read(r, &it, err) < 0)
		return -1;

	struct imap_todo *found = find_asked(w, r, &it);

	if (found == NULL || !is_octets(&it.body))
		return 0;
	found->answered = true;

	struct imap_todo t = *found; /* the array may move */

	return w->slice_cached ? answer_cached(w, r, &t, &it, err)
	                       : open_body(w, r, &t, &it, err);
}

/* ---- slices of todo ---- */

static bool
is_cached(const struct imap_walk *w, const struct imap_todo *t)
{
	cleanup(message_release) const struct message *m =
	    t->kind != KIND_ENCRYPTED || t->no_cache ? NULL
	                                             : cached(w, t->uid);

	return m != NULL;
}

/* From slice_at on: those of one kind, in as many as one command takes. */
static int
put_slice(struct imap_walk *w, struct buf *text, struct err *err)
{
	const struct imap_todo *first = &w->todo[w->slice_at];
	uint32_t numbers[SLICE_OCTETS / 8];
	cleanup(buf_reset) struct buf set = { .limit = LIMIT_IMAP_LINE };
	size_t n = 0, used;

	w->slice_cached = is_cached(w, first);
	while (n < countof(numbers) && w->slice_at + n < w->todo_count &&
	    first[n].kind == first->kind &&
	    (n == 0 || is_cached(w, &first[n]) == w->slice_cached)) {
		numbers[n] = first[n].address;
		n++;
	}
	if (imap_set_put(numbers, n, SLICE_OCTETS, &set, &used, err) < 0)
		return -1;
	w->slice_end = w->slice_at + used;
	return put_command(w, text, set.data, set.len, err);
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

	cleanup(message_release) const struct message *m = cached(w, t.uid);

	if (m == NULL)
		return 0;
	return give_message(w, NULL, t.uid, m, err) < 0 ? -1 : 1;
}

/* The next slice of todo. */
static int
run_slice(struct imap_walk *w, struct err *err)
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

	w->own.stream_fetch = stored;
	w->own.data = stored ? NULL : take_body;
	w->own.ctx = w;
	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0)
		return -1;
	take_verdict(w);
	return 0;
}

static int
by_kind(const void *a, const void *b)
{
	const struct imap_todo *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

static int
run_all(struct imap_walk *w, struct err *err)
{
	if (!skip_survey(w)) {
		w->todo_count = 0;
		if (run_survey(w, err) < 0)
			return -1;
	}
	for (size_t window = 0; w->slice_at < w->todo_count;) {
		if (w->slice_at >= window) {
			size_t left = w->todo_count - w->slice_at;

			window = w->slice_at + (left < WINDOW ? left : WINDOW);
			qsort(&w->todo[w->slice_at], window - w->slice_at,
			    sizeof w->todo[0], by_kind);
		}
		if (run_slice(w, err) < 0)
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

	text->limit = limit;
	return rc;
}
