/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "imap_view.h"

#include <stdlib.h>
#include <string.h>

void
imap_view_message(struct imap_view *v, const struct message *m)
{
	*v = (struct imap_view){ .message = m, .octets = m->len };
}

void
imap_view_reset(struct imap_view *v)
{
	structure_free(&v->structure);
	*v = (struct imap_view){ 0 };
}

static int
need_structure(struct imap_view *v, struct err *err)
{
	if (v->structure != NULL)
		return 0;
	if (v->message == NULL)
		return err_set(err, ERR_TEMP, "the message is not here");
	return structure_parse(
	    v->message->data, v->message->len, &v->structure, err);
}

int
imap_view_header(
    struct imap_view *v, const uint8_t **data, size_t *n, struct err *err)
{
	if (v->message != NULL) {
		if (need_structure(v, err) < 0)
			return -1;

		const struct structure_part *root =
		    structure_root(v->structure);

		v->header = v->message->data + root->header_at;
		v->header_len = root->header_len;
	}
	*data = v->header;
	*n = v->header_len;
	return 0;
}

static enum imap_need
need_of_item(const struct imap_item *item)
{
	switch (item->kind) {
	case IMAP_ITEM_PASS:
	case IMAP_ITEM_SIZE:
	case IMAP_ITEM_ENVELOPE:
		return NEEDS_HEADER;
	case IMAP_ITEM_BODY:
	case IMAP_ITEM_BODYSTRUCTURE:
		return NEEDS_STRUCTURE;
	case IMAP_ITEM_SECTION:
		break;
	}
	return item->section.path_len == 0 &&
		       (item->section.kind == SECTION_HEADER ||
			   item->section.kind == SECTION_HEADER_FIELDS ||
			   item->section.kind == SECTION_HEADER_FIELDS_NOT)
		   ? NEEDS_HEADER
		   : NEEDS_BODY;
}

enum imap_need
imap_need_of(const struct imap_fetch *f)
{
	enum imap_need most = NEEDS_HEADER;

	for (size_t i = 0; i < f->count; i++) {
		enum imap_need need = need_of_item(&f->items[i]);

		if (need > most)
			most = need;
	}
	return most;
}

/* ---- sections ---- */

/* The octets of a section, borrowed from the view or in `scratch`. */
static int
section_of(struct imap_view *v, const struct section *want, struct buf *scratch,
    const uint8_t **data, size_t *n, struct err *err)
{
	int rc;

	if (v->message != NULL && want->kind == SECTION_ALL &&
	    want->path_len == 0) {
		*data = v->message->data;
		*n = v->message->len;
		return 0;
	}
	if (v->message == NULL)
		rc = header_section(
		    v->header, v->header_len, want, scratch, data, n, err);
	else if (need_structure(v, err) < 0)
		rc = -1;
	else
		rc = structure_section(
		    v->structure, want, scratch, data, n, err);
	if (rc == 0) /* no such part: as Dovecot, empty */
		*n = 0;
	return rc < 0 ? -1 : 0;
}

void
imap_pieces_reset(struct imap_pieces *p)
{
	buf_reset(&p->text);
	free(p->of);
	p->of = NULL;
	p->count = p->room = 0;
}

int
imap_pieces_write(
    const struct imap_pieces *p, const struct sink *to, struct err *err)
{
	size_t at = 0;

	for (size_t i = 0; i < p->count; i++) {
		const struct imap_piece *one = &p->of[i];

		if (sink_put(to, p->text.data + at, one->at - at, err) < 0 ||
		    sink_put(to, one->data, one->n, err) < 0)
			return -1;
		at = one->at;
	}
	return sink_put(to, p->text.data + at, p->text.len - at, err);
}

static int
make_room(struct imap_pieces *p, struct err *err)
{
	size_t room = p->room * 2 + 4;
	struct imap_piece *more;

	if (p->count < p->room)
		return 0;
	more = reallocarray(p->of, room, sizeof *more);
	if (more == NULL)
		return err_nomem(err);
	p->of = more;
	p->room = room;
	return 0;
}

/* A literal, of which the octets stay where they are. */
static int
put_borrowed(
    struct imap_pieces *out, const uint8_t *data, size_t n, struct err *err)
{
	if (make_room(out, err) < 0 ||
	    buf_putf(&out->text, err, "{%zu}\r\n", n) < 0)
		return -1;
	out->of[out->count++] = (struct imap_piece){ out->text.len, data, n };
	return 0;
}

static int
put_section(struct imap_view *v, const struct imap_item *item,
    struct imap_pieces *out, struct err *err)
{
	enum { MANY = 64 << 10 };
	cleanup(buf_reset) struct buf scratch = { .limit = out->text.limit,
		.secret = true };
	const uint8_t *data = NULL;
	size_t n = 0;

	if (section_of(v, &item->section, &scratch, &data, &n, err) < 0)
		return -1;
	if (item->partial) {
		size_t from = item->origin < n ? item->origin : n;

		data = data == NULL ? NULL : data + from;
		n -= from;
		if (n > item->count)
			n = item->count;
	}
	if (n >= MANY && scratch.len == 0 &&
	    memchr(data, 0, n) == NULL) /* of which a literal has none */
		return put_borrowed(out, data, n, err);
	/* at once: growth by doubling is dear where memory is wiped */
	if (buf_reserve(&out->text, n + 64, err) < 0)
		return -1;
	return imap_put_literal(data, n, &out->text, err);
}

static int
put_envelope(struct imap_view *v, struct buf *out, struct err *err)
{
	const uint8_t *header;
	size_t n;

	if (imap_view_header(v, &header, &n, err) < 0)
		return -1;
	return envelope_put(header, n, out, err);
}

static int
put_structure(
    struct imap_view *v, bool extended, struct buf *out, struct err *err)
{
	if (v->facts != NULL) {
		const struct buf *said =
		    extended ? &v->facts->bodystructure : &v->facts->body;

		return buf_put(out, said->data, said->len, err);
	}
	if (need_structure(v, err) < 0)
		return -1;
	return extended ? structure_put_bodystructure(v->structure, out, err)
			: structure_put_body(v->structure, out, err);
}

static int
put_value(struct imap_view *v, const struct imap_item *item,
    struct imap_pieces *pieces, struct err *err)
{
	struct buf *out = &pieces->text;

	switch (item->kind) {
	case IMAP_ITEM_PASS:
		break;
	case IMAP_ITEM_SIZE:
		return buf_putf(
		    out, err, "%llu", (unsigned long long)v->octets);
	case IMAP_ITEM_ENVELOPE:
		return put_envelope(v, out, err);
	case IMAP_ITEM_BODY:
	case IMAP_ITEM_BODYSTRUCTURE:
		return put_structure(
		    v, item->kind == IMAP_ITEM_BODYSTRUCTURE, out, err);
	case IMAP_ITEM_SECTION:
		return put_section(v, item, pieces, err);
	}
	return 0;
}

int
imap_view_put(struct imap_view *v, const struct imap_fetch *f,
    struct imap_pieces *out, struct err *err)
{
	struct buf *t = &out->text;

	for (size_t i = 0; i < f->count; i++) {
		const struct imap_item *item = &f->items[i];

		if (item->kind == IMAP_ITEM_PASS)
			continue;
		if ((t->len > 0 && t->data[t->len - 1] != '(' &&
			buf_putc(t, ' ', err) < 0) ||
		    buf_puts(t, item->label, err) < 0 ||
		    buf_putc(t, ' ', err) < 0 ||
		    put_value(v, item, out, err) < 0)
			return -1;
	}
	return 0;
}
