/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The first look: what are they, and what does the header tell? */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_walk_private.h"
#include "proto/imap_set.h"

enum {
	SURVEY_KNOWN_MAX = 1000, /* UIDs looked up before the server is asked */
};

int
imap_walk_give_facts(struct imap_walk *w, const struct imap_response *r, uint32_t uid,
    struct err *err)
{
	cleanup(facts_reset) struct facts f = { 0 };
	struct message_key k;

	if (w->s->facts == NULL || imap_walk_key_of(w, uid, &k) == NULL ||
	    facts_get(w->s->facts, w->s->account->address, &k, &f, NULL) <= 0 ||
	    (f.kind == OPENED_FOREIGN && !w->s->account->decrypt_foreign))
		return 0;
	imap_kinds_put(&w->s->kinds, uid, KIND_ENCRYPTED);
	if (w->wants_structure && !facts_know_structure(&f))
		return 0;

	struct imap_view v = { .header = f.header.data,
		.header_len = f.header.len,
		.octets = f.octets,
		.facts = &f };

	return w->restored(w->ctx, r, uid, &v, err) < 0 ? -1 : 1;
}

/* For the next listing. Where it fails, it is opened again. */
static void
keep_header(struct imap_walk *w, uint32_t uid, const struct buf *header,
    uint64_t octets)
{
	cleanup(facts_reset) struct facts f = { 0 };
	struct message_key k;

	if (w->s->facts == NULL || imap_walk_key_of(w, uid, &k) == NULL)
		return;
	if (facts_of_header(header, octets, &f, NULL) < 0 ||
	    facts_put(w->s->facts, w->s->account->address, &k, &f, NULL) < 0)
		log_warning(
		    "imap: not kept in the cache, uid=%u", (unsigned)uid);
}

/* 1 dealt with, 0 the body is needed, -1. */
static int
survey_encrypted(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, const uint8_t *stored, size_t n,
    struct err *err)
{
	cleanup(message_release) const struct message *m =
	    imap_walk_cached(w, it->uid);
	cleanup(buf_reset) struct buf header = { .limit = LIMIT_HEADER * 2,
		.secret = true };
	enum opened kind;
	uint64_t octets;
	struct err why = { 0 };

	if (m != NULL)
		return imap_walk_give_message(w, r, it->uid, m, err) < 0 ? -1
									 : 1;

	int rc = opener_open_header(
	    w->s->user, stored, n, &kind, &header, &octets, &why);

	if (rc < 0)
		imap_walk_leave_out(w, it->uid, &why);
	if (rc <= 0)
		return rc < 0 ? 1 : imap_walk_give_facts(w, r, it->uid, err);
	if (kind != OPENED_SEALED) {
		imap_kinds_put(&w->s->kinds, it->uid, KIND_AS_STORED);
		return w->stored(w->ctx, r, it->uid, err) < 0 ? -1 : 1;
	}
	if (w->wants_structure)
		return imap_walk_give_facts(w, r, it->uid, err);

	keep_header(w, it->uid, &header, octets);

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

	if (it.uid == 0 || !imap_walk_is_octets(header) ||
	    !imap_members_take(&w->asked, w->by_uid ? it.uid : r->number))
		return 0;
	if (imap_walk_octets_of(header, &scratch, &stored, &n, err) < 0)
		return -1;

	bool encrypted = opener_may_be_encrypted(stored, n) &&
			 imap_kinds_get(&w->s->kinds, it.uid) != KIND_AS_STORED;

	imap_kinds_put(
	    &w->s->kinds, it.uid, encrypted ? KIND_ENCRYPTED : KIND_AS_STORED);
	if (w->needs_body)
		return imap_walk_postpone(
		    w, r, &it, encrypted ? KIND_ENCRYPTED : KIND_AS_STORED);
	if (!encrypted)
		return w->stored(w->ctx, r, it.uid, err) < 0 ? -1 : 1;

	int rc = survey_encrypted(w, r, &it, stored, n, err);

	return rc == 0 ? imap_walk_postpone(w, r, &it, KIND_ENCRYPTED) : rc;
}

int
imap_walk_put_modifiers(
    const struct imap_walk *w, struct buf *text, struct err *err)
{
	if (w->modifiers.raw_len == 0)
		return 0;
	if (buf_putc(text, ' ', err) < 0)
		return -1;
	return buf_put(text, w->modifiers.raw, w->modifiers.raw_len, err);
}

int
imap_walk_run_survey(struct imap_walk *w, struct err *err)
{
	static const char some[] =
	    " (UID BODY.PEEK[HEADER.FIELDS (X-SEALPOST CONTENT-TYPE)])";
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };

	if (imap_walk_put_command(w, &text, w->set.raw, w->set.raw_len, err) <
	    0)
		return -1;
	if ((w->needs_body
		    ? buf_puts(&text, some, err)
		    : buf_putf(&text, err, " (UID%s)", w->survey_items)) < 0 ||
	    imap_walk_put_modifiers(w, &text, err) < 0)
		return -1;
	if (imap_members_init(&w->asked, w->set.raw, w->set.raw_len, err) < 0)
		return -1;
	w->own.data = survey;
	w->own.ctx = w;
	w->own.streams = NULL;
	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0)
		return -1;
	imap_walk_take_verdict(w);
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

/* Puts them all into todo; false, and nothing, when the server must be asked.
 */
bool
imap_walk_skip_survey(struct imap_walk *w)
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
			imap_walk_add_todo(
			    w, (struct imap_todo){ .address = uid,
				   .uid = uid,
				   .kind = imap_kinds_get(&w->s->kinds, uid) });
	return sum > 0;
}
