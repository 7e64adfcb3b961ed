/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_fetch.h"

#include <string.h>

#include "base/limits.h"
#include "proto/imap_response.h"
#include "proto/imap_section.h"
#include "proto/imap_set.h"

/* The names that stand for themselves. */
static const struct known {
	const char *name;
	enum imap_item_kind kind;
	enum section_kind section;
	bool seen;
} known[] = {
	{ "RFC822.SIZE", IMAP_ITEM_SIZE, SECTION_ALL, false },
	{ "ENVELOPE", IMAP_ITEM_ENVELOPE, SECTION_ALL, false },
	{ "BODY", IMAP_ITEM_BODY, SECTION_ALL, false },
	{ "BODYSTRUCTURE", IMAP_ITEM_BODYSTRUCTURE, SECTION_ALL, false },
	{ "RFC822", IMAP_ITEM_SECTION, SECTION_ALL, true },
	{ "RFC822.HEADER", IMAP_ITEM_SECTION, SECTION_HEADER, false },
	{ "RFC822.TEXT", IMAP_ITEM_SECTION, SECTION_TEXT, true },
};

static const struct macro {
	const char *name, *items;
} macros[] = {
	{ "ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE" },
	{ "FAST", "FLAGS INTERNALDATE RFC822.SIZE" },
	{ "FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY" },
};

void
imap_fetch_reset(struct imap_fetch *f)
{
	for (size_t i = 0; i < f->count; i++)
		imap_item_reset(&f->items[i]);
	free(f->items);
	*f = (struct imap_fetch){ 0 };
}

static int
name_both(
    struct imap_item *item, const uint8_t *name, size_t n, struct err *err)
{
	item->request = strndup((const char *)name, n);
	item->label = strndup((const char *)name, n);
	if (item->request == NULL || item->label == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < n; i++)
		if (item->label[i] >= 'a' && item->label[i] <= 'z')
			item->label[i] = (char)(item->label[i] - 'a' + 'A');
	return 0;
}

static int
parse_item(const struct imap_value *v, struct imap_item *item, struct err *err)
{
	if (memchr(v->data, '[', v->len) != NULL)
		return imap_section_parse(v, item, err);
	for (size_t i = 0; i < countof(known); i++)
		if (imap_is(v, known[i].name)) {
			item->kind = known[i].kind;
			item->section.kind = known[i].section;
			item->seen = known[i].seen;
			return name_both(item, v->data, v->len, err);
		}
	item->kind = IMAP_ITEM_PASS;
	if (!imap_item_passes(v->data, v->len))
		return err_set(err, ERR_PROTO, "Unknown FETCH item");
	return name_both(item, v->data, v->len, err);
}

static int
add_item(struct imap_fetch *f, const struct imap_value *v, struct err *err)
{
	struct imap_item *more;

	if (f->count == LIMIT_IMAP_ITEMS)
		return err_set(err, ERR_PROTO, "too many FETCH items");
	more = realloc(f->items, (f->count + 1) * sizeof *more);
	if (more == NULL)
		return err_nomem(err);
	f->items = more;
	more[f->count] = (struct imap_item){ 0 };
	f->count++; /* now it is reset with the others */
	return parse_item(v, &more[f->count - 1], err);
}

static int
add_items(struct imap_fetch *f, const void *list, size_t n, struct err *err)
{
	struct imap_cursor c = imap_cursor(list, n);
	struct imap_value v;
	int rc;

	while ((rc = imap_next_item(&c, &v, err)) > 0)
		if (add_item(f, &v, err) < 0)
			return -1;
	if (rc == 0 && f->count == 0)
		return err_set(err, ERR_PROTO, "FETCH without items");
	return rc;
}

static int
parse_items(struct imap_cursor *c, struct imap_fetch *f, struct err *err)
{
	struct imap_cursor look = *c;
	struct imap_value v;

	while (look.at < look.end && *look.at == ' ')
		look.at++;
	if (look.at < look.end && *look.at == '(') {
		if (imap_next(c, &v, err) <= 0)
			return -1;
		return add_items(f, v.data, v.len, err);
	}

	int rc = imap_next_item(c, &v, err);

	if (rc <= 0)
		return rc < 0 ? -1 : add_items(f, "", 0, err);
	for (size_t i = 0; i < countof(macros); i++)
		if (imap_is(&v, macros[i].name))
			return add_items(
			    f, macros[i].items, strlen(macros[i].items), err);
	return add_item(f, &v, err);
}

static bool
is_digits(const struct imap_value *v)
{
	for (size_t i = 0; i < v->len; i++)
		if (v->data[i] < '0' || v->data[i] > '9')
			return false;
	return v->type == IMAP_ATOM && v->len > 0;
}

static int
parse_modifiers(struct imap_cursor *c, struct imap_fetch *f, struct err *err)
{
	struct imap_value v;
	int rc = imap_next(c, &f->modifiers, err);

	if (rc <= 0)
		return rc;
	if (f->modifiers.type != IMAP_LIST || !imap_at_end(c))
		return err_set(err, ERR_PROTO, "FETCH with odd modifiers");

	struct imap_cursor words =
	    imap_cursor(f->modifiers.data, f->modifiers.len);

	while ((rc = imap_next(&words, &v, err)) > 0) {
		if (imap_is(&v, "CHANGEDSINCE"))
			f->changed_since = true;
		else if (!imap_is(&v, "VANISHED") && !is_digits(&v))
			return err_set(
			    err, ERR_PROTO, "Unknown FETCH modifier");
	}
	return rc;
}

int
imap_fetch_parse(
    const void *arguments, size_t n, struct imap_fetch *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(arguments, n);

	*out = (struct imap_fetch){ 0 };
	if (imap_next(&c, &out->set, err) <= 0 || out->set.type != IMAP_ATOM ||
	    !imap_set_valid(out->set.data, out->set.len))
		return err_set(err, ERR_PROTO, "Invalid messageset");
	if (parse_items(&c, out, err) < 0)
		return -1;
	return parse_modifiers(&c, out, err);
}
