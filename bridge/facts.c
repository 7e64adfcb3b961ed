/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "facts.h"

#include <string.h>

#include "bridge.h"
#include "mail/structure.h"

/* Another form of the value, or of what FETCH says, is another version. */
enum { FACTS_VERSION = 2, FACTS_STRINGS = 3 };

int
facts_key(const struct user *u, uint8_t out[FACTS_KEY_LEN], struct err *err)
{
	return user_derive(u, "facts of messages", out, err);
}

int
facts_open(const struct bridge *b, const uint8_t key[FACTS_KEY_LEN],
    struct metacache **out, struct err *err)
{
	cleanup(free_str) char *path = NULL;

	if (asprintf(&path, "%s/facts.db", b->conf->state_directory) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	return metacache_open(b->crypt, path, key, out, err);
}

void
facts_reset(struct facts *f)
{
	buf_reset(&f->header);
	buf_reset(&f->body);
	buf_reset(&f->bodystructure);
}

static void
facts_init(struct facts *f)
{
	const struct buf empty = { .limit = METACACHE_VALUE_MAX,
		.secret = true };

	*f = (struct facts){ OPENED_SEALED, 0, empty, empty, empty };
}

int
facts_of(const struct message *m, const struct structure *s, struct facts *out,
    struct err *err)
{
	const struct structure_part *root = structure_root(s);

	facts_init(out);
	out->kind = m->kind;
	out->octets = m->len;
	out->header.limit = out->body.limit = out->bodystructure.limit =
	    SIZE_MAX / 4;
	if (buf_put(&out->header, m->data + root->header_at, root->header_len,
		err) < 0 ||
	    structure_put_body(s, &out->body, err) < 0)
		return -1;
	return structure_put_bodystructure(s, &out->bodystructure, err);
}

int
facts_of_header(const struct buf *header, uint64_t octets, struct facts *out,
    struct err *err)
{
	facts_init(out);
	out->octets = octets;
	out->header.limit = SIZE_MAX / 4;
	return buf_put(&out->header, header->data, header->len, err);
}

bool
facts_know_structure(const struct facts *f)
{
	return f->bodystructure.len > 0;
}

/* account NUL mailbox NUL, and the two numbers. */
static int
put_name(const char *account, const struct message_key *k, struct buf *out,
    struct err *err)
{
	if (buf_puts(out, account, err) < 0 || buf_putc(out, 0, err) < 0 ||
	    buf_puts(out, k->mailbox, err) < 0)
		return -1;
	return buf_putf(out, err, "%c%u %u", 0, (unsigned)k->uidvalidity,
	    (unsigned)k->uid);
}

/* ---- the value: version, kind, octets, and each string after its length ---- */

static int
put_number(struct buf *out, uint64_t n, struct err *err)
{
	uint8_t octets[8];

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(n >> (56 - 8 * i));
	return buf_put(out, octets, sizeof octets, err);
}

static bool
take_number(const struct buf *in, size_t *at, uint64_t *n)
{
	if (in->len - *at < 8)
		return false;
	*n = 0;
	for (size_t i = 0; i < 8; i++)
		*n = *n << 8 | in->data[(*at)++];
	return true;
}

static int
put_value(const struct facts *f, struct buf *out, struct err *err)
{
	const struct buf *const strings[FACTS_STRINGS] = { &f->header,
		&f->body, &f->bodystructure };

	if (buf_putc(out, FACTS_VERSION, err) < 0 ||
	    buf_putc(out, (uint8_t)f->kind, err) < 0 ||
	    put_number(out, f->octets, err) < 0)
		return -1;
	for (size_t i = 0; i < FACTS_STRINGS; i++)
		if (put_number(out, strings[i]->len, err) < 0 ||
		    buf_put(out, strings[i]->data, strings[i]->len, err) < 0)
			return -1;
	return 0;
}

/* 1, or 0 when it is of another version. */
static int
take_value(const struct buf *in, struct facts *out, struct err *err)
{
	struct buf *const strings[FACTS_STRINGS] = { &out->header, &out->body,
		&out->bodystructure };
	size_t at = 2;
	uint64_t n;

	if (in->len < at || in->data[0] != FACTS_VERSION ||
	    !take_number(in, &at, &out->octets))
		return 0;
	out->kind = in->data[1] == OPENED_FOREIGN ? OPENED_FOREIGN
						  : OPENED_SEALED;
	for (size_t i = 0; i < FACTS_STRINGS; i++) {
		if (!take_number(in, &at, &n) || n > in->len - at)
			return 0;
		if (buf_put(strings[i], in->data + at, n, err) < 0)
			return -1;
		at += n;
	}
	return at == in->len;
}

/* 1 and the value, 0 not there. */
static int
get(struct metacache *cache, const char *account, const struct message_key *k,
    struct buf *value, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = METACACHE_VALUE_MAX };

	if (put_name(account, k, &name, err) < 0)
		return -1;
	return metacache_get(
	    cache, (struct crypt_bytes){ name.data, name.len }, value, err);
}

static int
put(struct metacache *cache, const char *account, const struct message_key *k,
    struct crypt_bytes value, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = METACACHE_VALUE_MAX };

	if (put_name(account, k, &name, err) < 0)
		return -1;
	return metacache_put(
	    cache, (struct crypt_bytes){ name.data, name.len }, value, err);
}

int
facts_get(struct metacache *cache, const char *account,
    const struct message_key *k, struct facts *out, struct err *err)
{
	cleanup(buf_reset) struct buf value = {
		.limit = METACACHE_VALUE_MAX, .secret = true };
	int rc;

	facts_init(out);
	rc = get(cache, account, k, &value, err);
	return rc <= 0 ? rc : take_value(&value, out, err);
}

int
facts_put(struct metacache *cache, const char *account,
    const struct message_key *k, const struct facts *f, struct err *err)
{
	cleanup(buf_reset) struct buf value = {
		.limit = METACACHE_VALUE_MAX, .secret = true };
	struct err why = { 0 };

	if (put_value(f, &value, &why) < 0)
		return why.kind == ERR_PERM
		    ? 0 /* too large */
		    : err_set(err, why.kind, "%s", why.text);
	return put(cache, account, k,
	    (struct crypt_bytes){ value.data, value.len }, err);
}

/* UID 0 is no message's: there the mailbox itself is kept. */
static struct message_key
mailbox_of(const struct message_key *k)
{
	return (struct message_key){ k->mailbox, k->uidvalidity, 0 };
}

int
facts_are_there(struct metacache *cache, const char *account,
    const struct message_key *k, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = METACACHE_VALUE_MAX };
	const struct message_key mailbox = mailbox_of(k);

	return get(cache, account, &mailbox, &value, err);
}

int
facts_mark(struct metacache *cache, const char *account,
    const struct message_key *k, struct err *err)
{
	const struct message_key mailbox = mailbox_of(k);

	return put(
	    cache, account, &mailbox, (struct crypt_bytes){ "", 0 }, err);
}
