/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "opener.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/sealed.h"
#include "opener_private.h"
#include "user_private.h"

/* ---- taking apart ---- */

static void
opening_reset(struct opening *o)
{
	pgp_last_reset(&o->last);
}

static bool
is_encrypted_type(const struct header_field *f)
{
	static const char type[] = "multipart/encrypted";
	size_t n;
	const uint8_t *v = header_field_value(f, &n);

	while (n > 0 && strchr(" \t\r\n", *v) != NULL && *v != '\0') {
		v++;
		n--;
	}
	return n >= strlen(type) &&
	       strncasecmp((const char *)v, type, strlen(type)) == 0;
}

static bool
may_be_encrypted(const struct header *h)
{
	size_t count = 0;
	const struct header_field *f = header_find(h, "Content-Type", &count);

	return f != NULL && is_encrypted_type(f);
}

bool
opener_may_be_encrypted(const void *header, size_t n)
{
	cleanup(message_parts_reset) struct message_parts p = { 0 };

	/* what cannot be read now is looked at more closely */
	return header_split(header, n, &p, NULL) < 0 ||
	       may_be_encrypted(&p.header);
}

/* ---- what the server sealed ---- */

static int
rebuild_header(struct opening *o, const struct message_parts *stored,
    const struct sealed_marker *marker, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf record = { .limit = LIMIT_HEAD,
		.secret = true };
	const struct opener_cipher in = { .data = marker->head.data,
		.n = marker->head.len };
	struct opener_target to = { .to = &record, .most = LIMIT_HEAD };

	if (opener_decrypt(o, &in, &to, NULL, err) < 0)
		return err_context(err, "sealed header record");
	return sealed_rebuild_header(
	    &stored->header, marker, record.data, record.len, out, err);
}

/* The entity's body is the original's; its header has said what it had to. */
static int
restore_body(struct opening *o, struct spool *body, uint64_t octets,
    struct buf *out, struct err *err)
{
	const struct opener_cipher in = { .spool = body };
	struct opener_target to = { .to = out,
		.most = octets,
		.body_only = true };
	uint64_t room = spool_size(body); /* not what a marker says */
	size_t before = out->len;

	if (buf_reserve(out, (size_t)(octets < room ? octets : room), err) <
		0 ||
	    opener_decrypt(o, &in, &to, NULL, err) < 0)
		return -1;
	if (out->len - before != octets)
		return err_set(err, ERR_PERM,
		    "the sealed body has %zu octets, its marker says %llu",
		    out->len - before, (unsigned long long)octets);
	return 0;
}

static int
open_sealed(struct opening *o, const struct message_parts *stored,
    const struct sealed_marker *marker, struct opener_armor *armor,
    struct buf *out, struct err *err)
{
	struct spool *body = NULL;

	if (opener_armor_finish(armor, &body, err) < 0 ||
	    rebuild_header(o, stored, marker, out, err) < 0)
		return -1;
	return restore_body(o, body, marker->body_octets, out, err);
}

/* ---- the interface ---- */

/* Born with its limit, whatever the caller has made of it. */
static void
prepare(struct user *u, struct buf *b)
{
	buf_reset(b);
	b->limit = user_max_message(u);
	b->secret = true;
}

/* An error that stays is a message that stays as it is stored. */
static int
judge(int rc, struct buf *b, enum opened *kind, const struct err *why,
    struct err *err)
{
	if (rc == 0)
		return 0;
	buf_reset(b);
	if (why->kind == ERR_TEMP)
		return err_set(err, ERR_TEMP, "%s", why->text);
	*kind = OPENED_NEVER;
	return 0;
}

/* A marker that cannot be read: it is sealed, but not for this program. */
static bool
is_marked(const struct header *h)
{
	size_t count = 0;

	return header_find(h, "X-Sealpost", &count) != NULL;
}

/* ---- as it comes ---- */

enum stage {
	STAGE_HEADER,
	STAGE_SEALED, /* the armored message in the body is wanted */
	STAGE_WHOLE,  /* all of it is */
	STAGE_ENOUGH, /* what it is, is known */
};

struct opener_intake {
	struct user *user;
	enum stage stage;
	enum opened kind;
	struct err why; /* why it cannot be opened; ERR_NONE: not yet */
	struct buf text; /* as stored, up to the end of the header or whole */
	size_t body_at;  /* in it */
	struct message_parts parts;
	struct header_reader reader;
	struct sealed_marker marker;
	struct opener_armor *armor;
};

void
opener_intake_free(struct opener_intake **ip)
{
	struct opener_intake *in = steal(ip);

	if (in == NULL)
		return;
	buf_reset(&in->text);
	message_parts_reset(&in->parts);
	header_reader_reset(&in->reader);
	sealed_marker_reset(&in->marker);
	opener_armor_free(&in->armor);
	free(in);
}

int
opener_intake_new(struct user *u, size_t octets, struct opener_intake **out,
    struct err *err)
{
	struct opener_intake *in = calloc(1, sizeof *in);

	if (in == NULL)
		return err_nomem(err);
	in->user = u;
	in->text.limit = octets;
	header_reader_init(&in->reader, &in->parts.header);
	in->reader.pending.secret = true;
	*out = in;
	return 0;
}

/* The header is read: what is it, and what is needed of the rest? */
static int
choose_stage(struct opener_intake *in, struct err *err)
{
	const struct header *h = &in->parts.header;
	int rc;

	in->stage = STAGE_ENOUGH;
	in->kind = OPENED_PLAIN;
	if (!may_be_encrypted(h))
		return 0;
	rc = sealed_find_marker(h, &in->marker, err);
	if (rc < 0)
		return -1;
	if (rc == 1) {
		in->kind = OPENED_SEALED;
		in->stage = STAGE_SEALED;
		return in->marker.body_octets > user_max_message(in->user)
			   ? err_set(err, ERR_PERM, "larger than max_message")
			   : opener_armor_new(&in->armor, err);
	}
	if (is_marked(h))
		return err_set(err, ERR_PERM, "its marker cannot be read");
	if (!in->user->account->decrypt_foreign)
		return 0;
	in->kind = OPENED_FOREIGN;
	in->stage = STAGE_WHOLE;
	return buf_reserve(&in->text, in->text.limit - in->text.len, err);
}

/* The header has ended; text holds what comes behind it, too. */
static int
end_header(struct opener_intake *in, size_t body_at, struct err *err)
{
	if (choose_stage(in, err) < 0)
		return -1;
	in->body_at = body_at;
	if (in->stage == STAGE_SEALED &&
	    opener_armor_feed(in->armor, in->text.data + body_at,
		in->text.len - body_at, err) < 0)
		return -1;
	if (in->stage != STAGE_WHOLE)
		buf_reset(&in->text);
	return 0;
}

static int
take_header(struct opener_intake *in, const uint8_t *data, size_t n,
    struct err *err)
{
	size_t before = in->text.len, used = 0, rest = 0;

	if (buf_put(&in->text, data, n, err) < 0 ||
	    header_reader_feed(&in->reader, data, n, &used, err) < 0)
		return -1;
	if (!in->reader.done)
		return 0;
	(void)header_reader_rest(&in->reader, &rest);
	return end_header(in, before + used - rest, err);
}

static int
take_piece(struct opener_intake *in, const uint8_t *data, size_t n,
    struct err *err)
{
	switch (in->stage) {
	case STAGE_HEADER:
		return take_header(in, data, n, err);
	case STAGE_SEALED:
		return opener_armor_feed(in->armor, data, n, err);
	case STAGE_WHOLE:
		return buf_put(&in->text, data, n, err);
	case STAGE_ENOUGH:
		break;
	}
	return 0;
}

static void
give_up(struct opener_intake *in)
{
	in->stage = STAGE_ENOUGH;
	buf_reset(&in->text);
	opener_armor_free(&in->armor);
}

static int
put_octets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	enum { HEADER_PIECE = 4096 };
	struct opener_intake *in = ctx;

	(void)err;
	while (n > 0 && in->stage != STAGE_ENOUGH) {
		size_t piece = in->stage == STAGE_HEADER && n > HEADER_PIECE
				   ? HEADER_PIECE
				   : n;

		if (take_piece(in, data, piece, &in->why) < 0)
			give_up(in);
		data += piece;
		n -= piece;
	}
	return 0;
}

struct sink
opener_intake_sink(struct opener_intake *in)
{
	return (struct sink){ .put = put_octets, .ctx = in };
}

static int
intake_finish(struct opener_intake *in, struct err *err)
{
	size_t rest = 0;

	if (in->stage != STAGE_HEADER)
		return 0;
	if (header_reader_finish(&in->reader, err) < 0)
		return -1;
	(void)header_reader_rest(&in->reader, &rest);
	return end_header(in, in->text.len - rest, err);
}

static int
open_foreign(struct opening *o, struct opener_intake *in, struct buf *message,
    struct err *err)
{
	struct message_parts *p = &in->parts;

	p->message = in->text.data;
	p->message_len = in->text.len;
	p->body = in->text.data + in->body_at;
	p->body_len = in->text.len - in->body_at;
	return opener_open_foreign(o, p, &in->text, message, err);
}

static int
open_taken(struct opener_intake *in, struct buf *message, struct err *err)
{
	cleanup(opening_reset) struct opening o = { .user = in->user };

	if (in->why.kind != ERR_NONE)
		return err_set(err, in->why.kind, "%s", in->why.text);
	if (intake_finish(in, err) < 0)
		return -1;
	switch (in->kind) {
	case OPENED_SEALED:
		return open_sealed(
		    &o, &in->parts, &in->marker, in->armor, message, err);
	case OPENED_FOREIGN:
		return open_foreign(&o, in, message, err);
	case OPENED_PLAIN:
	case OPENED_NEVER:
		break;
	}
	return 0;
}

int
opener_intake_open(struct opener_intake *in, enum opened *kind,
    struct buf *message, struct err *err)
{
	struct err why = { 0 };

	prepare(in->user, message);

	int rc = open_taken(in, message, &why);

	*kind = in->kind;
	give_up(in);
	return judge(rc, message, kind, &why, err);
}

int
opener_open(struct user *u, const void *stored, size_t n, enum opened *kind,
    struct buf *message, struct err *err)
{
	cleanup(opener_intake_free) struct opener_intake *in = NULL;

	prepare(u, message);
	*kind = OPENED_PLAIN;
	if (opener_intake_new(u, n, &in, err) < 0)
		return -1;

	const struct sink to = opener_intake_sink(in);

	if (sink_put(&to, stored, n, err) < 0)
		return -1;
	return opener_intake_open(in, kind, message, err);
}

/* ---- the header alone ---- */

/* Without it, where the header ends is seen in the body alone. */
static bool
ends_in_empty_line(const struct buf *header)
{
	static const char end[] = "\r\n\r\n";
	size_t n = header->len < strlen(end) ? 2 : strlen(end);

	return header->len >= n &&
	       memcmp(header->data + header->len - n, end, n) == 0;
}

/* 1, 0 the body is needed, -1. */
static int
open_sealed_header(struct opening *o, const struct message_parts *p,
    const struct sealed_marker *marker, struct buf *header, uint64_t *octets,
    struct err *err)
{
	struct err why = { 0 };
	int rc = rebuild_header(o, p, marker, header, &why);

	if (rc == 0 && marker->body_octets > header->limit - header->len)
		rc = err_set(&why, ERR_PERM, "larger than max_message");
	if (rc < 0) {
		buf_reset(header);
		return why.kind == ERR_TEMP
			   ? err_set(err, ERR_TEMP, "%s", why.text)
			   : 0;
	}
	if (!ends_in_empty_line(header)) {
		buf_reset(header);
		return 0;
	}
	*octets = header->len + marker->body_octets;
	return 1;
}

static int
open_encrypted_header(struct opening *o, const struct message_parts *p,
    enum opened *kind, struct buf *header, uint64_t *octets, struct err *err)
{
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };
	int rc = sealed_find_marker(&p->header, &marker, err);

	if (rc < 0)
		return -1;
	if (rc == 1) {
		*kind = OPENED_SEALED;
		return open_sealed_header(o, p, &marker, header, octets, err);
	}
	return o->user->account->decrypt_foreign && !is_marked(&p->header) ? 0
									   : 1;
}

int
opener_open_header(struct user *u, const void *stored, size_t n,
    enum opened *kind, struct buf *header, uint64_t *octets, struct err *err)
{
	cleanup(message_parts_reset) struct message_parts p = { 0 };
	cleanup(opening_reset) struct opening o = { .user = u };
	struct err why = { 0 };

	prepare(u, header);
	*kind = OPENED_PLAIN;
	if (header_split(stored, n, &p, &why) < 0)
		return why.kind == ERR_TEMP
			   ? err_set(err, ERR_TEMP, "%s", why.text)
			   : 0;
	if (!may_be_encrypted(&p.header))
		return 1;
	return open_encrypted_header(&o, &p, kind, header, octets, err);
}
