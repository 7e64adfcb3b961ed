/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SEARCH and UID SEARCH: the server cannot look into what is encrypted, so the
 * keys that do are answered by search.h over what the walk opens.
 */

#include <string.h>

#include "base/limits.h"
#include "imap_walk.h"
#include "proto/imap_set.h"
#include "search.h"

struct searching {
	struct imap_session *s;
	const struct imap_command *c;
	struct search *search;
	uint32_t *found; /* candidates, as the command addresses */
	size_t count, room;
	bool failed;
};

static void
searching_reset(struct searching *x)
{
	search_free(&x->search);
	free(x->found);
	x->found = NULL;
}

/* ---- the candidates ---- */

static int
add_candidate(struct searching *x, uint32_t number, struct err *err)
{
	if (x->count == x->room) {
		size_t room = x->room == 0 ? 256 : x->room * 2;

		if (room > LIMIT_IMAP_MESSAGES)
			return err_set(err, ERR_PROTO,
			    "the server finds more messages than there can be");

		uint32_t *more = reallocarray(x->found, room, sizeof *more);

		if (more == NULL)
			return err_nomem(err);
		x->found = more;
		x->room = room;
	}
	x->found[x->count++] = number;
	return 0;
}

static int
take_candidates(void *ctx, const struct imap_response *r, struct err *err)
{
	struct searching *x = ctx;
	struct imap_cursor c = imap_cursor(r->rest, r->rest_len);
	struct imap_value v;
	uint32_t number;
	int rc;

	if (!imap_response_is(r, "SEARCH"))
		return 0;
	while ((rc = imap_next(&c, &v, err)) > 0) {
		if (v.type == IMAP_LIST) /* (MODSEQ n) */
			continue;
		if (!imap_number(v.data, v.len, &number) || number == 0)
			return err_set(
			    err, ERR_PROTO, "the server's SEARCH is odd");
		if (add_candidate(x, number, err) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 1;
}

/*
 * Runs "[UID] SEARCH <program>"; what it finds is added. 1; 0 the server
 * refused and the client was told; -1.
 */
static int
run_search(struct searching *x, const struct buf *program, struct err *err)
{
	cleanup(imap_own_reset) struct imap_own own = { .data = take_candidates,
		.ctx = x };
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_IMAP_COMMAND };

	if (buf_puts(&text, x->c->uid ? "UID SEARCH " : "SEARCH ", err) < 0 ||
	    buf_put(&text, program->data, program->len, err) < 0 ||
	    imap_run(x->s, &own, (char *)text.data, text.len, err) < 0)
		return -1;
	if (own.ok)
		return 1;
	return imap_answer_as(x->s, x->c->tag, &own.result, err) < 0 ? -1 : 0;
}

static int
refuse(struct searching *x, const struct err *why, struct err *err)
{
	return imap_answer(x->s, x->c->tag, err, "NO [%s] %s.",
	    why->kind == ERR_PERM ? "LIMIT" : "UNAVAILABLE", why->text);
}

/* 1, 0 the client was told why not, -1. */
static int
find_candidates(struct searching *x, struct err *err)
{
	cleanup(buf_reset) struct buf program = { 0 };
	struct err why = { 0 };

	if (search_put_candidates(x->search, &program, &why) < 0)
		return refuse(x, &why, err);
	return run_search(x, &program, err);
}

/* ---- looking at them ---- */

static int
take_plain(
    void *ctx, const struct imap_response *r, uint32_t uid, struct err *err)
{
	struct searching *x = ctx;

	(void)r;
	(void)err;
	if (search_plain(x->search, uid, NULL) < 0)
		x->failed = true;
	return 0;
}

static int
size_of(void *ctx, uint64_t *octets, struct err *err)
{
	const struct imap_view *v = ctx;

	(void)err;
	*octets = v->octets;
	return 0;
}

static int
header_of(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	return imap_view_header(ctx, data, n, err);
}

static int
message_of(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	const struct imap_view *v = ctx;

	if (v->message == NULL)
		return err_set(err, ERR_TEMP, "the message is not here");
	*data = v->message->data;
	*n = v->message->len;
	return 0;
}

static int
take_restored(void *ctx, const struct imap_response *r, uint32_t uid,
    struct imap_view *v, struct err *err)
{
	struct searching *x = ctx;
	const struct search_message m = { .ctx = v,
		.size = size_of,
		.header = header_of,
		.message = message_of };

	(void)r;
	(void)err;
	if (search_sealed(x->search, uid, &m, NULL) < 0)
		x->failed = true;
	return 0;
}

static int
look(struct searching *x, const struct buf *set, struct err *err)
{
	cleanup(imap_walk_reset) struct imap_walk w = { .s = x->s,
		.by_uid = x->c->uid,
		.set = { .raw = set->data, .raw_len = set->len },
		.need = search_needs(x->search) == SEARCH_NEEDS_BODY
			    ? NEEDS_BODY
			    : NEEDS_HEADER,
		.header_items = " BODY.PEEK[HEADER]",
		.restored = take_restored,
		.stored = take_plain,
		.ctx = x };

	if (imap_walk_run(&w, err) < 0)
		return -1;
	x->failed = x->failed || w.left_out || w.refused;
	return 0;
}

static int
look_at_all(struct searching *x, struct err *err)
{
	for (size_t done = 0, used; done < x->count; done += used) {
		cleanup(
		    buf_reset) struct buf set = { .limit = LIMIT_IMAP_LINE };

		if (imap_set_put(x->found + done, x->count - done, 4000, &set,
			&used, err) < 0 ||
		    look(x, &set, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the answer ---- */

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* 1 all parts are in x->found; 0 the client was told why not; -1. */
static int
find_in_parts(struct searching *x, struct err *err)
{
	cleanup(buf_reset) struct buf part = { 0 };
	struct err why = { 0 };
	size_t done = 0;
	int rc;

	x->count = 0;
	while ((rc = search_put_part(
		    x->search, LIMIT_SEARCH_PROGRAM, &done, &part, &why)) > 0) {
		rc = run_search(x, &part, err);
		if (rc <= 0)
			return rc;
	}
	if (rc < 0)
		return refuse(x, &why, err);
	if (x->count > 0)
		qsort(x->found, x->count, sizeof *x->found, compare_numbers);
	return 1;
}

/* RETURN (SAVE): the server's `$` becomes what was found. As above. */
static int
save_found(struct searching *x, struct err *err)
{
	cleanup(buf_reset) struct buf program = { .limit = LIMIT_IMAP_COMMAND };
	size_t done = 0;
	int rc;

	while ((rc = search_put_save(x->search, x->c->uid,
		    LIMIT_SEARCH_PROGRAM / 2, x->found, x->count, &done,
		    &program, err)) > 0) {
		rc = run_search(x, &program, err);
		if (rc <= 0)
			return rc;
		buf_clear(&program);
	}
	return rc < 0 ? -1 : 1;
}

/* A program that is too long for one command. */
static int
ask_in_parts(struct searching *x, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_IMAP_RESPONSE };
	int rc = find_in_parts(x, err);

	if (rc > 0)
		rc = save_found(x, err);
	if (rc <= 0)
		return rc;
	if (search_put_answer(x->search, x->c->tag, x->c->uid, x->found,
		x->count, &out, err) < 0 ||
	    net_stream_write(x->s->client, out.data, out.len, err) < 0)
		return -1;
	return imap_answer(x->s, x->c->tag, err, "OK Search completed.");
}

static int
ask_the_server(struct searching *x, struct err *err)
{
	cleanup(buf_reset) struct buf program = { 0 };
	struct buf *t = &x->s->command.text;
	struct err why = { 0 };

	if (search_put_program(x->search, &program, &why) < 0)
		return why.kind == ERR_PERM ? ask_in_parts(x, err)
					    : refuse(x, &why, err);
	buf_clear(t); /* from here on only the tag of x->c is good */
	if (buf_putf(t, err, "%s %sSEARCH ", x->c->tag,
		x->c->uid ? "UID " : "") < 0 ||
	    buf_put(t, program.data, program.len, err) < 0)
		return -1;
	return imap_forward(x->s, x->c, EFFECT_NONE, err);
}

static int
search_sealed_mail(struct searching *x, struct err *err)
{
	int rc;

	if (imap_drain(x->s, err) < 0)
		return -1;
	rc = find_candidates(x, err);
	if (rc <= 0)
		return rc;
	if (look_at_all(x, err) < 0)
		return -1;
	if (x->failed)
		return imap_answer(x->s, x->c->tag, err,
		    "NO [UNAVAILABLE] Some messages cannot be opened now.");
	return ask_the_server(x, err);
}

static const char *
answer_to(const struct err *why)
{
	switch (why->kind) {
	case ERR_PROTO:
		return "BAD";
	case ERR_PERM:
		return "NO [BADCHARSET]";
	case ERR_TEMP:
	case ERR_NONE:
		break;
	}
	return "NO [UNAVAILABLE]";
}

int
imap_do_search(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	cleanup(searching_reset) struct searching x = { .s = s, .c = c };
	struct err why = { 0 };

	if (search_parse(c->arguments, c->arguments_len, &x.search, &why) < 0)
		return imap_answer(
		    s, c->tag, err, "%s %s.", answer_to(&why), why.text);
	if (search_needs(x.search) == SEARCH_NEEDS_NOTHING)
		return imap_forward(s, c, EFFECT_NONE, err);
	return search_sealed_mail(&x, err);
}
