/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A listing of what earlier ones have found out: the server is asked for
 * nothing of the messages themselves, and only what is not known is surveyed.
 */

#include <string.h>

#include "base/limits.h"
#include "imap_walk_private.h"
#include "proto/imap_set.h"

enum {
	RECALL_OCTETS = 2000,  /* of a set in one command */
	RECALL_NUMBERS = 4000, /* in it */
};

/*
 * Where nothing is known of any, the server is asked once. And \Seen is set by
 * asking it for the message.
 */
bool
imap_walk_may_recall(const struct imap_walk *w)
{
	struct imap_session *s = w->s;
	struct message_key k;

	if (w->need == NEEDS_BODY || w->sets_seen || s->facts == NULL ||
	    imap_walk_key_of(w, 1, &k) == NULL)
		return false;
	if (!s->has_facts)
		s->has_facts = facts_are_there(s->facts, s->account->address,
				   &k, NULL) > 0;
	return s->has_facts;
}

/*
 * The date tells the answer from flags that the server reports meanwhile: with
 * those alone the client would have an answer that is not whole.
 */
static int
recall(void *ctx, const struct imap_response *r, struct err *err)
{
	struct imap_walk *w = ctx;
	struct imap_fetched it;

	if (!imap_response_is(r, "FETCH"))
		return 0;
	if (imap_fetched_read(r, &it, err) < 0)
		return -1;
	if (it.uid == 0 || !it.has_date ||
	    !imap_members_take(&w->asked, w->by_uid ? it.uid : r->number))
		return 0;

	enum imap_kind kind = imap_kinds_get(&w->s->kinds, it.uid);
	int rc = kind == KIND_AS_STORED
		     ? 0
		     : imap_walk_give_known(w, r, it.uid, err);

	if (rc != 0)
		return rc;
	kind = imap_kinds_get(&w->s->kinds, it.uid);
	if (kind == KIND_ENCRYPTED && w->need == NEEDS_HEADER)
		kind = KIND_UNKNOWN; /* its header is needed, not its body */
	return imap_walk_postpone(w, r, &it, kind);
}

static int
ask(struct imap_walk *w, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };

	if (imap_members_init(
		&w->asked, w->set.raw, w->set.raw_len, err) < 0 ||
	    imap_walk_put_command(w, &text, w->set.raw, w->set.raw_len, err) <
		0 ||
	    buf_putf(&text, err, " (UID%s%s)",
		w->asks_date ? "" : " INTERNALDATE",
		w->pass_items == NULL ? "" : w->pass_items) < 0 ||
	    imap_walk_put_modifiers(w, &text, err) < 0)
		return -1;
	w->own.data = recall;
	w->own.ctx = w;
	w->own.streams = NULL;
	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0)
		return -1;
	imap_walk_take_verdict(w);
	return 0;
}

/* What is unknown comes first. */
static int
survey_unknown(struct imap_walk *w, struct err *err)
{
	cleanup(buf_reset) struct buf set = { .limit = RECALL_OCTETS + 32 };
	uint32_t numbers[RECALL_NUMBERS];
	size_t n = 0, used;

	while (n < countof(numbers) && w->slice_at + n < w->todo_count &&
	       w->todo[w->slice_at + n].kind == KIND_UNKNOWN) {
		numbers[n] = w->todo[w->slice_at + n].address;
		n++;
	}
	if (imap_set_put(numbers, n, RECALL_OCTETS, &set, &used, err) < 0)
		return -1;
	w->slice_at += used;
	w->set = (struct imap_value){ .raw = set.data, .raw_len = set.len };
	w->modifiers = (struct imap_value){ 0 };
	imap_members_reset(&w->asked);

	int rc = imap_walk_run_survey(w, err);

	w->set = (struct imap_value){ 0 };
	return rc;
}

int
imap_walk_recall(struct imap_walk *w, struct err *err)
{
	if (ask(w, err) < 0)
		return -1;
	imap_walk_sort(w, w->todo_count);
	while (w->slice_at < w->todo_count &&
	       w->todo[w->slice_at].kind == KIND_UNKNOWN)
		if (survey_unknown(w, err) < 0)
			return -1;
	return 0;
}
