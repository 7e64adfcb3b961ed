/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * FETCH and UID FETCH. What asks for nothing of the message's octets is
 * forwarded; else plain messages are the server's to answer, and encrypted ones
 * are answered from what they were before.
 */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_walk.h"

struct fetch {
	struct imap_session *s;
	const struct imap_command *c;
	struct imap_fetch items;
	bool asks_uid, asks_header;
	struct imap_walk walk;
};

static void
fetch_reset(struct fetch *f)
{
	imap_fetch_reset(&f->items);
	imap_walk_reset(&f->walk);
}

/* ---- one FETCH response to the client ---- */

static int
begin(struct buf *out, const struct imap_response *r, struct err *err)
{
	return buf_putf(out, err, "* %u FETCH (", r->number);
}

/* Did only the bridge ask for it? */
static bool
is_extra(const struct fetch *f, const struct imap_value *name)
{
	if (imap_is(name, "UID"))
		return !f->asks_uid && !f->c->uid;
	if (imap_is(name, "INTERNALDATE"))
		return !f->walk.asks_date;
	return imap_is(name, "BODY[HEADER]") && !f->asks_header;
}

/* The server's items: all that were asked for, or those that pass. */
static int
copy_items(const struct fetch *f, const struct imap_response *r,
    bool only_passing, struct buf *out, struct err *err)
{
	struct imap_cursor items;
	struct imap_value name, value;
	int rc;

	if (imap_fetch_open(r, &items, err) < 0)
		return -1;
	while ((rc = imap_fetch_next(&items, &name, &value, err)) > 0) {
		if (is_extra(f, &name) ||
		    (only_passing && !imap_item_passes(name.data, name.len)))
			continue;
		if ((out->data[out->len - 1] != '(' &&
			buf_putc(out, ' ', err) < 0) ||
		    buf_put(out, name.raw, name.raw_len, err) < 0 ||
		    buf_putc(out, ' ', err) < 0 ||
		    buf_put(out, value.raw, value.raw_len, err) < 0)
			return -1;
	}
	return rc;
}

static int
as_stored(
    void *ctx, const struct imap_response *r, uint32_t uid, struct err *err)
{
	struct fetch *f = ctx;
	cleanup(
	    buf_reset) struct buf out = { .limit = f->s->response.text.limit };

	(void)uid;
	if (begin(&out, r, err) < 0 ||
	    copy_items(f, r, false, &out, err) < 0 ||
	    buf_puts(&out, ")\r\n", err) < 0)
		return -1;
	return net_stream_write(f->s->client, out.data, out.len, err);
}

static int
as_restored(void *ctx, const struct imap_response *r, uint32_t uid,
    struct imap_view *v, struct err *err)
{
	struct fetch *f = ctx;
	const struct sink client = imap_stream_sink(f->s->client);
	cleanup(imap_pieces_reset) struct imap_pieces out = {
		.text = { .limit = f->s->bridge->conf->max_message +
				   LIMIT_IMAP_RESPONSE,
		    .secret = true },
	};
	struct err why = { 0 };

	if (begin(&out.text, r, err) < 0 ||
	    copy_items(f, r, true, &out.text, err) < 0)
		return -1;
	if (imap_view_put(v, &f->items, &out, &why) < 0) {
		f->walk.left_out = true;
		log_warning(
		    "imap: message left out, user=<%s>, uid=%u, reason=%s",
		    f->s->account->address, (unsigned)uid, why.text);
		return 0;
	}
	if (buf_puts(&out.text, ")\r\n", err) < 0)
		return -1;
	return imap_pieces_write(&out, &client, err);
}

/* ---- the command ---- */

static bool
is_uid(const struct imap_item *item)
{
	return strcmp(item->label, "UID") == 0;
}

static bool
is_header(const struct imap_item *item)
{
	return strcmp(item->label, "BODY[HEADER]") == 0;
}

enum which { ALL_ITEMS, ALL_BUT_UID, PASSING_ITEMS };

/* " ITEM ITEM", as the client asked for them. */
static int
put_requests(
    const struct fetch *f, enum which which, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < f->items.count; i++) {
		const struct imap_item *item = &f->items.items[i];

		if (is_uid(item) && which != ALL_ITEMS)
			continue;
		if (which != PASSING_ITEMS || item->kind == IMAP_ITEM_PASS)
			if (buf_putf(out, err, " %s", item->request) < 0)
				return -1;
	}
	if (f->items.changed_since && buf_puts(out, " MODSEQ", err) < 0)
		return -1;
	return 0;
}

static void
look_at(struct fetch *f, const struct imap_item *item)
{
	f->asks_uid = f->asks_uid || is_uid(item);
	f->asks_header = f->asks_header || is_header(item);
	f->walk.survey_tells_all =
	    f->walk.survey_tells_all &&
	    (item->kind == IMAP_ITEM_PASS || is_header(item));
	f->walk.asks_flags =
	    f->walk.asks_flags || strcmp(item->label, "FLAGS") == 0;
	f->walk.asks_date =
	    f->walk.asks_date || strcmp(item->label, "INTERNALDATE") == 0;
	f->walk.sets_seen = f->walk.sets_seen || item->seen;
}

static bool
only_passing(const struct imap_fetch *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].kind != IMAP_ITEM_PASS)
			return false;
	return true;
}

static int
finish(struct fetch *f, struct err *err)
{
	const struct buf *verdict = &f->walk.verdict;

	if (f->walk.left_out)
		return imap_answer(f->s, f->c->tag, err,
		    "NO [UNAVAILABLE] Some messages cannot be opened now.");
	if (verdict->len == 0)
		return imap_answer(f->s, f->c->tag, err, "OK Fetch completed.");
	return imap_answer_as(f->s, f->c->tag, verdict, err);
}

/*
 * \Seen, which the server sets and tells, comes with the answer and not ahead of
 * it: clients take one response for the whole.
 */
static void
plan(struct fetch *f)
{
	struct imap_walk *w = &f->walk;

	w->survey_tells_all = true;
	for (size_t i = 0; i < f->items.count; i++)
		look_at(f, &f->items.items[i]);
	w->need = imap_need_of(&f->items);
	if (w->need == NEEDS_STRUCTURE && w->sets_seen)
		w->need = NEEDS_BODY;
	if (w->need == NEEDS_HEADER && w->sets_seen)
		w->survey_tells_all = true;
}

static int
rewrite(struct fetch *f, struct err *err)
{
	cleanup(buf_reset) struct buf all = { .limit = LIMIT_IMAP_COMMAND };
	cleanup(buf_reset) struct buf header = { .limit = LIMIT_IMAP_COMMAND };
	cleanup(buf_reset) struct buf pass = { .limit = LIMIT_IMAP_COMMAND };
	struct imap_walk *w = &f->walk;

	plan(f);
	if (put_requests(f, ALL_ITEMS, &all, err) < 0 ||
	    put_requests(f, PASSING_ITEMS, &pass, err) < 0 ||
	    put_requests(f, w->survey_tells_all ? ALL_BUT_UID : PASSING_ITEMS,
		&header, err) < 0 ||
	    (!(w->survey_tells_all && f->asks_header) &&
		buf_puts(&header, " BODY.PEEK[HEADER]", err) < 0))
		return -1;
	w->stored_items = buf_str(&all, err);
	w->pass_items = buf_str(&pass, err);
	w->header_items = buf_str(&header, err);
	if (w->stored_items == NULL || w->pass_items == NULL ||
	    w->header_items == NULL)
		return -1;
	w->s = f->s;
	w->by_uid = f->c->uid;
	w->set = f->items.set;
	w->modifiers = f->items.modifiers;
	w->stored = as_stored;
	w->restored = as_restored;
	w->ctx = f;
	return imap_walk_run(w, err) < 0 ? -1 : finish(f, err);
}

int
imap_do_fetch(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	cleanup(fetch_reset) struct fetch f = { .s = s, .c = c };
	struct err why = { 0 };

	if (imap_fetch_parse(c->arguments, c->arguments_len, &f.items, &why) <
	    0)
		return imap_answer(s, c->tag, err, "%s %s.",
		    why.kind == ERR_PROTO ? "BAD" : "NO [UNAVAILABLE]",
		    why.text);
	if (only_passing(&f.items))
		return imap_forward(s, c, EFFECT_NONE, err);
	if (imap_drain(s, err) < 0)
		return -1;
	return rewrite(&f, err);
}
