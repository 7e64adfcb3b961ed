/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* From the stored header and the record back to the original header. */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/sealed.h"

struct taken {
	size_t position; /* fields of the original below it */
	const uint8_t *raw;
	size_t raw_len;
};

struct record {
	struct taken *taken; /* in the order of the record: from the top down */
	size_t taken_count;
	struct header added;
	bool unseparated;
};

static void
record_reset(struct record *r)
{
	free(r->taken);
	header_reset(&r->added);
}

/* A reader of the record's lines and lengths. */
struct cursor {
	const uint8_t *p;
	size_t left;
};

static bool
take_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if (c->left < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	c->left -= n;
	return true;
}

static bool
take_number(struct cursor *c, const char *end, size_t *out)
{
	size_t n = 0, digits = 0;

	for (; c->left > 0 && *c->p >= '0' && *c->p <= '9'; digits++) {
		if (n > LIMIT_HEAD)
			return false;
		n = n * 10 + (size_t)(*c->p - '0');
		c->p++;
		c->left--;
	}
	*out = n;
	return digits > 0 && take_word(c, end);
}

static bool
take_raw(struct cursor *c, const uint8_t **raw, size_t *len)
{
	if (!take_number(c, "\r\n", len) || *len > c->left || *len == 0)
		return false;
	*raw = c->p;
	c->p += *len;
	c->left -= *len;
	return true;
}

static int
damaged(struct err *err)
{
	return err_set(err, ERR_PERM, "the sealed header record is damaged");
}

static int
read_taken(struct cursor *c, struct record *r, struct err *err)
{
	struct taken t;

	if (!take_number(c, " ", &t.position) ||
	    !take_raw(c, &t.raw, &t.raw_len) ||
	    t.position >= LIMIT_HEADER_FIELDS ||
	    r->taken_count >= LIMIT_HEADER_FIELDS)
		return damaged(err);
	if (r->taken_count > 0 &&
	    r->taken[r->taken_count - 1].position <= t.position)
		return damaged(err);

	struct taken *list =
	    realloc(r->taken, (r->taken_count + 1) * sizeof *list);

	if (list == NULL)
		return err_nomem(err);
	r->taken = list;
	r->taken[r->taken_count++] = t;
	return 0;
}

static int
read_added(struct cursor *c, struct record *r, struct err *err)
{
	const uint8_t *raw;
	size_t len;

	if (!take_raw(c, &raw, &len))
		return damaged(err);
	struct err why = { 0 };

	if (header_add_raw(&r->added, raw, len, &why) == 0)
		return 0;
	return why.kind == ERR_TEMP ? err_nomem(err) : damaged(err);
}

static int
record_read(const void *data, size_t n, struct record *r, struct err *err)
{
	struct cursor c = { .p = data, .left = n };

	if (!take_word(&c, "sealpost-head 1\r\n"))
		return damaged(err);
	while (!take_word(&c, "end\r\n")) {
		int rc;

		if (take_word(&c, "taken "))
			rc = read_taken(&c, r, err);
		else if (take_word(&c, "added "))
			rc = read_added(&c, r, err);
		else if (take_word(&c, "unseparated\r\n"))
			rc = 0, r->unseparated = true;
		else
			rc = damaged(err);
		if (rc < 0)
			return -1;
	}
	return c.left == 0 ? 0 : damaged(err);
}

static bool
same_field(const struct header_field *a, const struct header_field *b)
{
	return a->raw_len == b->raw_len &&
	    memcmp(a->raw, b->raw, a->raw_len) == 0;
}

static bool
same_name(const struct header_field *a, const struct header_field *b)
{
	return a->name_len == b->name_len &&
	    strncasecmp((const char *)a->raw, (const char *)b->raw,
		a->name_len) == 0;
}

/*
 * Drops one added field: the lowest that is the same to the octet, else (some
 * program has folded it anew) the lowest of its name.
 */
static void
drop_added(const struct header *stored, size_t first, bool *dropped,
    const struct header_field *added)
{
	size_t named = SIZE_MAX;

	for (size_t i = stored->count; i-- > first;) {
		if (dropped[i])
			continue;
		if (same_field(&stored->fields[i], added)) {
			dropped[i] = true;
			return;
		}
		if (named == SIZE_MAX && same_name(&stored->fields[i], added))
			named = i;
	}
	if (named != SIZE_MAX)
		dropped[named] = true;
}

struct piece {
	const uint8_t *raw;
	size_t raw_len;
};

/*
 * Gathers the original's fields from the last to the first. A field that the
 * record took goes to its position counted from the last; when fields have
 * been deleted since (Sieve), the positions that are left close up.
 */
static size_t
gather(const struct header *stored, size_t first, const bool *dropped,
    const struct record *r, struct piece *pieces)
{
	size_t count = 0, left = stored->count, taken = r->taken_count;

	for (;;) {
		while (left > first && dropped[left - 1])
			left--;

		const struct taken *t = taken > 0 ? &r->taken[taken - 1] : NULL;

		if (t != NULL && (t->position <= count || left == first)) {
			pieces[count++] =
			    (struct piece){ t->raw, t->raw_len };
			taken--;
		} else if (left > first) {
			left--;
			pieces[count++] =
			    (struct piece){ stored->fields[left].raw,
				    stored->fields[left].raw_len };
		} else {
			return count;
		}
	}
}

static int
put_header(const struct header *stored, size_t above,
    const struct piece *pieces, size_t count, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < above; i++)
		if (buf_put(out, stored->fields[i].raw,
			stored->fields[i].raw_len, err) < 0)
			return -1;
	while (count-- > 0)
		if (buf_put(out, pieces[count].raw, pieces[count].raw_len,
			err) < 0)
			return -1;
	return 0;
}

static void
free_pieces(struct piece **p)
{
	free(*p);
	*p = NULL;
}

static void
free_bools(bool **p)
{
	free(*p);
	*p = NULL;
}

int
sealed_rebuild_header(const struct header *stored,
    const struct sealed_marker *marker, const void *record, size_t record_len,
    struct buf *out, struct err *err)
{
	cleanup(record_reset) struct record r = { 0 };
	size_t below = marker->first + marker->count;

	if (below > stored->count || marker->count == 0)
		return damaged(err);
	if (record_read(record, record_len, &r, err) < 0)
		return -1;

	cleanup(free_bools) bool *dropped =
	    calloc(stored->count, sizeof *dropped);
	cleanup(free_pieces) struct piece *pieces =
	    calloc(stored->count + r.taken_count, sizeof *pieces);

	if (dropped == NULL || pieces == NULL)
		return err_nomem(err);
	for (size_t i = r.added.count; i-- > 0;)
		drop_added(stored, below, dropped, &r.added.fields[i]);

	size_t count = gather(stored, below, dropped, &r, pieces);

	if (put_header(stored, marker->first, pieces, count, out, err) < 0)
		return -1;
	return r.unseparated ? 0 : buf_puts(out, "\r\n", err);
}
