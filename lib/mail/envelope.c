/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * ENVELOPE (RFC 3501, 7.4.2). Addresses are read as Dovecot reads them: what is
 * broken is kept as far as it can be, and what is missing has a name.
 */

#include <string.h>

#include "mail/field.h"
#include "mail/imap_string.h"
#include "mail/rfc822.h"
#include "mail/structure.h"

struct address {
	char *name, *route, *mailbox, *domain; /* NULL is NIL */
	bool broken;
};

struct reader {
	struct rfc822 l;
	struct buf comment; /* the last one */
	struct buf text;    /* of the token being read */
	struct address now;
	struct buf *out;
};

static void
address_reset(struct address *a)
{
	free(a->name);
	free(a->route);
	free(a->mailbox);
	free(a->domain);
	*a = (struct address){ 0 };
}

static void
reader_reset(struct reader *r)
{
	address_reset(&r->now);
	buf_reset(&r->comment);
	buf_reset(&r->text);
}

static void
set(struct reader *r, char **to, const char *text)
{
	free(*to);
	*to = text == NULL ? NULL : strdup(text);
	if (*to == NULL)
		r->l.nomem = true;
}

/* Takes what was read. */
static void
keep(struct reader *r, char **to)
{
	set(r, to, buf_str(&r->text, NULL));
}

static int
put_address(struct buf *out, const struct address *a, struct err *err)
{
	if (buf_putc(out, '(', err) < 0 ||
	    (a->name == NULL ? buf_puts(out, "NIL", err) < 0
			     : imap_put_text(out, a->name, err) < 0) ||
	    buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring(out, a->route, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring(out, a->mailbox, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring(out, a->domain, err) < 0)
		return -1;
	return buf_putc(out, ')', err);
}

static void
add_address(struct reader *r)
{
	if (put_address(r->out, &r->now, NULL) < 0)
		r->l.nomem = true;
	address_reset(&r->now);
}

static void
add_completed(struct reader *r)
{
	if (r->now.mailbox == NULL)
		set(r, &r->now.mailbox, "MISSING_MAILBOX");
	if (r->now.domain == NULL || r->now.domain[0] == '\0')
		set(r, &r->now.domain, "MISSING_DOMAIN");
	add_address(r);
}

/* Atoms and dots in any order; "a..b" and ".a" are in use. */
static int
lenient_dot_atom(struct reader *r)
{
	struct rfc822 *l = &r->l;
	int rc = -1;

	do {
		while (rfc822_at(l, '.')) {
			rfc822_put(l, &r->text, ".", 1);
			l->i++;
			if (rfc822_ended(l))
				return 0;
			rc = 1;
		}
		if (rfc822_at(l, '@'))
			break;
		rc = rfc822_atom(l, &r->text);
	} while (rc > 0 && rfc822_at(l, '.'));
	return rc;
}

static int
local_part(struct reader *r)
{
	buf_clear(&r->text);
	int rc = rfc822_at(&r->l, '"') ? rfc822_quoted(&r->l, &r->text)
				       : lenient_dot_atom(r);

	if (rc >= 0)
		keep(r, &r->now.mailbox);
	return rc;
}

static int
domain(struct reader *r)
{
	buf_clear(&r->text);
	int rc = rfc822_domain(&r->l, &r->text);

	if (rc >= 0)
		keep(r, &r->now.domain);
	return rc;
}

/* "@one,@two" of a source route */
static int
route(struct reader *r)
{
	struct rfc822 *l = &r->l;

	buf_clear(&r->text);
	while (rfc822_at(l, '@')) {
		if (r->text.len > 0)
			rfc822_put(l, &r->text, ",", 1);
		rfc822_put(l, &r->text, "@", 1);
		int rc = rfc822_domain(l, &r->text);
		if (rc <= 0)
			return rc;
		while (rfc822_skip_blanks(l) > 0 && rfc822_at(l, ','))
			l->i++;
	}
	if (rfc822_ended(l))
		return 0;
	keep(r, &r->now.route);
	return 1;
}

static int
skip_route(struct reader *r)
{
	struct rfc822 *l = &r->l;

	if (route(r) > 0 && rfc822_at(l, ':')) {
		l->i++;
	} else {
		set(r, &r->now.route, "INVALID_ROUTE");
		if (rfc822_ended(l))
			return -1;
	}
	return rfc822_skip_blanks(l) <= 0 ? -1 : 1;
}

/* At "<"; up to behind ">" */
static int
angle_address(struct reader *r)
{
	struct rfc822 *l = &r->l;

	l->i++;
	if (rfc822_skip_blanks(l) <= 0)
		return -1;
	if (rfc822_at(l, '@') && skip_route(r) < 0)
		return -1;
	if (!rfc822_at(l, '>') && local_part(r) <= 0)
		return -1;
	if (rfc822_at(l, '@') && domain(r) <= 0)
		return -1;
	if (!rfc822_at(l, '>'))
		return -1;
	l->i++;
	return rfc822_skip_blanks(l);
}

/* "Name <address>" */
static int
named_address(struct reader *r)
{
	buf_clear(&r->text);
	if (rfc822_phrase(&r->l, &r->text) <= 0 || !rfc822_at(&r->l, '<'))
		return -1;
	if (r->text.len > 0)
		keep(r, &r->now.name);
	if (angle_address(r) < 0) {
		set(r, &r->now.domain, "SYNTAX_ERROR");
		r->now.broken = true;
	}
	return rfc822_ended(&r->l) ? 0 : 1;
}

/*
 * Neither a domain nor a comment: a single word is a mailbox, more of them are
 * somebody's name.
 */
static void
guess(struct reader *r, bool quoted)
{
	rfc822_put(&r->l, &r->text, " ", 1);
	size_t len = r->text.len;

	(void)rfc822_phrase(&r->l, &r->text);
	if (r->text.len != len) {
		free(steal(&r->now.mailbox));
		keep(r, &r->now.name);
	} else if (!quoted) {
		set(r, &r->now.domain, "");
	}
	r->now.broken = true;
}

/* "local@domain", perhaps with a comment that is the name */
static int
bare_address(struct reader *r)
{
	bool quoted = rfc822_at(&r->l, '"');
	bool has_domain = false;

	buf_clear(&r->comment);
	int rc = local_part(r);
	if (rc <= 0)
		r->now.broken = true;
	if (rc != 0 && rfc822_at(&r->l, '@')) {
		int domain_rc = domain(r);

		has_domain = true;
		if (domain_rc <= 0)
			rc = domain_rc;
	}
	if (r->comment.len > 0) {
		set(r, &r->now.name, buf_str(&r->comment, NULL));
	} else if (!has_domain) {
		guess(r, quoted);
		rc = -1;
	}
	return rc;
}

static int
mailbox(struct reader *r)
{
	size_t start = r->l.i;
	int rc = named_address(r);

	if (rc < 0) {
		r->l.i = start;
		rc = bare_address(r);
		if (r->now.broken && r->now.name == NULL &&
		    r->now.mailbox != NULL && r->now.domain == NULL)
			r->now.name = steal(&r->now.mailbox);
	}
	add_completed(r);
	return rc;
}

/* The addresses of a group; -1 when something is missing behind a comma. */
static int
group_members(struct reader *r)
{
	for (;;) {
		(void)mailbox(r);
		if (!rfc822_at(&r->l, ','))
			return 1;
		r->l.i++;
		if (rfc822_skip_blanks(&r->l) <= 0)
			return -1;
	}
}

/* "Name: one, two;" begins and ends with an address that has no domain. */
static int
group(struct reader *r)
{
	struct rfc822 *l = &r->l;

	buf_clear(&r->text);
	if (rfc822_phrase(l, &r->text) <= 0 || !rfc822_at(l, ':'))
		return -1;
	l->i++;
	int rc = rfc822_skip_blanks(l);

	keep(r, &r->now.mailbox);
	add_address(r);
	if (rc > 0 && !rfc822_at(l, ';'))
		rc = group_members(r);
	if (rc >= 0 && !rfc822_at(l, ';'))
		rc = -1;
	if (rc >= 0) {
		l->i++;
		rc = rfc822_skip_blanks(l);
	}
	add_address(r);
	return rc == 0 ? 0 : 1;
}

static void
address_list(struct reader *r)
{
	struct rfc822 *l = &r->l;

	while (!l->nomem) {
		size_t start = l->i;
		int rc = group(r);

		if (rc < 0) {
			l->i = start;
			rc = mailbox(r);
		}
		if (rc == 0 || !rfc822_at(l, ','))
			return;
		l->i++;
		rc = rfc822_skip_blanks(l);
		if (rc < 0)
			add_completed(r);
		if (rc <= 0)
			return;
	}
}

/* Appends the addresses of one field's value. */
static int
put_addresses(const struct buf *value, struct buf *out, struct err *err)
{
	cleanup(reader_reset) struct reader r = {
		.l = { .s = value->data, .n = value->len },
		.comment = { .limit = 3 * value->len + 2 },
		.text = { .limit = 3 * value->len + 2 },
		.out = out,
	};

	r.l.comment = &r.comment;
	if (rfc822_skip_blanks(&r.l) > 0)
		address_list(&r);
	return r.l.nomem ? err_nomem(err) : 0;
}

enum slot {
	DATE,
	SUBJECT,
	FROM,
	SENDER,
	REPLY_TO,
	TO,
	CC,
	BCC,
	IN_REPLY_TO,
	MESSAGE_ID,
	SLOTS
};

static const char *const names[SLOTS] = {
	[DATE] = "Date",
	[SUBJECT] = "Subject",
	[FROM] = "From",
	[SENDER] = "Sender",
	[REPLY_TO] = "Reply-To",
	[TO] = "To",
	[CC] = "Cc",
	[BCC] = "Bcc",
	[IN_REPLY_TO] = "In-Reply-To",
	[MESSAGE_ID] = "Message-ID",
};

/* Texts with a NUL behind; or, for addresses, their lists without the (). */
struct envelope {
	struct buf slot[SLOTS];
	bool there[SLOTS];
};

static void
envelope_reset(struct envelope *e)
{
	for (size_t i = 0; i < SLOTS; i++)
		buf_reset(&e->slot[i]);
}

static bool
has_addresses(enum slot slot)
{
	return slot >= FROM && slot <= BCC;
}

/* A NUL in a text is shown. */
static int
put_value(const struct buf *value, struct buf *out, struct err *err)
{
	buf_clear(out);
	for (size_t i = 0; i < value->len; i++) {
		bool nul = value->data[i] == '\0';

		if (nul ? buf_put(out, UTF8_REPLACEMENT, 3, err) < 0
			: buf_putc(out, value->data[i], err) < 0)
			return -1;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

static int
take_field(const struct field *f, struct envelope *e, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = f->len + 1 };

	for (enum slot i = 0; i < SLOTS; i++) {
		if (!field_is(f, names[i]))
			continue;
		if (field_value(f, FIELD_FOLDED, &value, err) < 0)
			return -1;
		e->there[i] = true;
		e->slot[i].limit = SIZE_MAX / 2;
		return has_addresses(i)
			   ? put_addresses(&value, &e->slot[i], err)
			   : put_value(&value, &e->slot[i], err);
	}
	return 0;
}

static int
put_list(const struct buf *list, struct buf *out, struct err *err)
{
	if (list->len == 0)
		return buf_puts(out, "NIL", err);
	if (buf_putc(out, '(', err) < 0 ||
	    buf_put(out, list->data, list->len, err) < 0)
		return -1;
	return buf_putc(out, ')', err);
}

static int
put_slot(
    const struct envelope *e, enum slot slot, struct buf *out, struct err *err)
{
	const struct buf *b = &e->slot[slot];
	const char *text = e->there[slot] ? (const char *)b->data : NULL;

	if ((slot == SENDER || slot == REPLY_TO) && b->len == 0)
		b = &e->slot[FROM];
	if (has_addresses(slot))
		return put_list(b, out, err);
	return slot == SUBJECT && text != NULL
		   ? imap_put_text(out, text, err)
		   : imap_put_nstring_unfolded(out, text, err);
}

int
envelope_put(const void *header, size_t n, struct buf *out, struct err *err)
{
	cleanup(envelope_reset) struct envelope e = { 0 };
	struct fields all = { header, n, 0 };
	struct field f;

	while (fields_next(&all, &f))
		if (take_field(&f, &e, err) < 0)
			return -1;
	for (enum slot i = 0; i < SLOTS; i++)
		if (buf_putc(out, i == 0 ? '(' : ' ', err) < 0 ||
		    put_slot(&e, i, out, err) < 0)
			return -1;
	return buf_putc(out, ')', err);
}
