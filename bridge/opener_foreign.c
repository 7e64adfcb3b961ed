/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What its sender encrypted (RFC 3156), as a whole: the entity that was
 * encrypted takes the place of the outer body. One field on top says that it
 * was so, and what its signature is worth. The same octets always come out the
 * same; the length does not even depend on the verdict.
 */
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/mime.h"
#include "mail/structure.h"
#include "opener_private.h"
#include "user_private.h"

#define BRIDGE_FIELD "X-Sealpost-Bridge"

enum { FIELD_MAX = 256 };

static const char *const verdicts[] = {
	[PGP_UNSIGNED] = "none",
	[PGP_GOOD] = "good",
	[PGP_BAD] = "bad",
	[PGP_UNKNOWN_KEY] = "unknown-key",
};

/* ---- line ends ---- */

static size_t
bare_line_ends(const struct buf *text)
{
	size_t count = 0;

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\n' &&
		    (i == 0 || text->data[i - 1] != '\r'))
			count++;
	return count;
}

/* The sender's octets are canonical or not; mail has CRLF. */
static int
canonicalize(struct buf *text, struct err *err)
{
	size_t more = bare_line_ends(text);

	if (more == 0)
		return 0;
	if (buf_reserve(text, more, err) < 0)
		return -1;

	size_t from = text->len;
	size_t to = text->len + more;

	text->len = to;
	while (from < to) {
		uint8_t c = text->data[--from];

		text->data[--to] = c;
		if (c == '\n' && (from == 0 || text->data[from - 1] != '\r'))
			text->data[--to] = '\r';
	}
	return 0;
}

static void
free_structure(struct structure **sp)
{
	structure_free(sp);
}

/* ---- is it encrypted as a whole? ---- */

/* Does the part's header say it is of this type, once? 1, 0, -1. */
static int
is_of_type(const uint8_t *message, const struct structure_part *part,
    const char *type, struct err *err)
{
	cleanup(message_parts_reset) struct message_parts p = { 0 };
	cleanup(mime_value_free) struct mime_value *v = NULL;
	size_t count = 0;
	size_t n;

	if (header_split(message + part->header_at, part->header_len, &p, err) <
	    0)
		return -1;

	const struct header_field *f =
	    header_find(&p.header, "Content-Type", &count);

	if (f == NULL || count != 1)
		return 0;

	const uint8_t *raw = header_field_value(f, &n);
	int rc = mime_value_parse(raw, n, &v, err);

	return rc <= 0 ? rc : strcmp(v->word, type) == 0;
}

/*
 * RFC 3156, section 4: two parts, and nothing encrypted but in the second. What
 * else stood beside it would be lost, or (EFAIL) was put there by another than
 * the sender. 1 and the second part in *data, 0, -1.
 */
static int
find_whole(const struct message_parts *stored, struct message_parts *data,
    struct err *err)
{
	static const char begin[] = "-----BEGIN PGP MESSAGE-----";
	cleanup(free_structure) struct structure *s = NULL;

	if (structure_parse(stored->message, stored->message_len, &s, err) < 0)
		return -1;

	const struct structure_part *first = structure_root(s)->children;
	const struct structure_part *second =
	    first == NULL ? NULL : first->next;

	if (second == NULL || second->next != NULL || second->children != NULL)
		return 0;

	const uint8_t *body = stored->message + second->body_at;
	const uint8_t *armor =
	    memmem(stored->body, stored->body_len, begin, strlen(begin));
	const uint8_t *end = stored->body + stored->body_len;

	*data = (struct message_parts){ .body = body,
		.body_len = second->body_len };
	if (armor == NULL || armor < body || armor >= body + second->body_len ||
	    memmem(armor + 1, (size_t)(end - armor - 1), begin,
		strlen(begin)) != NULL)
		return 0;
	return is_of_type(
	    stored->message, first, "application/pgp-encrypted", err);
}

/* ---- the signature of multipart/signed ---- */

/* Is it multipart/signed by OpenPGP? 1, 0, -1. */
static int
is_signed_type(const struct header *h, struct err *err)
{
	cleanup(mime_value_free) struct mime_value *v = NULL;
	size_t count = 0;
	size_t n;
	const struct header_field *f = header_find(h, "Content-Type", &count);

	if (f == NULL || count != 1)
		return 0;

	const uint8_t *raw = header_field_value(f, &n);
	int rc = mime_value_parse(raw, n, &v, err);

	if (rc <= 0)
		return rc;

	const char *protocol = mime_value_param(v, "protocol");

	return strcmp(v->word, "multipart/signed") == 0 && protocol != NULL &&
	       strcasecmp(protocol, "application/pgp-signature") == 0;
}

/* The signed part with its header, and the body of the part behind it. */
static int
verify_parts(struct user *u, const struct buf *text,
    const struct structure_part *root, struct pgp_signature *signature,
    struct err *err)
{
	const struct structure_part *first = root->children;
	const struct structure_part *second =
	    first == NULL ? NULL : first->next;

	if (second == NULL || second->next != NULL) {
		signature->verdict = PGP_BAD;
		return 0;
	}

	size_t end = first->body_at + first->body_len;

	return pgp_verify(user_gnupg_home(u), text->data + first->header_at,
	    end - first->header_at, text->data + second->body_at,
	    second->body_len, signature, err);
}

static int
verify(struct user *u, const struct buf *text, const struct header *h,
    struct pgp_signature *signature, struct err *err)
{
	cleanup(free_structure) struct structure *s = NULL;

	if (signature->verdict != PGP_UNSIGNED)
		return 0; /* the message as a whole was signed */

	int rc = is_signed_type(h, err);

	if (rc <= 0)
		return rc;
	if (structure_parse(text->data, text->len, &s, err) < 0)
		return -1;
	return verify_parts(u, text, structure_root(s), signature, err);
}

/* ---- the message ---- */

/*
 * On top, where nobody else can have put it: every message that was delivered
 * has a field above those of its sender.
 */
static int
put_bridge_field(
    const struct pgp_signature *signature, struct buf *out, struct err *err)
{
	enum { VERDICT_WIDTH = 11, KEY_WIDTH = 64 };
	const char *verdict = verdicts[signature->verdict];
	const char *key = signature->key[0] == '\0' ? "none" : signature->key;
	int pad =
	    VERDICT_WIDTH + KEY_WIDTH - (int)strlen(verdict) - (int)strlen(key);

	return buf_putf(out, err,
	    BRIDGE_FIELD ": end-to-end; signature=%s;\r\n key=%s;%*s v=1\r\n",
	    verdict, key, pad, "");
}

static bool
is_replaced(const struct header_field *f)
{
	return header_field_begins(f, "Content-") ||
	       header_field_begins(f, "X-Sealpost");
}

static int
put_field(const struct header_field *f, struct buf *out, struct err *err)
{
	return buf_put(out, f->raw, f->raw_len, err);
}

/* The outer fields; a Subject that was encrypted stands in its place. */
static int
put_outer(const struct header *outer, const struct header_field *subject,
    struct buf *out, struct err *err)
{
	bool subject_put = subject == NULL;

	for (size_t i = 0; i < outer->count; i++) {
		const struct header_field *f = &outer->fields[i];

		if (is_replaced(f))
			continue;
		if (subject != NULL && header_field_is(f, "Subject")) {
			if (subject_put)
				continue;
			f = subject;
			subject_put = true;
		}
		if (put_field(f, out, err) < 0)
			return -1;
	}
	return subject_put ? 0 : put_field(subject, out, err);
}

static int
put_message(const struct message_parts *stored, const struct message_parts *e,
    const struct pgp_signature *signature, struct buf *out, struct err *err)
{
	size_t count = 0;
	const struct header_field *subject =
	    header_find(&e->header, "Subject", &count);

	if (put_bridge_field(signature, out, err) < 0 ||
	    put_outer(&stored->header, subject, out, err) < 0)
		return -1;
	for (size_t i = 0; i < e->header.count; i++)
		if (header_field_begins(&e->header.fields[i], "Content-") &&
		    put_field(&e->header.fields[i], out, err) < 0)
			return -1;
	if (buf_puts(out, "\r\n", err) < 0)
		return -1;
	return buf_put(out, e->body, e->body_len, err);
}

/* The armored message of the part, binary. */
static int
dearmor_part(const struct message_parts *data, struct opener_armor *armor,
    struct spool **message, struct err *err)
{
	if (opener_armor_feed(armor, data->body, data->body_len, err) < 0)
		return -1;
	return opener_armor_finish(armor, message, err);
}

/* About so much will come: growth by doubling would take twice as much. */
static int
reserve(struct buf *b, uint64_t octets, struct err *err)
{
	return buf_reserve(
	    b, octets < b->limit ? (size_t)octets : b->limit, err);
}

static int
decrypt_whole(struct opening *o, const struct message_parts *parts,
    struct buf *stored, struct buf *text, struct pgp_signature *signature,
    struct err *err)
{
	cleanup(opener_armor_free) struct opener_armor *armor = NULL;
	struct opener_target to = { .to = text, .most = text->limit };
	struct opener_cipher in = { .spool = NULL };
	struct message_parts data = { 0 };
	int rc = find_whole(parts, &data, err);

	if (rc <= 0)
		return rc < 0 ? -1
			      : err_set(err, ERR_PERM,
				    "the message is not encrypted as a whole");
	if (opener_armor_new(&armor, err) < 0 ||
	    dearmor_part(&data, armor, &in.spool, err) < 0)
		return -1;
	buf_reset(stored);
	return reserve(text, spool_size(in.spool), err) < 0
		   ? -1
		   : opener_decrypt(o, &in, &to, signature, err);
}

int
opener_open_foreign(struct opening *o, const struct message_parts *parts,
    struct buf *stored, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = out->limit,
		.secret = true };
	cleanup(message_parts_reset) struct message_parts e = { 0 };
	struct pgp_signature signature;

	if (decrypt_whole(o, parts, stored, &text, &signature, err) < 0 ||
	    canonicalize(&text, err) < 0 ||
	    header_split(text.data, text.len, &e, err) < 0 ||
	    verify(o->user, &text, &e.header, &signature, err) < 0 ||
	    reserve(out, text.len + parts->header.octets + FIELD_MAX, err) < 0)
		return -1;
	return put_message(parts, &e, &signature, out, err);
}
