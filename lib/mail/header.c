/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/header.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

void
header_reset(struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		free(h->fields[i].raw);
	free(h->fields);
	*h = (struct header){ 0 };
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Length of the name and offset behind the colon; false when it is no field. */
static bool
split_field(const uint8_t *raw, size_t n, size_t *name_len, size_t *value_at)
{
	size_t i = 0;

	while (i < n && raw[i] > 0x20 && raw[i] < 0x7f && raw[i] != ':')
		i++;
	*name_len = i;
	while (i < n && is_blank(raw[i]))
		i++;
	*value_at = i + 1;
	return *name_len > 0 && i < n && raw[i] == ':';
}

static int
make_room(struct header *h, struct err *err)
{
	if (h->count >= LIMIT_HEADER_FIELDS)
		return err_set(err, ERR_PERM, "more than %d header fields",
		    LIMIT_HEADER_FIELDS);
	if (h->count < h->room)
		return 0;

	size_t room = h->room == 0 ? 32 : h->room * 2;
	struct header_field *fields =
	    realloc(h->fields, room * sizeof *fields);

	if (fields == NULL)
		return err_nomem(err);
	h->fields = fields;
	h->room = room;
	return 0;
}

int
header_add_raw(struct header *h, const void *raw, size_t n, struct err *err)
{
	struct header_field f = { .raw_len = n };
	const uint8_t *p = raw;

	if (n < 2 || p[n - 2] != '\r' || p[n - 1] != '\n' ||
	    !split_field(p, n - 2, &f.name_len, &f.value_at))
		return err_set(err, ERR_PROTO, "malformed header field");
	if (n > LIMIT_HEADER || h->octets > LIMIT_HEADER - n)
		return err_set(err, ERR_PERM, "header of more than %d octets",
		    LIMIT_HEADER);
	if (make_room(h, err) < 0)
		return -1;
	f.raw = malloc(n);
	if (f.raw == NULL)
		return err_nomem(err);
	memcpy(f.raw, raw, n);
	h->fields[h->count++] = f;
	h->octets += n;
	return 0;
}

bool
header_field_is(const struct header_field *f, const char *name)
{
	return strlen(name) == f->name_len &&
	    strncasecmp((const char *)f->raw, name, f->name_len) == 0;
}

bool
header_field_begins(const struct header_field *f, const char *prefix)
{
	size_t n = strlen(prefix);

	return n <= f->name_len &&
	    strncasecmp((const char *)f->raw, prefix, n) == 0;
}

const uint8_t *
header_field_value(const struct header_field *f, size_t *len)
{
	*len = f->raw_len - 2 - f->value_at;
	return f->raw + f->value_at;
}

const struct header_field *
header_find(const struct header *h, const char *name, size_t *count)
{
	const struct header_field *first = NULL;

	*count = 0;
	for (size_t i = 0; i < h->count; i++) {
		if (!header_field_is(&h->fields[i], name))
			continue;
		if (first == NULL)
			first = &h->fields[i];
		(*count)++;
	}
	return first;
}

void
header_reader_init(struct header_reader *r, struct header *to)
{
	*r = (struct header_reader){
		.to = to,
		.pending = { .limit = LIMIT_HEADER },
	};
}

void
header_reader_reset(struct header_reader *r)
{
	buf_reset(&r->pending);
}

/* Hands over the field before the unfinished line. */
static int
flush_field(struct header_reader *r, struct err *err)
{
	if (r->line_at == 0)
		return 0;
	if (header_add_raw(r->to, r->pending.data, r->line_at, err) < 0)
		return -1;
	r->pending.len -= r->line_at;
	memmove(r->pending.data, r->pending.data + r->line_at,
	    r->pending.len);
	r->line_at = 0;
	return 0;
}

static int
end_header(struct header_reader *r, bool separated, struct err *err)
{
	if (flush_field(r, err) < 0)
		return -1;
	if (separated)
		buf_clear(&r->pending);
	r->separated = separated;
	r->done = true;
	return 0;
}

/* The line that starts at line_at is complete. */
static int
take_line(struct header_reader *r, struct err *err)
{
	const uint8_t *line = r->pending.data + r->line_at;
	size_t n = r->pending.len - r->line_at;
	size_t name_len, value_at;

	if (n == 2)
		return end_header(r, true, err);
	if (is_blank(line[0]) && r->line_at > 0) {
		r->line_at = r->pending.len;
		return 0;
	}
	if (!split_field(line, n - 2, &name_len, &value_at))
		return end_header(r, false, err);
	if (flush_field(r, err) < 0)
		return -1;
	r->line_at = r->pending.len;
	return 0;
}

static bool
line_is_complete(const struct header_reader *r)
{
	size_t n = r->pending.len;

	return n - r->line_at >= 2 && r->pending.data[n - 1] == '\n' &&
	    r->pending.data[n - 2] == '\r';
}

int
header_reader_feed(struct header_reader *r, const void *data, size_t n,
    size_t *used, struct err *err)
{
	const uint8_t *p = data;

	*used = 0;
	while (!r->done && *used < n) {
		const uint8_t *lf = memchr(p + *used, '\n', n - *used);
		size_t piece = lf == NULL ? n - *used
					  : (size_t)(lf - p) + 1 - *used;

		if (buf_put(&r->pending, p + *used, piece, err) < 0)
			return err_context(err, "message header");
		*used += piece;
		if (line_is_complete(r) && take_line(r, err) < 0)
			return -1;
	}
	return 0;
}

int
header_reader_finish(struct header_reader *r, struct err *err)
{
	return r->done ? 0 : end_header(r, false, err);
}

const uint8_t *
header_reader_rest(const struct header_reader *r, size_t *len)
{
	*len = r->pending.len;
	return r->pending.data;
}

int
header_split(
    const void *message, size_t n, struct message_parts *out, struct err *err)
{
	cleanup(header_reader_reset) struct header_reader r;
	size_t used, rest;

	header_reader_init(&r, &out->header);
	r.pending.secret = true;
	out->message = out->body = message;
	out->message_len = out->body_len = n;
	if (n == 0)
		return 0;
	if (header_reader_feed(&r, message, n, &used, err) < 0 ||
	    header_reader_finish(&r, err) < 0)
		return -1;
	(void)header_reader_rest(&r, &rest);
	out->body = out->message + used - rest;
	out->body_len = n - used + rest;
	out->separated = r.separated;
	return 0;
}

void
message_parts_reset(struct message_parts *p)
{
	header_reset(&p->header);
}
