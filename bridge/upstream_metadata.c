/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Responses to METADATA and LIST, read without I/O. */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "upstream_private.h"

struct cursor {
	const uint8_t *p, *end;
};

static bool
skip(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n ||
	    strncasecmp((const char *)c->p, text, n) != 0)
		return false;
	c->p += n;
	return true;
}

static int
broken(struct err *err)
{
	return err_set(
	    err, ERR_PROTO, "the server sends a response that is malformed");
}

static int
read_quoted(struct cursor *c, struct buf *out, struct err *err)
{
	while (c->p < c->end && *c->p != '"') {
		if (*c->p == '\\' && ++c->p == c->end)
			break;
		if (buf_putc(out, *c->p++, err) < 0)
			return -1;
	}
	return skip(c, "\"") ? 1 : broken(err);
}

/* Behind "{". */
static int
read_literal(struct cursor *c, struct buf *out, struct err *err)
{
	size_t n = 0;

	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
		if ((n = n * 10 + (size_t)(*c->p - '0')) > LIMIT_VAULT)
			return broken(err);
	if (!skip(c, "}\r\n") || (size_t)(c->end - c->p) < n)
		return broken(err);
	if (buf_put(out, c->p, n, err) < 0)
		return -1;
	c->p += n;
	return 1;
}

/* A string or an atom: 1, or 0 for NIL. */
static int
read_value(struct cursor *c, struct buf *out, struct err *err)
{
	const uint8_t *from;

	buf_clear(out);
	if (skip(c, "\""))
		return read_quoted(c, out, err);
	if (skip(c, "{") || skip(c, "~{"))
		return read_literal(c, out, err);
	for (from = c->p; c->p < c->end && *c->p > ' ' &&
	     strchr("()\"", *c->p) == NULL;
	     c->p++)
		;
	if (c->p == from)
		return broken(err);
	if (c->p - from == 3 && strncasecmp((const char *)from, "NIL", 3) == 0)
		return 0;
	return buf_put(out, from, (size_t)(c->p - from), err) < 0 ? -1 : 1;
}

static bool
is_text(const struct buf *b, const char *text)
{
	return b->len == strlen(text) &&
	    strncasecmp((const char *)b->data, text, b->len) == 0;
}

/* Pairs of entry and value, up to the entry that is looked for. */
static int
find_entry(struct cursor *c, const char *entry, struct buf *out,
    struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_MIME_VALUE };
	int rc;

	do {
		if (read_value(c, &name, err) < 0)
			return -1;
		if (!skip(c, " "))
			return broken(err);
		rc = read_value(c, out, err);
		if (rc < 0 || is_text(&name, entry))
			return rc;
		buf_clear(out);
	} while (skip(c, " "));
	return 0;
}

int
imap_metadata_value(const struct buf *response, const char *entry,
    struct buf *out, struct err *err)
{
	struct cursor c = { response->data, response->data + response->len };
	cleanup(buf_reset) struct buf mailbox = { .limit = LIMIT_MIME_VALUE };

	if (!skip(&c, "* METADATA "))
		return 0;
	if (read_value(&c, &mailbox, err) < 0)
		return -1;
	if (!skip(&c, " ("))
		return 0; /* a list of changed entries */
	return find_entry(&c, entry, out, err);
}

/* "(\\a \\b)" */
static int
read_attributes(struct cursor *c, bool *is_sent, struct err *err)
{
	*is_sent = false;
	while (!skip(c, ")")) {
		const uint8_t *from = c->p;

		while (c->p < c->end && *c->p != ' ' && *c->p != ')')
			c->p++;
		if (c->p == c->end)
			return broken(err);
		if (c->p - from == 5 &&
		    strncasecmp((const char *)from, "\\Sent", 5) == 0)
			*is_sent = true;
		if (!skip(c, " ") && *c->p != ')')
			return broken(err);
	}
	return 0;
}

int
imap_list_entry(const struct buf *response, bool *is_sent, struct buf *name,
    struct err *err)
{
	struct cursor c = { response->data, response->data + response->len };

	if (!skip(&c, "* LIST ("))
		return 0;
	/* the separator goes the way of the name, which comes behind it */
	if (read_attributes(&c, is_sent, err) < 0)
		return -1;
	if (!skip(&c, " ") || read_value(&c, name, err) < 0 ||
	    !skip(&c, " ") || read_value(&c, name, err) < 0)
		return broken(err);
	return 1;
}
