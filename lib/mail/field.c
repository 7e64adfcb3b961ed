/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/field.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

size_t
line_length(const uint8_t *s, size_t n, size_t at)
{
	const uint8_t *lf = at < n ? memchr(s + at, '\n', n - at) : NULL;

	return lf == NULL ? n - at : (size_t)(lf - s) + 1 - at;
}

size_t
line_end_length(const uint8_t *line, size_t len)
{
	if (len == 0 || line[len - 1] != '\n')
		return 0;
	return len > 1 && line[len - 2] == '\r' ? 2 : 1;
}

static void
split_name(struct field *f, size_t first_len)
{
	const uint8_t *colon = memchr(f->line, ':', first_len);

	f->name_len = 0;
	f->value_at = 0;
	if (colon == NULL)
		return;
	size_t name_len = (size_t)(colon - f->line);

	while (name_len > 0 && is_blank(f->line[name_len - 1]))
		name_len--;
	if (name_len > FIELD_NAME_MAX)
		return;
	f->name_len = name_len;
	f->value_at = (size_t)(colon - f->line) + 1;
}

int
fields_next(struct fields *f, struct field *out)
{
	if (f->at >= f->n)
		return 0;
	size_t start = f->at;
	size_t first_len = line_length(f->s, f->n, start);

	*out = (struct field){ .line = f->s + start, .len = first_len };
	out->end =
	    first_len > 0 && first_len == line_end_length(out->line, first_len);
	f->at += first_len;
	if (out->end) {
		f->at = f->n;
		return 1;
	}
	split_name(out, first_len);
	while (f->at < f->n && is_blank(f->s[f->at]))
		f->at += line_length(f->s, f->n, f->at);
	out->len = f->at - start;
	return 1;
}

bool
field_name_is(const struct field *f, const char *name, size_t n)
{
	return f->name_len == n &&
	       strncasecmp((const char *)f->line, name, n) == 0;
}

bool
field_is(const struct field *f, const char *name)
{
	return field_name_is(f, name, strlen(name));
}

static size_t
value_start(const struct field *f, enum field_form form)
{
	size_t first_len = line_length(f->line, f->len, 0);
	size_t end = first_len - line_end_length(f->line, first_len);
	size_t at = f->value_at;

	if (at == 0 || at >= end || !is_blank(f->line[at]))
		return at;
	while (form == FIELD_FOLDED && at < end && is_blank(f->line[at]))
		at++;
	return form == FIELD_ONE_LINE || at == end ? f->value_at + 1 : at;
}

int
field_value(const struct field *f, enum field_form form, struct buf *out,
    struct err *err)
{
	size_t at = value_start(f, form);

	buf_clear(out);
	for (size_t line_at = 0; line_at < f->len;) {
		size_t len = line_length(f->line, f->len, line_at);
		size_t end =
		    line_at + len - line_end_length(f->line + line_at, len);
		bool first = line_at == 0;

		if (!first)
			at = line_at;
		if (!first && form == FIELD_FOLDED &&
		    buf_putc(out, '\n', err) < 0)
			return -1;
		if (!first && form == FIELD_ONE_LINE && f->line[at] == '\t') {
			if (buf_putc(out, ' ', err) < 0)
				return -1;
			at++;
		}
		if (at < end && buf_put(out, f->line + at, end - at, err) < 0)
			return -1;
		line_at += len;
	}
	return 0;
}
