/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_merge.h"

#include <stdbool.h>
#include <string.h>

enum { UNIT_NONE = -1, UNITS_MAX = 6000 };

struct unit {
	const char *text;
	size_t len;
	const char *key; /* of main.cf the name, of master.cf name and type */
	size_t key_len;  /* 0: a comment or a blank line */
};

struct units {
	struct unit *v;
	size_t count;
};

static void
units_reset(struct units *u)
{
	free(u->v);
	*u = (struct units){ 0 };
}

/* ---- text to units ---- */

static size_t
line_length(const char *s, size_t len)
{
	const char *end = memchr(s, '\n', len);

	return end == NULL ? len : (size_t)(end - s) + 1;
}

static bool
is_blank_byte(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Comments and blank lines neither begin nor end a logical line. */
static bool
is_comment(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && is_blank_byte(line[i]))
		i++;
	return i == len || line[i] == '#';
}

/* The length of the unit at s: a logical line ends with its last continuation.
 */
static size_t
unit_length(const char *s, size_t len)
{
	size_t end = line_length(s, len);

	if (is_comment(s, end))
		return end;
	for (size_t at = end; at < len;) {
		size_t n = line_length(s + at, len - at);

		if (!is_comment(s + at, n)) {
			if (s[at] != ' ' && s[at] != '\t')
				break;
			end = at + n;
		}
		at += n;
	}
	return end;
}

static size_t
word_length(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && !is_blank_byte(s[n]) && s[n] != '=')
		n++;
	return n;
}

/*
 * `name = value` has the key `name`, a service the key `name    type`: a
 * second word that an equal sign follows directly or never belongs to it.
 */
static void
find_key(struct unit *u)
{
	if (is_comment(u->text, line_length(u->text, u->len)))
		return;

	size_t n = word_length(u->text, u->len);
	size_t at = n;

	while (at < u->len && is_blank_byte(u->text[at]))
		at++;
	u->key = u->text;
	u->key_len = n;
	if (at < u->len && u->text[at] != '=')
		u->key_len = at + word_length(u->text + at, u->len - at);
}

static int
units_parse(const struct buf *text, struct units *out, struct err *err)
{
	const char *s = (const char *)text->data;
	size_t count = 0;

	for (size_t at = 0; at < text->len; count++)
		at += unit_length(s + at, text->len - at);
	if (count > UNITS_MAX)
		return err_set(err, ERR_PERM, "more than %d lines", UNITS_MAX);
	out->v = calloc(count + 1, sizeof *out->v);
	if (out->v == NULL)
		return err_nomem(err);
	for (size_t at = 0; at < text->len; out->count++) {
		struct unit *u = &out->v[out->count];

		u->text = s + at;
		u->len = unit_length(u->text, text->len - at);
		find_key(u);
		at += u->len;
	}
	return 0;
}

static bool
same_text(const struct unit *a, const struct unit *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static size_t
next_word(const struct unit *u, size_t at, size_t *len)
{
	while (at < u->key_len && is_blank_byte(u->key[at]))
		at++;
	*len = word_length(u->key + at, u->key_len - at);
	return at;
}

/* The same words, whatever stands between them. */
static bool
same_key(const struct unit *a, const struct unit *b)
{
	size_t i = 0, j = 0, n = 0, m = 0;

	if (a->key_len == 0 || b->key_len == 0)
		return false;
	do {
		i = next_word(a, i, &n);
		j = next_word(b, j, &m);
		if (n != m || memcmp(a->key + i, b->key + j, n) != 0)
			return false;
		i += n;
		j += m;
	} while (n > 0);
	return true;
}

/* ---- the longest common subsequence ---- */

/* The table of a part without common ends: rows a, columns b. */
static int
lcs_middle(const struct units *a, size_t a0, size_t an, const struct units *b,
    size_t b0, size_t bn, int *match, struct err *err)
{
	size_t width = bn + 1;
	cleanup(free_str) char *memory =
	    calloc((an + 1) * width, sizeof(uint16_t));
	uint16_t *best = (uint16_t *)(void *)memory;

	if (best == NULL)
		return err_nomem(err);
	for (size_t i = an; i-- > 0;)
		for (size_t j = bn; j-- > 0;) {
			uint16_t *cell = &best[i * width + j];
			uint16_t down = cell[width], right = cell[1];

			*cell = same_text(&a->v[a0 + i], &b->v[b0 + j])
				    ? (uint16_t)(cell[width + 1] + 1)
				    : (down > right ? down : right);
		}
	for (size_t i = 0, j = 0; i < an && j < bn;) {
		const uint16_t *cell = &best[i * width + j];

		if (same_text(&a->v[a0 + i], &b->v[b0 + j])) {
			match[a0 + i++] = (int)(b0 + j++);
		} else if (cell[width] >= cell[1]) {
			i++;
		} else {
			j++;
		}
	}
	return 0;
}

/*
 * match[i] = the unit of b that unit i of a is, or UNIT_NONE; to be freed.
 * Matches are in order. NULL with *err.
 */
static int *
lcs(const struct units *a, const struct units *b, struct err *err)
{
	int *match = calloc(a->count + 1, sizeof *match);
	size_t head = 0, an = a->count, bn = b->count;

	if (match == NULL) {
		(void)err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i <= a->count; i++)
		match[i] = UNIT_NONE;
	for (; head < an && head < bn && same_text(&a->v[head], &b->v[head]);
	     head++)
		match[head] = (int)head;
	while (
	    an > head && bn > head && same_text(&a->v[an - 1], &b->v[bn - 1])) {
		an--;
		bn--;
		match[an] = (int)bn;
	}
	if (lcs_middle(a, head, an - head, b, head, bn - head, match, err) <
	    0) {
		free(match);
		return NULL;
	}
	return match;
}

static void
free_match(int **match)
{
	free(*match);
	*match = NULL;
}

/* ---- what differs ---- */

static void
print_unit(FILE *to, char sign, const struct unit *u)
{
	for (size_t at = 0; at < u->len;) {
		size_t n = line_length(u->text + at, u->len - at);

		fprintf(to, "%c%.*s", sign, (int)n, u->text + at);
		at += n;
	}
	if (u->len > 0 && u->text[u->len - 1] != '\n')
		fputc('\n', to);
}

int
merge_print(const struct buf *before, const struct buf *after, FILE *to,
    struct err *err)
{
	cleanup(units_reset) struct units a = { 0 }, b = { 0 };

	if (units_parse(before, &a, err) < 0 || units_parse(after, &b, err) < 0)
		return -1;

	cleanup(free_match) int *match = lcs(&a, &b, err);
	size_t j = 0;
	int differs = 0;

	if (match == NULL)
		return -1;
	for (size_t i = 0; i <= a.count; i++) {
		if (i < a.count && match[i] == UNIT_NONE) {
			print_unit(to, '-', &a.v[i]);
			differs = 1;
			continue;
		}
		size_t end = i < a.count ? (size_t)match[i] : b.count;

		for (; j < end; j++) {
			print_unit(to, '+', &b.v[j]);
			differs = 1;
		}
		j = end + 1;
	}
	return differs;
}

static int
compare_units(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int rc = memcmp(x->text, y->text, n);

	return rc != 0 ? rc : (x->len > y->len) - (x->len < y->len);
}

/* Takes blank lines out, and a missing end of the last line does not count. */
static void
units_sort(struct units *u)
{
	size_t kept = 0;

	for (size_t i = 0; i < u->count; i++) {
		struct unit unit = u->v[i];

		while (unit.len > 0 && is_blank_byte(unit.text[unit.len - 1]))
			unit.len--;
		if (unit.len > 0)
			u->v[kept++] = unit;
	}
	u->count = kept;
	qsort(u->v, kept, sizeof *u->v, compare_units);
}

int
merge_same_units(const struct buf *a, const struct buf *b, struct err *err)
{
	cleanup(units_reset) struct units x = { 0 }, y = { 0 };

	if (units_parse(a, &x, err) < 0 || units_parse(b, &y, err) < 0)
		return -1;
	units_sort(&x);
	units_sort(&y);
	if (x.count != y.count)
		return 0;
	for (size_t i = 0; i < x.count; i++)
		if (!same_text(&x.v[i], &y.v[i]))
			return 0;
	return 1;
}

/* ---- taking a change back ---- */

/*
 * What the change did: for each unit of `after` the unit of `before` that it
 * stands for (the same, or one of the same key), UNIT_NONE for a new one; for
 * each unit of `before` that none stands for, the unit of `after` it stood in
 * front of.
 */
struct change {
	struct units before, after, current;
	int *origin;    /* per unit of after */
	bool *same;     /* per unit of after: it is its origin, unchanged */
	int *dropped;   /* per unit of before; UNIT_NONE: not dropped */
	int *now;       /* per unit of current: which unit of after it is */
	size_t flushed; /* units of before whose dropping was undone */
};

static void
change_reset(struct change *c)
{
	units_reset(&c->before);
	units_reset(&c->after);
	units_reset(&c->current);
	free_match(&c->origin);
	free_match(&c->dropped);
	free_match(&c->now);
	free(c->same);
	c->same = NULL;
}

/* The units [b0, b1) of before became the units [a0, a1) of after. */
static void
pair_by_key(struct change *c, size_t b0, size_t b1, size_t a0, size_t a1)
{
	for (size_t i = b0; i < b1; i++) {
		size_t j = a0;

		while (
		    j < a1 && (c->origin[j] != UNIT_NONE ||
				  !same_key(&c->before.v[i], &c->after.v[j])))
			j++;
		if (j < a1) {
			c->origin[j] = (int)i;
			a0 = j + 1;
		} else {
			c->dropped[i] = (int)a0;
		}
	}
}

static void
pair_units(struct change *c, const int *match)
{
	size_t b0 = 0, a0 = 0;

	for (size_t j = 0; j <= c->after.count; j++)
		c->origin[j] = UNIT_NONE;
	for (size_t i = 0; i <= c->before.count; i++) {
		c->dropped[i] = UNIT_NONE;
		if (i < c->before.count && match[i] == UNIT_NONE)
			continue;
		size_t j =
		    i < c->before.count ? (size_t)match[i] : c->after.count;

		pair_by_key(c, b0, i, a0, j);
		if (i < c->before.count) {
			c->origin[j] = (int)i;
			c->same[j] = true;
		}
		b0 = i + 1;
		a0 = j + 1;
	}
}

static int
change_make(struct change *c, const struct buf *before, const struct buf *after,
    const struct buf *current, struct err *err)
{
	if (units_parse(before, &c->before, err) < 0 ||
	    units_parse(after, &c->after, err) < 0 ||
	    units_parse(current, &c->current, err) < 0)
		return -1;

	cleanup(free_match) int *match = lcs(&c->before, &c->after, err);

	c->origin = calloc(c->after.count + 1, sizeof *c->origin);
	c->same = calloc(c->after.count + 1, sizeof *c->same);
	c->dropped = calloc(c->before.count + 1, sizeof *c->dropped);
	c->now = lcs(&c->current, &c->after, err);
	if (match == NULL || c->now == NULL)
		return -1;
	if (c->origin == NULL || c->same == NULL || c->dropped == NULL)
		return err_nomem(err);
	pair_units(c, match);
	return 0;
}

static int
put_unit(struct buf *out, const struct unit *u, struct err *err)
{
	if (out->len > 0 && out->data[out->len - 1] != '\n' &&
	    buf_putc(out, '\n', err) < 0)
		return -1;
	return buf_put(out, u->text, u->len, err);
}

/*
 * A comment that stood within a logical line comes to stand behind it when
 * postconf replaces the line. It goes back with the line, or it stays.
 */
static bool
stays_behind(const struct change *c, size_t j)
{
	if (c->after.v[j].key_len > 0)
		return false;
	while (j > 0 && c->after.v[j].key_len == 0)
		j--;
	for (size_t i = 0; i < c->current.count; i++)
		if (c->now[i] == (int)j)
			return false;
	return true;
}

/* Puts back what was dropped in front of unit j of after, or earlier. */
static int
put_dropped(struct change *c, size_t j, struct buf *out, struct err *err)
{
	for (; c->flushed < c->before.count; c->flushed++) {
		int at = c->dropped[c->flushed];

		if (at == UNIT_NONE)
			continue;
		if ((size_t)at > j)
			break;
		if (put_unit(out, &c->before.v[c->flushed], err) < 0)
			return -1;
	}
	return 0;
}

/* Is unit u, which somebody else has put there, a changed one of ours? */
static bool
was_ours(const struct change *c, const struct unit *u)
{
	for (size_t j = 0; j < c->after.count; j++)
		if (!c->same[j] && same_key(&c->after.v[j], u))
			return true;
	return false;
}

static int
put_key(struct buf *kept, const struct unit *u, struct err *err)
{
	return buf_putf(kept, err, "%.*s\n", (int)u->key_len, u->key);
}

static int
put_current(struct change *c, size_t i, struct buf *out, struct buf *kept,
    struct err *err)
{
	const struct unit *u = &c->current.v[i];

	if (c->now[i] == UNIT_NONE) {
		if (was_ours(c, u) && put_key(kept, u, err) < 0)
			return -1;
		return put_unit(out, u, err);
	}
	size_t j = (size_t)c->now[i];

	if (put_dropped(c, j, out, err) < 0)
		return -1;
	if (c->origin[j] != UNIT_NONE) {
		if (put_unit(out, &c->before.v[c->origin[j]], err) < 0)
			return -1;
	} else if (stays_behind(c, j) && put_unit(out, u, err) < 0) {
		return -1;
	}
	return put_dropped(c, j + 1, out, err);
}

static bool
same_buf(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int
merge_revert(const struct buf *before, const struct buf *after,
    const struct buf *current, struct buf *out, struct buf *kept,
    struct err *err)
{
	/* A crash between saving and applying leaves the file as before. */
	if (same_buf(current, before) || same_buf(current, after))
		return buf_put(out, before->data, before->len, err);

	cleanup(change_reset) struct change c = { 0 };

	if (change_make(&c, before, after, current, err) < 0)
		return -1;
	for (size_t i = 0; i < c.current.count; i++)
		if (put_current(&c, i, out, kept, err) < 0)
			return -1;
	return put_dropped(&c, c.after.count, out, err);
}
