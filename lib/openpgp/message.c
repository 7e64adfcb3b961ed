/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/message.h"

#include <string.h>

#include "openpgp/packet.h"
#include "openpgp/seipd.h"

enum {
	TAG_ONE_PASS_SIGNATURE = 4,
	LITERAL_FIXED_LEN = 2, /* format, length of the name */
	LITERAL_DATE_LEN = 4,
};

struct message_reader {
	const struct crypt *crypt;
	struct sink to;
	uint8_t session_key[AES256_KEY_LEN];
	size_t session_key_len;
	bool failed;
	bool needs_gpg;

	struct packet_reader *outer;
	unsigned outer_tag;
	struct seipd_reader *seipd;
	bool seipd_read; /* to its end, with success */

	struct packet_reader *inner;
	unsigned inner_tag;
	size_t literal_at;   /* octets of the literal packet's header so far */
	size_t literal_head; /* how many it has */
	bool literal_begun;
	bool literal_read;
};

static int
malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTO, "OpenPGP message: %s", what);
}

static int
inner_begin(void *ctx, unsigned tag, struct err *err)
{
	struct message_reader *r = ctx;

	r->inner_tag = tag;
	switch (tag) {
	case TAG_ONE_PASS_SIGNATURE:
	case PGP_TAG_SIGNATURE:
		r->needs_gpg = true;
		return 0;
	case PGP_TAG_MARKER:
	case PGP_TAG_PADDING:
		return 0;
	case PGP_TAG_LITERAL:
		if (r->literal_begun)
			return malformed(err, "more than one literal packet");
		r->literal_begun = true;
		r->literal_head = LITERAL_FIXED_LEN;
		return 0;
	case PGP_TAG_COMPRESSED:
		r->needs_gpg = true;
		return err_set(err, ERR_PERM, "the message is compressed");
	default:
		return malformed(err, "something else than literal data in it");
	}
}

/* Skips format, name and date; returns how many octets were taken. */
static size_t
skip_literal_head(struct message_reader *r, const uint8_t *data, size_t n)
{
	size_t taken = 0;

	for (; taken < n && r->literal_at < r->literal_head; taken++) {
		if (r->literal_at == LITERAL_FIXED_LEN - 1)
			r->literal_head += data[taken] + LITERAL_DATE_LEN;
		r->literal_at++;
	}
	return taken;
}

static int
inner_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct message_reader *r = ctx;

	if (r->inner_tag != PGP_TAG_LITERAL)
		return 0;

	size_t skipped = skip_literal_head(r, data, n);

	return skipped == n
		   ? 0
		   : sink_put(&r->to, data + skipped, n - skipped, err);
}

static int
inner_end(void *ctx, struct err *err)
{
	struct message_reader *r = ctx;

	if (r->inner_tag != PGP_TAG_LITERAL)
		return 0;
	if (r->literal_at < LITERAL_FIXED_LEN ||
	    r->literal_at < r->literal_head)
		return malformed(err, "literal packet too short");
	r->literal_read = true;
	return 0;
}

static int
inner_put(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct message_reader *r = ctx;

	return packet_reader_feed(r->inner, data, n, err);
}

static int
start_seipd(struct message_reader *r, struct err *err)
{
	struct sink inner = { .put = inner_put, .ctx = r };

	return seipd_reader_new(r->crypt,
	    (struct aes_key){ r->session_key, r->session_key_len }, inner,
	    &r->seipd, err);
}

static int
outer_begin(void *ctx, unsigned tag, struct err *err)
{
	struct message_reader *r = ctx;

	r->outer_tag = tag;
	if (r->seipd_read && tag != PGP_TAG_PADDING && tag != PGP_TAG_MARKER)
		return malformed(err, "something behind the encrypted data");
	switch (tag) {
	case PGP_TAG_PKESK:
	case PGP_TAG_SKESK:
	case PGP_TAG_MARKER:
	case PGP_TAG_PADDING:
		return 0;
	case PGP_TAG_SEIPD:
		return start_seipd(r, err);
	default:
		return malformed(err, "not encrypted, or without integrity");
	}
}

static int
outer_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct message_reader *r = ctx;

	if (r->outer_tag != PGP_TAG_SEIPD)
		return 0;
	return seipd_reader_feed(r->seipd, data, n, err);
}

static int
outer_end(void *ctx, struct err *err)
{
	struct message_reader *r = ctx;

	if (r->outer_tag != PGP_TAG_SEIPD)
		return 0;
	if (seipd_reader_finish(r->seipd, err) < 0 ||
	    packet_reader_finish(r->inner, err) < 0)
		return -1;
	r->seipd_read = true;
	return r->literal_read ? 0 : malformed(err, "no literal data in it");
}

int
message_reader_new(const struct crypt *c, struct aes_key session_key,
    struct sink to, struct message_reader **out, struct err *err)
{
	cleanup(message_reader_free) struct message_reader *r =
	    calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(err);
	r->crypt = c;
	r->to = to;
	if (session_key.len > sizeof r->session_key)
		return err_set(err, ERR_PERM, "no length of an AES key");
	memcpy(r->session_key, session_key.data, session_key.len);
	r->session_key_len = session_key.len;
	if (packet_reader_new(
		(struct packet_events){ outer_begin, outer_body, outer_end, r },
		&r->outer, err) < 0 ||
	    packet_reader_new(
		(struct packet_events){ inner_begin, inner_body, inner_end, r },
		&r->inner, err) < 0)
		return -1;
	*out = steal(&r);
	return 0;
}

bool
message_reader_needs_gpg(const struct message_reader *r)
{
	return r->needs_gpg;
}

void
message_reader_free(struct message_reader **rp)
{
	struct message_reader *r = steal(rp);

	if (r == NULL)
		return;
	seipd_reader_free(&r->seipd);
	packet_reader_free(&r->outer);
	packet_reader_free(&r->inner);
	explicit_bzero(r, sizeof *r);
	free(r);
}

static int
refuse(struct err *err)
{
	return err_set(err, ERR_PERM, "the message could not be read");
}

int
message_reader_feed(
    struct message_reader *r, const void *data, size_t n, struct err *err)
{
	if (r->failed)
		return refuse(err);
	r->failed = packet_reader_feed(r->outer, data, n, err) < 0;
	return r->failed ? -1 : 0;
}

int
message_reader_finish(struct message_reader *r, struct err *err)
{
	if (r->failed)
		return refuse(err);
	r->failed = true;
	if (packet_reader_finish(r->outer, err) < 0)
		return -1;
	return r->seipd_read ? 0 : malformed(err, "no encrypted data");
}
