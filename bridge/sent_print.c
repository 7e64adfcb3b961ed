/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Which message is it? The Message-ID and the body, less carriage returns and
 * line ends at its end: clients differ in those between SMTP and IMAP.
 */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "crypt/hash.h"
#include "sent.h"
#include "user_private.h"

enum { BLOCK = 4096, ID_MAX = 1000 };

struct sent_printer {
	struct hash *hash;
	struct buf line; /* of the header, with its continuations */
	bool in_body, has_id;
	size_t line_ends; /* held back: they may be the last */
	size_t len;
	uint8_t block[BLOCK];
};

void
sent_printer_free(struct sent_printer **pp)
{
	struct sent_printer *p = steal(pp);

	if (p == NULL)
		return;
	hash_free(&p->hash);
	buf_reset(&p->line);
	explicit_bzero(p, sizeof *p);
	free(p);
}

int
sent_printer_keyed(const struct crypt *crypt,
    const uint8_t key[SENT_PRINT_LEN], struct sent_printer **out,
    struct err *err)
{
	cleanup(sent_printer_free) struct sent_printer *p =
	    calloc(1, sizeof *p);

	if (p == NULL)
		return err_nomem(err);
	p->line = (struct buf){ .limit = LIMIT_HEADER, .secret = true };
	if (hash_new(crypt, HASH_SHA256, &p->hash, err) < 0 ||
	    hash_feed(p->hash, key, SENT_PRINT_LEN, err) < 0)
		return -1;
	*out = steal(&p);
	return 0;
}

int
sent_printer_new(
    const struct user *user, struct sent_printer **out, struct err *err)
{
	uint8_t key[USER_KEY_LEN];
	int rc = user_derive(user, "prints of sent messages", key, err);

	if (rc == 0)
		rc = sent_printer_keyed(user_crypt(user), key, out, err);
	explicit_bzero(key, sizeof key);
	return rc;
}

static int
put(struct sent_printer *p, uint8_t c, struct err *err)
{
	if (p->len == BLOCK) {
		if (hash_feed(p->hash, p->block, p->len, err) < 0)
			return -1;
		p->len = 0;
	}
	p->block[p->len++] = c;
	return 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "Message-ID: <a@b>": the value without blanks. The first one counts. */
static int
take_field(struct sent_printer *p, struct err *err)
{
	static const char name[] = "Message-ID:";
	const size_t n = sizeof name - 1;

	if (p->has_id || p->line.len <= n || p->line.len > ID_MAX ||
	    strncasecmp((const char *)p->line.data, name, n) != 0)
		return 0;
	for (size_t i = n; i < p->line.len; i++) {
		if (is_blank(p->line.data[i]))
			continue;
		p->has_id = true;
		if (put(p, p->line.data[i], err) < 0)
			return -1;
	}
	return p->has_id ? put(p, '\0', err) : 0;
}

/* The header's octets; a field is over when the next line is no more of it. */
static int
take_header(struct sent_printer *p, uint8_t c, struct err *err)
{
	bool at_start = p->line.len > 0 &&
	    p->line.data[p->line.len - 1] == '\n';

	if (c == '\r')
		return 0;
	if (at_start && c != ' ' && c != '\t') {
		if (take_field(p, err) < 0)
			return -1;
		buf_clear(&p->line);
	}
	if (c == '\n' && p->line.len == 0) {
		p->in_body = true;
		return 0;
	}
	return buf_putc(&p->line, c, err);
}

static int
take_body(struct sent_printer *p, uint8_t c, struct err *err)
{
	if (c == '\r')
		return 0;
	if (c == '\n') {
		p->line_ends++;
		return 0;
	}
	for (; p->line_ends > 0; p->line_ends--)
		if (put(p, '\n', err) < 0)
			return -1;
	return put(p, c, err);
}

int
sent_printer_feed(
    struct sent_printer *p, const void *data, size_t n, struct err *err)
{
	const uint8_t *c = data;

	for (size_t i = 0; i < n; i++)
		if ((p->in_body ? take_body(p, c[i], err)
		                : take_header(p, c[i], err)) < 0)
			return -1;
	return 0;
}

int
sent_printer_finish(struct sent_printer *p, uint8_t out[SENT_PRINT_LEN],
    struct err *err)
{
	if (!p->in_body && take_field(p, err) < 0)
		return -1;
	if (!p->has_id)
		return 0;
	if (hash_feed(p->hash, p->block, p->len, err) < 0 ||
	    hash_finish(p->hash, out, err) < 0)
		return -1;
	return 1;
}
