/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The octets of BODY[section]. */

#include <string.h>

#include "mail/field.h"
#include "mail/structure_node.h"

/* Dovecot takes number 0 for the first one, too. */
static const struct structure_part *
nth_child(const struct structure_part *p, unsigned number)
{
	p = p->children;
	while (p != NULL && number > 1) {
		p = p->next;
		number--;
	}
	return p;
}

/* A part that is no multipart has itself as its only part. */
static const struct structure_part *
find_part(const struct structure *s, const unsigned *path, size_t len)
{
	const struct structure_part *p = structure_root(s);

	for (size_t i = 0; i < len && p != NULL; i++) {
		bool last = i + 1 == len;

		if (p->is_multipart)
			p = nth_child(p, path[i]);
		else if (path[i] != 1 || (!last && !p->is_message))
			p = NULL;
		if (p != NULL && p->is_message && !last)
			p = p->children;
	}
	return p;
}

static bool
is_wanted(const struct field *f, const struct section *want)
{
	for (size_t i = 0; i < want->field_count; i++)
		if (field_is(f, want->fields[i]))
			return want->kind == SECTION_HEADER_FIELDS;
	return want->kind == SECTION_HEADER_FIELDS_NOT;
}

/*
 * The fields that are wanted, and the empty line; where the header has none
 * it is added when `add_end`.
 */
static int
put_fields(const uint8_t *header, size_t n, const struct section *want,
    bool add_end, struct buf *out, struct err *err)
{
	struct fields all = { header, n, 0 };
	struct field f = { 0 };

	while (fields_next(&all, &f))
		if ((f.end || is_wanted(&f, want)) &&
		    buf_put(out, f.line, f.len, err) < 0)
			return -1;
	if (f.end || !add_end)
		return 0;
	if (out->len > 0 && out->data[out->len - 1] != '\n' &&
	    buf_puts(out, "\r\n", err) < 0)
		return -1;
	return buf_puts(out, "\r\n", err);
}

static bool
has_fields(const struct section *want)
{
	return want->kind == SECTION_HEADER_FIELDS ||
	       want->kind == SECTION_HEADER_FIELDS_NOT;
}

int
header_section(const void *header, size_t n, const struct section *want,
    struct buf *scratch, const uint8_t **data, size_t *len, struct err *err)
{
	*data = header;
	*len = n;
	if (!has_fields(want))
		return 1;
	bool add_end =
	    want->kind == SECTION_HEADER_FIELDS && want->path_len == 0;

	buf_clear(scratch);
	if (put_fields(header, n, want, add_end, scratch, err) < 0)
		return -1;
	*data = scratch->data;
	*len = scratch->len;
	return 1;
}

/* HEADER and TEXT are those of a message: the root or message/rfc822. */
static bool
is_of_message(const struct section *want)
{
	return want->kind == SECTION_HEADER || want->kind == SECTION_TEXT ||
	       has_fields(want);
}

int
structure_section(const struct structure *s, const struct section *want,
    struct buf *scratch, const uint8_t **data, size_t *len, struct err *err)
{
	const struct structure_part *p =
	    find_part(s, want->path, want->path_len);

	*data = s->message;
	*len = 0;
	if (p != NULL && want->path_len > 0 && is_of_message(want))
		p = p->is_message ? p->children : NULL;
	if (p == NULL || (want->kind == SECTION_MIME && want->path_len == 0))
		return 0;
	const uint8_t *header = s->message + p->header_at;

	switch (want->kind) {
	case SECTION_ALL:
		*data =
		    want->path_len == 0 ? s->message : s->message + p->body_at;
		*len = want->path_len == 0 ? s->n : p->body_len;
		return 1;
	case SECTION_TEXT:
		*data = s->message + p->body_at;
		*len = p->body_len;
		return 1;
	case SECTION_MIME:
		*data = header;
		*len = p->header_len;
		return 1;
	case SECTION_HEADER:
	case SECTION_HEADER_FIELDS:
	case SECTION_HEADER_FIELDS_NOT:
		break;
	}
	/*
	 * Dovecot picks fields up to the next empty line, even when a boundary
	 * ended the header before.
	 */
	size_t n = has_fields(want) ? s->n - p->header_at : p->header_len;
	return header_section(header, n, want, scratch, data, len, err);
}
