/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_section.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

void
imap_item_reset(struct imap_item *item)
{
	free(item->request);
	free(item->label);
	free(item->path);
	for (size_t i = 0; item->fields != NULL && item->fields[i] != NULL; i++)
		free(item->fields[i]);
	free(item->fields);
	*item = (struct imap_item){ 0 };
}

static int
bad(struct err *err)
{
	return err_set(err, ERR_PROTO, "IMAP: not a section of BODY[]");
}

static bool
skip_word(struct imap_cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->at) < n ||
	    strncasecmp((const char *)c->at, word, n) != 0)
		return false;
	c->at += n;
	return true;
}

/* A number of up to ten digits; false when there is none. */
static bool
skip_number(struct imap_cursor *c, uint32_t *out)
{
	const uint8_t *at = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return imap_number(at, (size_t)(c->at - at), out);
}

/* "1.2.3", and the dot behind it when more follows. */
static int
parse_path(struct imap_cursor *c, struct imap_item *item, struct err *err)
{
	item->path = calloc(LIMIT_IMAP_PATH, sizeof *item->path);
	if (item->path == NULL)
		return err_nomem(err);
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
		uint32_t n;

		if (!skip_number(c, &n) || n == 0 ||
		    item->section.path_len == LIMIT_IMAP_PATH)
			return bad(err);
		item->path[item->section.path_len++] = n;
		if (c->at == c->end)
			break;
		if (*c->at++ != '.' || c->at == c->end)
			return bad(err);
	}
	item->section.path = item->path;
	return 0;
}

static int
add_field(struct imap_item *item, const struct imap_value *v, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_IMAP_LINE };
	size_t n = item->section.field_count, unused;
	char **more;

	if (imap_put_octets(v, &name, err) < 0)
		return -1;
	if (name.len == 0 || memchr(name.data, '\0', name.len) != NULL ||
	    memchr(name.data, '\n', name.len) != NULL)
		return bad(err);
	if (buf_str(&name, err) == NULL)
		return -1;
	more = realloc(item->fields, (n + 2) * sizeof *more);
	if (more == NULL)
		return err_nomem(err);
	item->fields = more;
	more[n] = (char *)buf_steal(&name, &unused);
	more[n + 1] = NULL;
	item->section.field_count++;
	item->section.fields = (const char *const *)more;
	return 0;
}

static int
parse_fields(struct imap_cursor *c, struct imap_item *item, struct err *err)
{
	struct imap_value list, v;
	int rc = imap_next(c, &list, err);

	if (rc <= 0 || list.type != IMAP_LIST)
		return rc < 0 ? -1 : bad(err);

	struct imap_cursor names = imap_cursor(list.data, list.len);

	while ((rc = imap_next(&names, &v, err)) > 0)
		if (add_field(item, &v, err) < 0)
			return -1;
	if (rc == 0 && item->section.field_count == 0)
		return bad(err);
	return rc;
}

/* What stands between the brackets. */
static int
parse_section(struct imap_cursor *c, struct imap_item *item, struct err *err)
{
	struct section *s = &item->section;

	if (parse_path(c, item, err) < 0)
		return -1;
	if (c->at == c->end)
		s->kind = SECTION_ALL;
	else if (skip_word(c, "HEADER.FIELDS.NOT "))
		s->kind = SECTION_HEADER_FIELDS_NOT;
	else if (skip_word(c, "HEADER.FIELDS "))
		s->kind = SECTION_HEADER_FIELDS;
	else if (skip_word(c, "HEADER"))
		s->kind = SECTION_HEADER;
	else if (skip_word(c, "TEXT"))
		s->kind = SECTION_TEXT;
	else if (s->path_len > 0 && skip_word(c, "MIME"))
		s->kind = SECTION_MIME;
	else
		return bad(err);
	if ((s->kind == SECTION_HEADER_FIELDS ||
		s->kind == SECTION_HEADER_FIELDS_NOT) &&
	    parse_fields(c, item, err) < 0)
		return -1;
	return c->at == c->end ? 0 : bad(err);
}

/* "" or "<origin.count>" */
static int
parse_partial(struct imap_cursor c, struct imap_item *item, struct err *err)
{
	if (c.at == c.end)
		return 0;
	item->partial = true;
	if (!skip_word(&c, "<") || !skip_number(&c, &item->origin) ||
	    !skip_word(&c, ".") || !skip_number(&c, &item->count) ||
	    !skip_word(&c, ">") || c.at != c.end || item->count == 0)
		return bad(err);
	return 0;
}

/* Between the brackets as Dovecot says it: upper case, strings as strings. */
static int
put_name(const struct imap_item *item, struct buf *out, struct err *err)
{
	static const char *const names[] = { [SECTION_ALL] = "",
		[SECTION_HEADER] = "HEADER",
		[SECTION_HEADER_FIELDS] = "HEADER.FIELDS",
		[SECTION_HEADER_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME" };
	const struct section *s = &item->section;

	for (size_t i = 0; i < s->path_len; i++)
		if (buf_putf(out, err, "%s%u", i > 0 ? "." : "", s->path[i]) <
		    0)
			return -1;
	if (s->path_len > 0 && s->kind != SECTION_ALL &&
	    buf_putc(out, '.', err) < 0)
		return -1;
	return buf_puts(out, names[s->kind], err);
}

static void
to_upper(uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= 'a' && s[i] <= 'z')
			s[i] = (uint8_t)(s[i] - 'a' + 'A');
}

/* The names as they were written: quoted ones quoted, literals as strings. */
static int
put_fields(const struct imap_value *list, struct buf *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(list->data, list->len);
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_IMAP_LINE };
	struct imap_value v;
	const char *before = " (";
	int rc;

	for (; (rc = imap_next(&c, &v, err)) > 0; before = " ") {
		buf_clear(&name);
		if (imap_put_octets(&v, &name, err) < 0 ||
		    buf_puts(out, before, err) < 0)
			return -1;
		to_upper(name.data, name.len);
		if ((v.type == IMAP_ATOM
			    ? buf_put(out, name.data, name.len, err)
			    : imap_put_string(name.data, name.len, out, err)) <
		    0)
			return -1;
	}
	return rc < 0 ? -1 : buf_puts(out, ")", err);
}

static int
put_brackets(const struct imap_item *item, const struct imap_value *inside,
    struct buf *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(inside->data, inside->len);
	struct imap_value v;

	if (buf_putc(out, '[', err) < 0 || put_name(item, out, err) < 0)
		return -1;
	if (item->section.field_count > 0 &&
	    /* NOLINTNEXTLINE(misc-redundant-expression): the next, and the next */
	    (imap_next(&c, &v, err) < 0 || imap_next(&c, &v, err) <= 0 ||
		put_fields(&v, out, err) < 0))
		return -1;
	return buf_putc(out, ']', err);
}

static char *
text_of(struct buf *b, struct err *err)
{
	size_t n;

	return buf_str(b, err) == NULL ? NULL : (char *)buf_steal(b, &n);
}

static int
name_item(
    struct imap_item *item, const struct imap_value *inside, struct err *err)
{
	cleanup(buf_reset) struct buf request = { .limit = LIMIT_IMAP_LINE };
	cleanup(buf_reset) struct buf label = { .limit = LIMIT_IMAP_LINE };

	if (buf_puts(&request, item->seen ? "BODY" : "BODY.PEEK", err) < 0 ||
	    buf_puts(&label, "BODY", err) < 0 ||
	    put_brackets(item, inside, &request, err) < 0 ||
	    put_brackets(item, inside, &label, err) < 0)
		return -1;
	if (item->partial &&
	    (buf_putf(&request, err, "<%u.%u>", item->origin, item->count) <
		    0 ||
		buf_putf(&label, err, "<%u>", item->origin) < 0))
		return -1;
	item->request = text_of(&request, err);
	item->label = text_of(&label, err);
	return item->request == NULL || item->label == NULL ? -1 : 0;
}

int
imap_section_parse(
    const struct imap_value *name, struct imap_item *item, struct err *err)
{
	struct imap_cursor c = imap_cursor(name->data, name->len);
	const uint8_t *close = memrchr(name->data, ']', name->len);

	item->kind = IMAP_ITEM_SECTION;
	if (!skip_word(&c, "BODY"))
		return bad(err);
	item->seen = !skip_word(&c, ".PEEK");
	if (!skip_word(&c, "[") || close == NULL || close < c.at)
		return bad(err);

	const struct imap_value inside = { .data = c.at,
		.len = (size_t)(close - c.at) };

	c.end = close;
	if (parse_section(&c, item, err) < 0 ||
	    parse_partial(imap_cursor(close + 1,
			      (size_t)(name->data + name->len - close - 1)),
		item, err) < 0)
		return -1;
	return name_item(item, &inside, err);
}
