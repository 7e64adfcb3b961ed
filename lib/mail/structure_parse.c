/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * From octets to parts, as Dovecot finds them: a boundary need only begin its
 * line, the longest one that fits wins, and the line end before it is its own.
 */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/field.h"
#include "mail/rfc822.h"
#include "mail/structure_node.h"

enum {
	BOUNDARY_MAX = 80,          /* the rest of a longer one is ignored */
	BOUNDARY_LINE_MAX = 80 + 4, /* seen of a last line without its end */
};

struct boundary {
	struct structure_node *part; /* the multipart it divides */
	char *text;
	size_t len;
};

struct parser {
	struct structure *s;
	struct structure_node *part; /* the one we are in */
	size_t depth;                /* parts around it */
	size_t at;
	struct boundary *stack; /* the innermost is the last one */
	size_t count, room;
	char *found;       /* of the multipart whose header is being read */
	size_t header_end; /* octets of the last line end of the header */
};

static void
parser_reset(struct parser *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->stack[i].text);
	free(p->stack);
	free(p->found);
}

static size_t
count_lines(const uint8_t *s, size_t n)
{
	size_t lines = 0;
	const uint8_t *end = s + n;

	while (n > 0 && (s = memchr(s, '\n', (size_t)(end - s))) != NULL) {
		lines++;
		if (++s == end)
			break;
	}
	return lines;
}

/* The next octets belong to the body of the part we are in. */
static void
add_to_body(struct parser *p, size_t n)
{
	struct structure_part *part = &p->part->part;

	part->body_lines += count_lines(p->s->message + p->at, n);
	part->body_len += n;
	p->at += n;
}

static bool
is_too_deep(const struct parser *p)
{
	return p->depth + 1 >= LIMIT_MIME_DEPTH;
}

static bool
is_full(const struct parser *p)
{
	return p->s->part_count >= LIMIT_MIME_PARTS;
}

/* A new part in the one we are in, or the root. */
static int
open_part(struct parser *p, bool is_mime, struct err *err)
{
	struct structure_node *node = calloc(1, sizeof *node);
	struct structure_node *parent = p->part;

	if (node == NULL)
		return err_nomem(err);
	node->is_mime = is_mime;
	node->end = &node->part.children;
	p->part = node;
	p->s->part_count++;
	if (parent == NULL) {
		p->s->root = node;
		return 0;
	}
	node->part.parent = &parent->part;
	node->part.header_at = parent->part.header_at +
			       parent->part.header_len + parent->part.body_len;
	*parent->end = &node->part;
	parent->end = &node->part.next;
	p->depth++;
	return 0;
}

/* What a part holds is in the body of the one around it. */
static void
close_part(struct parser *p)
{
	const struct structure_part *part = &p->part->part;
	struct structure_part *parent = part->parent;

	parent->body_len += part->header_len + part->body_len;
	parent->body_lines += part->header_lines + part->body_lines;
	p->part = (struct structure_node *)parent;
	p->depth--;
}

static void
pop_boundaries(struct parser *p, size_t count)
{
	while (p->count > count)
		free(p->stack[--p->count].text);
}

static int
push_boundary(struct parser *p, struct err *err)
{
	if (p->count == p->room) {
		size_t room = p->room == 0 ? 8 : p->room * 2;
		struct boundary *stack =
		    reallocarray(p->stack, room, sizeof *stack);

		if (stack == NULL)
			return err_nomem(err);
		p->stack = stack;
		p->room = room;
	}

	char *text = steal(&p->found);

	p->stack[p->count++] =
	    (struct boundary){ p->part, text, strlen(text) };
	return 0;
}

/* What of a line counts when it is compared; without its line end. */
static size_t
comparable_length(const uint8_t *line, size_t len, bool *dashes)
{
	size_t end = line_end_length(line, len);
	size_t n = len - end;

	*dashes = end > 0 && n > 2 && line[n - 1] == '-' && line[n - 2] == '-';
	return end == 0 && n > BOUNDARY_LINE_MAX ? BOUNDARY_LINE_MAX : n;
}

/*
 * Is the line at `at` a boundary? Searched from the innermost one; the longest
 * that the line begins with, unless one is all of the line.
 */
static struct boundary *
boundary_at(const struct parser *p, size_t at)
{
	const uint8_t *s = p->s->message;
	struct boundary *best = NULL;
	bool dashes;

	if (p->count == 0 || p->s->n - at < 2 || s[at] != '-' ||
	    s[at + 1] != '-' || is_full(p))
		return NULL;
	const uint8_t *line = s + at + 2;
	size_t n =
	    comparable_length(line, line_length(s, p->s->n, at) - 2, &dashes);

	for (size_t i = p->count; i > 0; i--) {
		struct boundary *b = &p->stack[i - 1];

		if (b->len > n || memcmp(b->text, line, b->len) != 0 ||
		    (best != NULL && best->len >= b->len))
			continue;
		best = b;
		if (b->len == n || (dashes && b->len == n - 2))
			break;
	}
	return best;
}

static bool
boundary_is_last(const struct parser *p, const struct boundary *b)
{
	size_t at = p->at + 2 + b->len;

	return p->s->n - at >= 2 && memcmp(p->s->message + at, "--", 2) == 0;
}

static bool
begins(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static void
take_type(struct structure_node *node, const char *type)
{
	if (strcasecmp(type, "message/rfc822") == 0)
		node->part.is_message = true;
	else if (strcasecmp(type, "text") == 0 || begins(type, "text/"))
		node->is_text = true;
	else if (begins(type, "multipart/"))
		node->part.is_multipart = true;
	node->is_digest = strcasecmp(type, "multipart/digest") == 0;
}

static int
find_boundary(struct parser *p, struct rfc822 *l, struct err *err)
{
	cleanup(rfc822_params_reset) struct rfc822_params params = { 0 };

	if (rfc822_params(l, &params, err) < 0)
		return -1;
	for (size_t i = 0; i < params.count; i++) {
		if (strcasecmp(params.list[i].name, "boundary") != 0)
			continue;
		p->found = strndup(params.list[i].value, BOUNDARY_MAX);
		return p->found == NULL ? err_nomem(err) : 0;
	}
	return 0;
}

static int
take_content_type(struct parser *p, const struct field *f, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = f->len + 1 };
	cleanup(buf_reset) struct buf type = { .limit = f->len + 1 };

	if (field_value(f, FIELD_FOLDED, &value, err) < 0)
		return -1;
	struct rfc822 l = { .s = value.data, .n = value.len };
	int rc = rfc822_content_type(&l, &type);
	const char *word = l.nomem ? NULL : buf_str(&type, err);

	if (word == NULL)
		return err_nomem(err);
	take_type(p->part, word);
	if (rc < 0 || !p->part->part.is_multipart)
		return 0;
	return find_boundary(p, &l, err);
}

/* One field of the part's header, or its end. */
static int
take_field(
    struct parser *p, const struct field *f, bool *seen_type, struct err *err)
{
	struct structure_node *node = p->part;

	node->part.header_len += f->len;
	node->part.header_lines += count_lines(f->line, f->len);
	p->header_end = line_end_length(f->line, f->len);
	p->at += f->len;
	if (field_is(f, "MIME-Version"))
		node->is_mime = true;
	if (!field_is(f, "Content-Type"))
		return 0;
	node->is_mime = true;
	if (*seen_type)
		return 0;
	*seen_type = true;
	return take_content_type(p, f, err);
}

/* A boundary ends the header, and takes the line end before it. */
static void
cut_header(struct parser *p)
{
	struct structure_part *part = &p->part->part;

	if (p->header_end == 0)
		return;
	part->header_len -= p->header_end;
	part->header_lines--;
	part->parent->body_len += p->header_end;
	part->parent->body_lines++;
}

static void
decide_kind(struct parser *p, bool seen_type)
{
	struct structure_node *node = p->part;
	const struct structure_part *parent = node->part.parent;

	if (!node->is_mime) {
		node->part.is_multipart = node->part.is_message = false;
		node->is_text = node->is_digest = false;
	}
	if (!seen_type || !node->is_mime) {
		bool digest =
		    parent != NULL && structure_node(parent)->is_digest;

		node->part.is_message = digest;
		node->is_text = !digest;
	}
}

static bool
is_empty_line(const struct parser *p)
{
	const uint8_t *s = p->s->message + p->at;
	size_t left = p->s->n - p->at;

	return left > 0 &&
	       (s[0] == '\n' || (left > 1 && s[0] == '\r' && s[1] == '\n'));
}

/*
 * A multipart's own boundary is known from its empty line on: "--x" there may
 * be its own or that of a part around it.
 */
static int
begin_multipart(struct parser *p, struct err *err)
{
	if (p->found == NULL || !p->part->is_mime || !is_empty_line(p))
		return 0;
	if (!is_too_deep(p))
		return push_boundary(p, err);
	p->part->part.is_multipart = false;
	return 0;
}

/* The header of the part we are in. */
static int
read_header(struct parser *p, struct err *err)
{
	bool seen_type = false;
	struct field f = { 0 };

	p->header_end = 0;
	for (;;) {
		struct fields rest = { p->s->message, p->s->n, p->at };

		if (begin_multipart(p, err) < 0)
			return -1;
		const struct boundary *b = boundary_at(p, p->at);
		if (b != NULL && b->part != p->part) {
			cut_header(p);
			break;
		}
		if (f.end || !fields_next(&rest, &f))
			break;
		if (take_field(p, &f, &seen_type, err) < 0)
			return -1;
	}
	free(steal(&p->found));
	decide_kind(p, seen_type);
	struct structure_part *part = &p->part->part;
	part->body_at = part->header_at + part->header_len;
	return 0;
}

/* The next boundary line at or behind the cursor; n for none. */
static size_t
find_boundary_line(const struct parser *p, struct boundary **found)
{
	size_t n = p->s->n;

	*found = NULL;
	if (p->count == 0)
		return n;
	for (size_t at = p->at; at < n;
	     at += line_length(p->s->message, n, at)) {
		*found = boundary_at(p, at);
		if (*found != NULL)
			return at;
	}
	return n;
}

/* Ends the parts in the one that the boundary at the cursor divides. */
static void
take_boundary(struct parser *p, const struct boundary *b)
{
	size_t index = (size_t)(b - p->stack);
	bool last = boundary_is_last(p, b);

	while (p->part != b->part)
		close_part(p);
	pop_boundaries(p, last ? index : index + 1);
}

/*
 * The body of the part we are in, up to the end of the next boundary line. 1
 * when a part follows, 0 when more of this body does, 2 at the end.
 */
static int
read_body(struct parser *p)
{
	const uint8_t *s = p->s->message;
	struct boundary *b;
	size_t line_at = find_boundary_line(p, &b);
	size_t end = line_at;

	if (b != NULL && end > p->at)
		end -= line_end_length(s + p->at, end - p->at);
	add_to_body(p, end - p->at);
	if (b == NULL)
		return 2;
	size_t skip = line_at - p->at;
	p->at = line_at;
	take_boundary(p, b);
	p->at -= skip;
	size_t len = skip + line_length(s, p->s->n, line_at);
	bool whole = s[p->at + len - 1] == '\n';

	add_to_body(p, len);
	if (!whole)
		return 2;
	return p->count > 0 && p->stack[p->count - 1].part == p->part ? 1 : 0;
}

/* From the header of a part on to the header of the leaf that follows it. */
static int
read_headers(struct parser *p, bool is_mime, struct err *err)
{
	for (;;) {
		if (open_part(p, is_mime, err) < 0 || read_header(p, err) < 0)
			return -1;
		if (!p->part->part.is_message)
			return 0;
		if (is_too_deep(p) || is_full(p)) {
			p->part->part.is_message = false;
			return 0;
		}
		is_mime = false;
	}
}

int
structure_parse(
    const void *message, size_t n, struct structure **out, struct err *err)
{
	cleanup(structure_free) struct structure *s = calloc(1, sizeof *s);
	cleanup(parser_reset) struct parser p = { .s = s };

	if (s == NULL)
		return err_nomem(err);
	s->message = message;
	s->n = n;
	if (read_headers(&p, false, err) < 0)
		return -1;
	for (;;) {
		int next = read_body(&p);

		if (next == 2)
			break;
		if (next == 1 && read_headers(&p, true, err) < 0)
			return -1;
	}
	while (p.part->part.parent != NULL)
		close_part(&p);
	*out = steal(&s);
	return 0;
}

/* No deeper than LIMIT_MIME_DEPTH. */
static void
free_parts(struct structure_part *first)
{
	while (first != NULL) {
		struct structure_part *next = first->next;

		free_parts(first->children);
		free(first);
		first = next;
	}
}

void
structure_free(struct structure **sp)
{
	struct structure *s = steal(sp);

	if (s == NULL)
		return;
	if (s->root != NULL)
		free_parts(&s->root->part);
	free(s);
}

const struct structure_part *
structure_root(const struct structure *s)
{
	return &s->root->part;
}

const uint8_t *
structure_message(const struct structure *s)
{
	return s->message;
}
