/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the blind keys say of a message. */

#include "search.h"

#include "mail/search_text.h"
#include "mail/structure.h"
#include "search_node.h"

enum { FIRST_ROOM = 64 };

static int
uids_add(struct uids *u, uint32_t uid, struct err *err)
{
	if (u->count == u->room) {
		size_t room = u->room == 0 ? FIRST_ROOM : u->room * 2;
		uint32_t *list = reallocarray(u->list, room, sizeof *list);

		if (list == NULL)
			return err_nomem(err);
		u->list = list;
		u->room = room;
	}
	u->list[u->count++] = uid;
	return 0;
}

enum search_needs
node_needs(const struct node *n)
{
	static const enum search_needs needs[] = {
		[BLIND_LARGER] = SEARCH_NEEDS_SIZE,
		[BLIND_SMALLER] = SEARCH_NEEDS_SIZE,
		[BLIND_SUBJECT] = SEARCH_NEEDS_HEADER,
		[BLIND_HEADER] = SEARCH_NEEDS_HEADER,
		[BLIND_BODY] = SEARCH_NEEDS_BODY,
		[BLIND_TEXT] = SEARCH_NEEDS_BODY,
	};

	return n->kind == NODE_BLIND ? needs[n->blind] : SEARCH_NEEDS_NOTHING;
}

enum search_needs
search_needs(const struct search *s)
{
	return s->needs;
}

int
search_plain(struct search *s, uint32_t uid, struct err *err)
{
	return uids_add(&s->plain, uid, err);
}

/* A message, and what of it was asked for. */
struct look {
	const struct search_message *m;
	const uint8_t *header;
	size_t header_len;
	uint64_t size;
	bool has_header, has_size;
	struct structure *structure;
	enum search_needs may; /* no key that needs more is evaluated */
};

static int
look_at_size(struct look *l, struct err *err)
{
	if (l->has_size)
		return 0;
	l->has_size = true;
	return l->m->size(l->m->ctx, &l->size, err);
}

static int
look_at_header(struct look *l, struct err *err)
{
	if (l->has_header)
		return 0;
	l->has_header = true;
	return l->m->header(l->m->ctx, &l->header, &l->header_len, err);
}

static int
look_at_message(struct look *l, struct err *err)
{
	const uint8_t *data;
	size_t n;

	if (l->structure != NULL)
		return 0;
	if (l->m->message(l->m->ctx, &data, &n, err) < 0)
		return -1;
	return structure_parse(data, n, &l->structure, err);
}

/* 1, 0, -1 */
static int
match_size(const struct node *n, struct look *l, struct err *err)
{
	if (look_at_size(l, err) < 0)
		return -1;
	return n->blind == BLIND_LARGER ? l->size > n->size : l->size < n->size;
}

static int
match_header(const struct node *n, struct look *l, struct err *err)
{
	bool subject = n->blind == BLIND_SUBJECT;

	if (look_at_header(l, err) < 0)
		return -1;
	return search_header(l->header, l->header_len,
	    subject ? "Subject" : n->field, &n->key, subject, err);
}

static int
match_message(const struct node *n, struct look *l, struct err *err)
{
	if (n->key.len == 0)
		return 1;
	if (look_at_message(l, err) < 0)
		return -1;
	return search_message(
	    l->structure, &n->key, n->blind == BLIND_TEXT, err);
}

static int
match(const struct node *n, struct look *l, struct err *err)
{
	switch (n->blind) {
	case BLIND_LARGER:
	case BLIND_SMALLER:
		return match_size(n, l, err);
	case BLIND_SUBJECT:
	case BLIND_HEADER:
		return match_header(n, l, err);
	case BLIND_BODY:
	case BLIND_TEXT:
		break;
	}
	return match_message(n, l, err);
}

enum truth { FALSE_TRUTH, TRUE_TRUTH, UNKNOWN_TRUTH, FAILED };

static enum truth
evaluate_blind(const struct node *n, struct look *l, struct err *err)
{
	if (node_needs(n) > l->may)
		return UNKNOWN_TRUTH;
	int rc = match(n, l, err);

	return rc < 0 ? FAILED : rc == 1 ? TRUE_TRUTH : FALSE_TRUTH;
}

static enum truth evaluate(struct node *n, struct look *l, struct err *err);

/* One child that is `deciding` decides; one that is unknown leaves it open. */
static enum truth
evaluate_children(
    struct node *n, enum truth deciding, struct look *l, struct err *err)
{
	enum truth result = deciding == TRUE_TRUTH ? FALSE_TRUTH : TRUE_TRUTH;

	for (struct node *in = n->children; in != NULL; in = in->next) {
		enum truth t = evaluate(in, l, err);

		if (t == FAILED || t == deciding)
			return t;
		if (t == UNKNOWN_TRUTH)
			result = UNKNOWN_TRUTH;
	}
	return result;
}

static enum truth
evaluate_unknown(struct node *n, struct look *l, struct err *err)
{
	enum truth t;

	switch (n->kind) {
	case NODE_AND:
		return evaluate_children(n, FALSE_TRUTH, l, err);
	case NODE_OR:
		return evaluate_children(n, TRUE_TRUTH, l, err);
	case NODE_BLIND:
		return evaluate_blind(n, l, err);
	case NODE_NOT:
		t = evaluate(n->children, l, err);
		if (t == FALSE_TRUTH || t == TRUE_TRUTH)
			return t == TRUE_TRUTH ? FALSE_TRUTH : TRUE_TRUTH;
		return t;
	case NODE_SERVER:
		break;
	}
	return UNKNOWN_TRUTH;
}

/* What was decided by cheaper keys is not looked at again. */
static enum truth
evaluate(struct node *n, struct look *l, struct err *err)
{
	if (n->known)
		return n->matches ? TRUE_TRUTH : FALSE_TRUTH;
	enum truth t = evaluate_unknown(n, l, err);

	n->known = t == TRUE_TRUTH || t == FALSE_TRUTH;
	n->matches = t == TRUE_TRUTH;
	return t;
}

static void
forget(struct node *n)
{
	for (; n != NULL; n = n->next) {
		n->known = n->matches = false;
		forget(n->children);
	}
}

/* A key that was not evaluated decides nothing: it may be anything. */
static int
keep_matches(struct node *n, uint32_t uid, struct err *err)
{
	for (; n != NULL; n = n->next) {
		if (n->kind == NODE_BLIND && n->matches &&
		    uids_add(&n->found, uid, err) < 0)
			return -1;
		if (keep_matches(n->children, uid, err) < 0)
			return -1;
	}
	return 0;
}

int
search_sealed(struct search *s, uint32_t uid, const struct search_message *m,
    struct err *err)
{
	struct look l = { .m = m };
	enum truth t = UNKNOWN_TRUTH;

	forget(s->root);
	for (l.may = SEARCH_NEEDS_SIZE; l.may <= s->needs && t == UNKNOWN_TRUTH;
	     l.may++)
		t = evaluate(s->root, &l, err);
	structure_free(&l.structure);
	if (t == FAILED || keep_matches(s->root, uid, err) < 0)
		return -1;
	return uids_add(&s->sealed, uid, err);
}
