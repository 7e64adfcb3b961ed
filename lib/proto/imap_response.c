/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_response.h"

#include <string.h>

static const char *const status_words[] = { "OK", "NO", "BAD", "BYE",
	"PREAUTH" };

static bool
is_status_word(const uint8_t *word, size_t n)
{
	for (size_t i = 0; i < countof(status_words); i++)
		if (imap_equal(word, n, status_words[i]))
			return true;
	return false;
}

/* Up to the next blank, which is skipped; false when there is nothing. */
static bool
word_of(struct imap_cursor *c, const uint8_t **word, size_t *n)
{
	*word = c->at;
	while (c->at < c->end && *c->at != ' ')
		c->at++;
	*n = (size_t)(c->at - *word);
	if (c->at < c->end)
		c->at++;
	return *n > 0;
}

static void
take_code(struct imap_cursor *c, struct imap_response *r)
{
	const uint8_t *close;

	while (c->at < c->end && *c->at == ' ')
		c->at++;
	if (c->at == c->end || *c->at != '[')
		return;
	close = memchr(c->at, ']', (size_t)(c->end - c->at));
	if (close == NULL)
		return;
	r->code = c->at + 1;
	r->code_len = (size_t)(close - r->code);
	c->at = close + 1;
	if (c->at < c->end && *c->at == ' ')
		c->at++;
}

static int
no_response(struct err *err)
{
	return err_set(err, ERR_PROTO, "IMAP: the server sends no response");
}

static int
parse_untagged(struct imap_cursor *c, struct imap_response *r, struct err *err)
{
	if (!word_of(c, &r->word, &r->word_len))
		return no_response(err);
	if (imap_number(r->word, r->word_len, &r->number) &&
	    !word_of(c, &r->word, &r->word_len))
		return no_response(err);
	r->kind = r->number == 0 && is_status_word(r->word, r->word_len)
		      ? IMAP_STATUS
		      : IMAP_DATA;
	return 0;
}

static int
parse_tagged(struct imap_cursor *c, struct imap_response *r, struct err *err)
{
	if (!word_of(c, &r->word, &r->word_len) ||
	    !is_status_word(r->word, r->word_len))
		return no_response(err);
	r->kind = IMAP_TAGGED;
	return 0;
}

int
imap_response_parse(
    const void *text, size_t n, struct imap_response *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(text, n);
	struct imap_response r = { 0 };
	int rc = 0;

	*out = r;
	if (n == 0 || !word_of(&c, &r.tag, &r.tag_len))
		return no_response(err);
	if (imap_equal(r.tag, r.tag_len, "+"))
		r.kind = IMAP_CONTINUE;
	else if (imap_equal(r.tag, r.tag_len, "*"))
		rc = parse_untagged(&c, &r, err);
	else
		rc = parse_tagged(&c, &r, err);
	if (rc < 0)
		return -1;
	if (r.kind == IMAP_TAGGED || r.kind == IMAP_STATUS)
		take_code(&c, &r);
	r.rest = c.at;
	r.rest_len = (size_t)(c.end - c.at);
	*out = r;
	return 0;
}

bool
imap_response_is(const struct imap_response *r, const char *word)
{
	return imap_equal(r->word, r->word_len, word);
}

bool
imap_code_is(const struct imap_response *r, const char *name,
    struct imap_value *argument)
{
	struct imap_cursor c;
	struct imap_value v;

	*argument = (struct imap_value){ 0 };
	if (r->code == NULL)
		return false;
	c = imap_cursor(r->code, r->code_len);
	if (imap_next(&c, &v, NULL) <= 0 || !imap_is(&v, name))
		return false;
	if (imap_next(&c, argument, NULL) <= 0)
		*argument = (struct imap_value){ 0 };
	return true;
}

int
imap_fetch_open(
    const struct imap_response *r, struct imap_cursor *items, struct err *err)
{
	struct imap_cursor c = imap_cursor(r->rest, r->rest_len);
	struct imap_value list;
	int rc = imap_next(&c, &list, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || list.type != IMAP_LIST || !imap_at_end(&c))
		return err_set(err, ERR_PROTO, "IMAP: a FETCH without items");
	*items = imap_cursor(list.data, list.len);
	return 0;
}

int
imap_fetch_next(struct imap_cursor *items, struct imap_value *name,
    struct imap_value *value, struct err *err)
{
	int rc = imap_next_item(items, name, err);

	if (rc <= 0)
		return rc;
	rc = imap_next(items, value, err);
	if (rc == 0)
		return err_set(err, ERR_PROTO, "IMAP: an item without value");
	return rc;
}

bool
imap_item_passes(const void *name, size_t n)
{
	static const char *const passing[] = { "UID", "FLAGS", "INTERNALDATE",
		"MODSEQ", "SAVEDATE", "EMAILID", "THREADID", "X-GUID",
		"X-MAILBOX", "X-REAL-UID", "X-SAVEDATE", "X-GM-MSGID",
		"X-GM-THRID", "X-GM-LABELS" };

	for (size_t i = 0; i < countof(passing); i++)
		if (imap_equal(name, n, passing[i]))
			return true;
	return false;
}
