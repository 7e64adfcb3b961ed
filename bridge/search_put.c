/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Programs for the server: without blind keys. */

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "search_node.h"

static int
put_text(struct buf *to, const struct buf *text, struct err *err)
{
	return buf_put(to, text->data, text->len, err);
}

/* The UIDs that were looked at, sorted, each once; and which are in a set. */
struct universe {
	uint32_t *list;
	bool *in;
	size_t count;
};

static void
universe_reset(struct universe *u)
{
	free(u->list);
	free(u->in);
}

static int
compare_uids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int
universe_init(struct universe *u, const struct search *s, struct err *err)
{
	size_t count = s->plain.count + s->sealed.count;

	u->list = calloc(count + 1, sizeof *u->list);
	u->in = calloc(count + 1, sizeof *u->in);
	if (u->list == NULL || u->in == NULL)
		return err_nomem(err);
	if (s->plain.count > 0)
		memcpy(
		    u->list, s->plain.list, s->plain.count * sizeof *u->list);
	if (s->sealed.count > 0)
		memcpy(u->list + s->plain.count, s->sealed.list,
		    s->sealed.count * sizeof *u->list);
	qsort(u->list, count, sizeof *u->list, compare_uids);
	for (size_t i = 0; i < count; i++)
		if (u->count == 0 || u->list[i] != u->list[u->count - 1])
			u->list[u->count++] = u->list[i];
	return 0;
}

/* How many of the set are in the universe. */
static size_t
mark(struct universe *u, const struct uids *set)
{
	size_t marked = 0;

	memset(u->in, 0, u->count * sizeof *u->in);
	for (size_t i = 0; i < set->count; i++) {
		uint32_t *at = bsearch(&set->list[i], u->list, u->count,
		    sizeof *u->list, compare_uids);

		if (at != NULL && !u->in[at - u->list]) {
			u->in[at - u->list] = true;
			marked++;
		}
	}
	return marked;
}

static int
put_range(
    struct buf *out, bool *first, uint32_t from, uint32_t to, struct err *err)
{
	const char *comma = *first ? "" : ",";

	*first = false;
	return from == to ? buf_putf(out, err, "%s%" PRIu32, comma, from)
			  : buf_putf(out, err, "%s%" PRIu32 ":%" PRIu32, comma,
				from, to);
}

/*
 * The marked UIDs, or the others, as a set. Since all is bounded by the
 * universe, a range may span what is not in it.
 */
static int
put_marked(
    const struct universe *u, bool marked, struct buf *out, struct err *err)
{
	bool first = true;

	for (size_t i = 0; i < u->count; i++) {
		size_t start = i;

		if (u->in[i] != marked)
			continue;
		while (i + 1 < u->count && u->in[i + 1] == marked)
			i++;
		if (put_range(out, &first, u->list[start], u->list[i], err) < 0)
			return -1;
	}
	return 0;
}

/* A key for the marked UIDs: "UID 1,3" or "NOT UID 2", what is shorter. */
static int
put_set(
    const struct universe *u, size_t count, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf with = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf without = { .limit = SIZE_MAX / 2 };

	if (count == 0 || count == u->count) /* or there would be no set */
		return buf_puts(out, count == 0 ? "NOT ALL" : "ALL", err);
	if (put_marked(u, true, &with, err) < 0 ||
	    put_marked(u, false, &without, err) < 0)
		return -1;
	bool shorter = with.len <= without.len + 4;
	const struct buf *set = shorter ? &with : &without;
	if (buf_puts(out, shorter ? "UID " : "NOT UID ", err) < 0)
		return -1;
	return buf_put(out, set->data, set->len, err);
}

/* All of the universe, and nothing but it. */
static int
put_universe(const struct universe *u, struct buf *out, struct err *err)
{
	bool first = true;

	if (buf_puts(out, "UID ", err) < 0)
		return -1;
	for (size_t i = 0; i < u->count; i++) {
		size_t start = i;

		while (i + 1 < u->count && u->list[i + 1] == u->list[i] + 1)
			i++;
		if (put_range(out, &first, u->list[start], u->list[i], err) < 0)
			return -1;
	}
	return 0;
}

struct writer {
	struct buf *to;
	const struct search *s;
	struct universe *u; /* NULL: of candidates */
	size_t plain;       /* of the universe */
};

static void
count_found(struct writer *w, struct node *first)
{
	for (struct node *n = first; n != NULL; n = n->next) {
		if (n->kind == NODE_BLIND)
			n->in_part = mark(w->u, &n->found);
		count_found(w, n->children);
	}
}

/*
 * Of candidates a blind key is as if it said whatever finds more. Constants are
 * folded: Dovecot 2.3 takes "OR NOT (NOT ALL) NOT ALL" for "NOT ALL".
 */
enum constant { NEVER, ALWAYS, OPEN };

static enum constant constant(
    const struct writer *w, const struct node *n, bool upper);

static enum constant
blind_constant(const struct writer *w, const struct node *n, bool upper)
{
	if (w->u == NULL)
		return upper ? ALWAYS : NEVER;
	if (w->plain > 0)
		return OPEN;
	if (n->in_part == 0)
		return NEVER;
	return n->in_part == w->u->count ? ALWAYS : OPEN;
}

/* One child that is `deciding` decides, one that is open leaves it open. */
static enum constant
children_constant(const struct writer *w, const struct node *n,
    enum constant deciding, bool upper)
{
	enum constant result = deciding == NEVER ? ALWAYS : NEVER;

	for (const struct node *in = n->children; in != NULL; in = in->next) {
		enum constant c = constant(w, in, upper);

		if (c == deciding)
			return c;
		if (c == OPEN)
			result = OPEN;
	}
	return result;
}

static enum constant
constant(const struct writer *w, const struct node *n, bool upper)
{
	enum constant c;

	switch (n->kind) {
	case NODE_AND:
		return children_constant(w, n, NEVER, upper);
	case NODE_OR:
		return children_constant(w, n, ALWAYS, upper);
	case NODE_BLIND:
		return blind_constant(w, n, upper);
	case NODE_NOT:
		c = constant(w, n->children, !upper);
		return c == OPEN ? OPEN : c == NEVER ? ALWAYS : NEVER;
	case NODE_SERVER:
		break;
	}
	return OPEN;
}

/* What was found here, and the plain messages that the server finds. */
static int
put_blind(struct writer *w, const struct node *n, struct err *err)
{
	struct buf *out = w->to;
	size_t found = mark(w->u, &n->found);

	if (w->plain == 0)
		return put_set(w->u, found, out, err);
	if (found > 0 && (buf_puts(out, "OR ", err) < 0 ||
			     put_set(w->u, found, out, err) < 0 ||
			     buf_putc(out, ' ', err) < 0))
		return -1;
	size_t plain = mark(w->u, &w->s->plain);
	if (plain == w->u->count)
		return put_text(w->to, &n->text, err);
	if (buf_putc(out, '(', err) < 0 || put_set(w->u, plain, out, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 || put_text(w->to, &n->text, err) < 0)
		return -1;
	return buf_putc(out, ')', err);
}

static int put_key(
    struct writer *w, const struct node *n, bool upper, struct err *err);

/* Those that are open, at least one, each with a blank before it. */
static int
put_keys(
    struct writer *w, const struct node *first, bool upper, struct err *err)
{
	for (const struct node *n = first; n != NULL; n = n->next)
		if (constant(w, n, upper) == OPEN &&
		    (buf_putc(w->to, ' ', err) < 0 ||
			put_key(w, n, upper, err) < 0))
			return -1;
	return 0;
}

static int
put_and(struct writer *w, const struct node *n, bool upper, struct err *err)
{
	size_t start = w->to->len;

	if (put_keys(w, n->children, upper, err) < 0)
		return -1;
	w->to->data[start] = '(';
	return buf_putc(w->to, ')', err);
}

static int
put_or(struct writer *w, const struct node *n, bool upper, struct err *err)
{
	struct buf *out = w->to;
	const struct node *a = n->children, *b = a->next;

	if (constant(w, a, upper) != OPEN)
		return put_key(w, b, upper, err);
	if (constant(w, b, upper) != OPEN)
		return put_key(w, a, upper, err);
	if (buf_puts(out, "OR ", err) < 0 || put_key(w, a, upper, err) < 0 ||
	    buf_putc(out, ' ', err) < 0)
		return -1;
	return put_key(w, b, upper, err);
}

/*
 * A key that is open. Of candidates: `upper`, at least what it finds; else at
 * most.
 */
static int
put_key(struct writer *w, const struct node *n, bool upper, struct err *err)
{
	switch (n->kind) {
	case NODE_AND:
		return put_and(w, n, upper, err);
	case NODE_OR:
		return put_or(w, n, upper, err);
	case NODE_NOT:
		if (buf_puts(w->to, "NOT ", err) < 0)
			return -1;
		return put_key(w, n->children, !upper, err);
	case NODE_BLIND:
		return put_blind(w, n, err);
	case NODE_SERVER:
		break;
	}
	return put_text(w->to, &n->text, err);
}

int
search_put_candidates(const struct search *s, struct buf *c, struct err *err)
{
	struct writer w = { .to = c, .s = s };

	c->limit = LIMIT_SEARCH_PROGRAM;
	if (put_text(c, &s->charset_text, err) < 0 ||
	    buf_puts(c,
		constant(&w, s->root, true) == NEVER ? "NOT ALL" : "ALL",
		err) < 0)
		return -1;
	return put_keys(&w, s->root->children, true, err);
}

/* The program for the messages of the universe alone, without RETURN. */
static int
put_for(struct search *s, struct universe *u, struct buf *c, struct err *err)
{
	struct writer w = { .to = c, .s = s, .u = u };

	w.plain = mark(u, &s->plain);
	count_found(&w, s->root);
	if (put_text(c, &s->charset_text, err) < 0)
		return -1;
	if (u->count == 0 || constant(&w, s->root, true) == NEVER)
		return buf_puts(c, "NOT ALL", err);
	if (put_universe(u, c, err) < 0)
		return -1;
	return put_keys(&w, s->root->children, true, err);
}

int
search_put_program(struct search *s, struct buf *c, struct err *err)
{
	cleanup(universe_reset) struct universe u = { 0 };

	c->limit = LIMIT_SEARCH_PROGRAM;
	if (universe_init(&u, s, err) < 0 ||
	    buf_put(c, s->ret.data, s->ret.len, err) < 0)
		return -1;
	return put_for(s, &u, c, err);
}

/* As many of the messages from `from` on as there is room for; 0, -1. */
static int
put_most(struct search *s, const struct universe *all, size_t from, size_t room,
    size_t *count, struct buf *c, struct err *err)
{
	struct err why = { 0 };

	for (*count = all->count - from; *count > 0; *count /= 2) {
		struct universe part = { all->list + from, all->in, *count };

		buf_reset(c);
		c->limit = room;
		if (put_for(s, &part, c, &why) == 0)
			return 0;
		if (why.kind != ERR_PERM)
			break;
	}
	return err_set(err, why.kind, "%s", why.text);
}

int
search_put_part(
    struct search *s, size_t room, size_t *done, struct buf *c, struct err *err)
{
	cleanup(universe_reset) struct universe u = { 0 };
	size_t count;

	if (s->asks.other)
		return err_set(err, ERR_PERM, "it is too long for the server");
	if (universe_init(&u, s, err) < 0)
		return -1;
	if (*done >= u.count)
		return 0;
	if (put_most(s, &u, *done, room, &count, c, err) < 0)
		return -1;
	*done += count;
	return 1;
}
