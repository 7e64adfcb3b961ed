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
	JOB_OCTETS = 256 << 10,  /* a longer header waits for nobody */
};

/* From what an earlier session has found out. 1; 0 it is not known; -1. */
static int
give_facts(struct imap_walk *w, const struct imap_response *r, uint32_t uid,
    struct err *err)
{
	cleanup(facts_reset) struct facts f = { 0 };
	struct message_key k;

	if (w->s->facts == NULL || imap_walk_key_of(w, uid, &k) == NULL ||
	    facts_get(w->s->facts, w->s->account->address, &k, &f, NULL) <= 0 ||
	    (f.kind == OPENED_FOREIGN && !w->s->account->decrypt_foreign))
		return 0;
	imap_kinds_put(&w->s->kinds, uid, KIND_ENCRYPTED);
	if (w->need == NEEDS_STRUCTURE && !facts_know_structure(&f))
		return 0;

	struct imap_view v = { .header = f.header.data,
		.header_len = f.header.len,
		.octets = f.octets,
		.facts = &f };

	return w->restored(w->ctx, r, uid, &v, err) < 0 ? -1 : 1;
}

int
imap_walk_give_known(struct imap_walk *w, const struct imap_response *r,
    uint32_t uid, struct err *err)
{
	cleanup(message_release) const struct message *m =
	    imap_walk_cached(w, uid);

	if (m == NULL)
		return give_facts(w, r, uid, err);
	return imap_walk_give_message(w, r, uid, m, err) < 0 ? -1 : 1;
}

static int
keep(struct imap_session *s, const struct message_key *k, const struct facts *f)
{
	const char *account = s->account->address;

	if (facts_put(s->facts, account, k, f, NULL) < 0)
		return -1;
	if (!s->has_facts && facts_mark(s->facts, account, k, NULL) < 0)
		return -1;
	s->has_facts = true;
	return 0;
}

void
imap_walk_keep_facts(struct imap_walk *w, uint32_t uid, const struct facts *f)
{
	struct message_key k;

	if (w->s->facts != NULL && imap_walk_key_of(w, uid, &k) != NULL &&
	    keep(w->s, &k, f) < 0)
		log_warning(
		    "imap: not kept in the cache, uid=%u", (unsigned)uid);
}

/* A header to open. */
struct job {
	struct user *user;
	const uint8_t *stored;
	size_t n;
	struct buf text; /* the response, when the session reads on meanwhile */

	int rc; /* and what opener_open_header() has said */
	enum opened kind;
	struct buf header;
	uint64_t octets;
	struct err why;
};

static void
job_reset(struct job *j)
{
	buf_reset(&j->text);
	buf_reset(&j->header);
}

static void
job_free(struct job **jp)
{
	struct job *j = steal(jp);

	if (j == NULL)
		return;
	job_reset(j);
	free(j);
}

/* In any thread. */
static void
open_header(void *ctx)
{
	struct job *j = ctx;

	j->rc = opener_open_header(j->user, j->stored, j->n, &j->kind,
	    &j->header, &j->octets, &j->why);
}

static int
give_header(struct imap_walk *w, const struct imap_response *r, uint32_t uid,
    const struct job *j, struct err *err)
{
	cleanup(facts_reset) struct facts f = { 0 };
	struct imap_view v = { .header = j->header.data,
		.header_len = j->header.len,
		.octets = j->octets };

	if (facts_of_header(&j->header, j->octets, &f, NULL) == 0)
		imap_walk_keep_facts(w, uid, &f);
	return w->restored(w->ctx, r, uid, &v, err) < 0 ? -1 : 1;
}

/* 1, 0 when flags are to be relayed, -1. */
static int
give_stored(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, struct err *err)
{
	imap_kinds_put(&w->s->kinds, it->uid, KIND_AS_STORED);
	if (w->stored_items != NULL && !w->survey_tells_all)
		return imap_walk_postpone(w, r, it, KIND_AS_STORED);
	return w->stored(w->ctx, r, it->uid, err) < 0 ? -1 : 1;
}

/* 1, 0 when flags are to be relayed, -1. */
static int
finish(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, const struct job *j, struct err *err)
{
	int rc;

	if (j->rc < 0) {
		imap_walk_leave_out(w, it->uid, &j->why);
		return 1;
	}
	if (j->rc > 0 && j->kind != OPENED_SEALED)
		return give_stored(w, r, it, err);
	rc = j->rc == 0 ? give_facts(w, r, it->uid, err)
			: give_header(w, r, it->uid, j, err);
	return rc == 0 ? imap_walk_postpone(w, r, it, KIND_ENCRYPTED) : rc;
}

/* The oldest that another thread has opened: 1, 0 there is none, -1. */
static int
finish_oldest(struct imap_walk *w, struct err *err)
{
	cleanup(job_free) struct job *j =
	    w->crew == NULL ? NULL : crew_take(w->crew);
	struct imap_response r;
	struct imap_fetched it;

	if (j == NULL)
		return 0;
	if (imap_response_parse(j->text.data, j->text.len, &r, err) < 0 ||
	    imap_fetched_read(&r, &it, err) < 0)
		return -1;
	return finish(w, &r, &it, j, err) < 0 ? -1 : 1;
}

/*
 * The client has all that came before: an EXPUNGE changes the numbers of what
 * follows it, flags that are told take the place of older ones.
 */
static int
settle(struct imap_walk *w, struct err *err)
{
	int rc;

	do
		rc = finish_oldest(w, err);
	while (rc > 0);
	return rc;
}

void
imap_walk_dismiss(struct imap_walk *w)
{
	struct job *j;

	if (w->crew == NULL)
		return;
	crew_drop(w->crew); /* nobody waits for them any more */
	while ((j = crew_take(w->crew)) != NULL)
		job_free(&j);
	crew_free(&w->crew);
}

/* A copy for others to open. NULL: it cannot be. */
static struct job *
job_for_crew(const struct imap_walk *w, const struct imap_fetched *it,
    const struct job *own)
{
	const struct buf *t = &w->s->response.text;
	cleanup(job_free) struct job *j = calloc(1, sizeof *j);

	/* flags that nobody has asked for are relayed with the response */
	if (j == NULL || t->len > JOB_OCTETS ||
	    it->header.type != IMAP_LITERAL ||
	    (it->has_flags && !w->asks_flags))
		return NULL;
	*j = *own;
	j->text.limit = t->len;
	if (buf_put(&j->text, t->data, t->len, NULL) < 0)
		return NULL;
	j->stored = j->text.data + (own->stored - t->data);
	return steal(&j);
}

/* 1 dealt with, or it will be; 0 flags are to be relayed; -1. */
static int
survey_header(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, const uint8_t *stored, size_t n,
    struct err *err)
{
	cleanup(message_release) const struct message *m =
	    imap_walk_cached(w, it->uid);
	cleanup(job_reset) struct job own = { .user = w->s->user,
		.stored = stored,
		.n = n };

	if (m != NULL)
		return imap_walk_give_message(w, r, it->uid, m, err) < 0 ? -1
									 : 1;

	struct job *j = w->crew == NULL ? NULL : job_for_crew(w, it, &own);

	if (j == NULL) {
		open_header(&own);
		return finish(w, r, it, &own, err);
	}

	int rc = crew_is_full(w->crew) ? finish_oldest(w, err) : 0;

	crew_give(w->crew, j);
	return rc < 0 ? -1 : 1;
}

/* As survey_header(). */
static int
survey_encrypted(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, const uint8_t *stored, size_t n,
    struct err *err)
{
	int rc = 0;

	if (w->need == NEEDS_HEADER)
		return survey_header(w, r, it, stored, n, err);
	if (w->need == NEEDS_STRUCTURE)
		rc = imap_walk_give_known(w, r, it->uid, err);
	return rc == 0 ? imap_walk_postpone(w, r, it, KIND_ENCRYPTED) : rc;
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
		return settle(w, err);
	if (imap_fetched_read(r, &it, err) < 0)
		return -1;

	const struct imap_value *header =
	    w->need == NEEDS_HEADER ? &it.header : &it.fields;

	if (it.uid == 0 || !imap_walk_is_octets(header) ||
	    !imap_members_take(&w->asked, w->by_uid ? it.uid : r->number))
		return settle(w, err);
	if (imap_walk_octets_of(header, &scratch, &stored, &n, err) < 0)
		return -1;

	bool encrypted = opener_may_be_encrypted(stored, n) &&
			 imap_kinds_get(&w->s->kinds, it.uid) != KIND_AS_STORED;

	if (!encrypted)
		return imap_walk_leave_flags(
		    w, &it, give_stored(w, r, &it, err));
	imap_kinds_put(&w->s->kinds, it.uid, KIND_ENCRYPTED);
	return imap_walk_leave_flags(
	    w, &it, survey_encrypted(w, r, &it, stored, n, err));
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

static int
put_survey_items(const struct imap_walk *w, struct buf *text, struct err *err)
{
	static const char type[] = " BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE)]";

	switch (w->need) {
	case NEEDS_HEADER:
		return buf_putf(text, err, " (UID%s)", w->header_items);
	case NEEDS_STRUCTURE:
		return buf_putf(text, err, " (UID%s%s)", w->pass_items, type);
	case NEEDS_BODY:
		break;
	}
	return buf_putf(text, err, " (UID%s)", type);
}

int
imap_walk_run_survey(struct imap_walk *w, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };

	if (imap_walk_put_command(w, &text, w->set.raw, w->set.raw_len, err) <
	    0)
		return -1;
	if (put_survey_items(w, &text, err) < 0 || imap_walk_put_modifiers(w, &text, err) < 0)
		return -1;
	if (imap_members_init(&w->asked, w->set.raw, w->set.raw_len, err) < 0)
		return -1;
	if (w->crew == NULL && w->need == NEEDS_HEADER &&
	    crew_new(open_header, &w->crew, NULL) < 0)
		w->crew = NULL; /* then nobody helps */
	w->own.data = survey;
	w->own.ctx = w;
	w->own.streams = NULL;

	if (imap_run(w->s, &w->own, (char *)text.data, text.len, err) < 0 ||
	    settle(w, err) < 0)
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
	       (kind == KIND_ENCRYPTED && w->need == NEEDS_BODY);
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
