/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/seipd.h"

#include <stdbool.h>
#include <string.h>

#include "openpgp/seipd_private.h"

enum state { STATE_VERSION, STATE_V1, STATE_V2_HEAD, STATE_V2 };

/* What must stay back: it may be the proof of integrity and not data. */
enum {
	V1_HELD = SEIPD_MDC_LEN,
	V2_HELD = 2 * OCB_TAG_LEN, /* of the last chunk and of the whole */
};

struct seipd_reader {
	const struct crypt *crypt;
	struct sink to;
	enum state state;
	uint8_t key[AES256_KEY_LEN];
	size_t key_len;

	struct hash *hash;
	struct cfb *cfb;
	uint8_t prefix[SEIPD_PREFIX_LEN];
	size_t prefix_len;
	uint8_t piece[V1_HELD + SEIPD_PIECE_LEN]; /* plaintext */
	size_t piece_len;

	uint8_t head[SEIPD_HEAD_LEN];
	size_t head_len;
	struct seipd_chunks chunks;
	uint8_t *data; /* ciphertext: a chunk, its tag, and what is held */
	size_t data_len;
	uint8_t *opened;
};

static int
damaged(struct err *err)
{
	return err_set(err, ERR_PERM, "the encrypted data was changed or cut");
}

int
seipd_reader_new(const struct crypt *c, struct aes_key session_key,
    struct sink to, struct seipd_reader **out, struct err *err)
{
	struct seipd_reader *r = NULL;

	if (session_key.len > AES256_KEY_LEN)
		return err_set(err, ERR_PERM, "no length of an AES key");
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return err_nomem(err);
	r->crypt = c;
	r->to = to;
	memcpy(r->key, session_key.data, session_key.len);
	r->key_len = session_key.len;
	*out = r;
	return 0;
}

void
seipd_reader_free(struct seipd_reader **rp)
{
	struct seipd_reader *r = steal(rp);

	if (r == NULL)
		return;
	hash_free(&r->hash);
	cfb_free(&r->cfb);
	if (r->opened != NULL)
		explicit_bzero(r->opened, r->chunks.size);
	seipd_chunks_reset(&r->chunks);
	free(r->opened);
	free(r->data);
	explicit_bzero(r, sizeof *r);
	free(r);
}

/* Version 1: takes up to a piece, puts out all but what is held. */
static int
open_piece(
    struct seipd_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	if (cfb_feed(r->cfb, data, n, r->piece + r->piece_len, err) < 0)
		return -1;
	r->piece_len += n;
	if (r->piece_len <= V1_HELD)
		return 0;

	size_t ready = r->piece_len - V1_HELD;

	if (hash_feed(r->hash, r->piece, ready, err) < 0 ||
	    sink_put(&r->to, r->piece, ready, err) < 0)
		return -1;
	memmove(r->piece, r->piece + ready, V1_HELD);
	r->piece_len = V1_HELD;
	return 0;
}

/*
 * The random octets at the start are hashed and dropped. The repeated two are
 * not compared before the end: that would be an oracle (RFC 9580, 13.4).
 */
static int
open_prefix(
    struct seipd_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	if (cfb_feed(r->cfb, data, n, r->prefix + r->prefix_len, err) < 0)
		return -1;
	r->prefix_len += n;
	if (r->prefix_len < sizeof r->prefix)
		return 0;
	return hash_feed(r->hash, r->prefix, sizeof r->prefix, err);
}

static int
feed_v1(struct seipd_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	while (n > 0) {
		bool prefix = r->prefix_len < sizeof r->prefix;
		size_t room =
		    prefix ? sizeof r->prefix - r->prefix_len : SEIPD_PIECE_LEN;
		size_t len = n < room ? n : room;

		if ((prefix ? open_prefix(r, data, len, err)
			    : open_piece(r, data, len, err)) < 0)
			return -1;
		data += len;
		n -= len;
	}
	return 0;
}

static int
finish_v1(struct seipd_reader *r, struct err *err)
{
	const uint8_t header[] = { SEIPD_MDC_TAG, SEIPD_MDC_BODY_LEN };
	uint8_t mdc[SEIPD_MDC_LEN];

	memcpy(mdc, header, sizeof header);
	if (r->piece_len != V1_HELD)
		return damaged(err);
	if (hash_feed(r->hash, header, sizeof header, err) < 0 ||
	    hash_finish(r->hash, mdc + sizeof header, err) < 0)
		return -1;
	if (!crypt_equal(mdc, r->piece, sizeof mdc))
		return damaged(err);
	return 0;
}

static struct aes_key
session_key(const struct seipd_reader *r)
{
	return (struct aes_key){ r->key, r->key_len };
}

static int
start_v1(struct seipd_reader *r, struct err *err)
{
	if (hash_new(r->crypt, HASH_SHA1, &r->hash, err) < 0)
		return -1;
	return cfb_new(r->crypt, session_key(r), AES_DECRYPT, &r->cfb, err);
}

static int
start_v2(struct seipd_reader *r, struct err *err)
{
	if (seipd_chunks_init(&r->chunks, r->crypt, session_key(r), r->head,
		AES_DECRYPT, err) < 0)
		return -1;
	r->data = malloc(r->chunks.size + V2_HELD);
	r->opened = malloc(r->chunks.size);
	if (r->data == NULL || r->opened == NULL)
		return err_nomem(err);
	return 0;
}

/* Cipher, mode, chunk size and salt. */
static int
take_head(struct seipd_reader *r, uint8_t octet, struct err *err)
{
	r->head[r->head_len++] = octet;
	if (r->head_len < sizeof r->head)
		return 0;
	r->state = STATE_V2;
	return start_v2(r, err);
}

/* Opens n octets and their tag from the start of r->data. */
static int
open_chunk(struct seipd_reader *r, size_t n, struct err *err)
{
	struct ocb_chunk k = seipd_next_chunk(&r->chunks, r->data, n);

	if (ocb_open(r->chunks.ocb, &k, r->data + n, r->opened, err) < 0)
		return -1;
	return sink_put(&r->to, r->opened, n, err);
}

static int
feed_v2(struct seipd_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	size_t size = r->chunks.size + V2_HELD;

	while (n > 0) {
		size_t room = size - r->data_len;
		size_t len = n < room ? n : room;

		memcpy(r->data + r->data_len, data, len);
		r->data_len += len;
		data += len;
		n -= len;
		if (r->data_len < size || n == 0)
			continue;
		/* more follows: the chunk is not the last */
		if (open_chunk(r, r->chunks.size, err) < 0)
			return -1;
		memmove(r->data, r->data + r->chunks.size + OCB_TAG_LEN,
		    OCB_TAG_LEN);
		r->data_len = OCB_TAG_LEN;
	}
	return 0;
}

/* The last chunk, which may be short, and the tag of the whole. */
static int
finish_v2(struct seipd_reader *r, struct err *err)
{
	if (r->data_len < OCB_TAG_LEN)
		return damaged(err);

	size_t rest = r->data_len - OCB_TAG_LEN;

	if (rest > 0 && rest <= OCB_TAG_LEN)
		return damaged(err);
	if (rest > 0 && open_chunk(r, rest - OCB_TAG_LEN, err) < 0)
		return -1;

	struct ocb_chunk k = seipd_end_chunk(&r->chunks);

	return ocb_open(r->chunks.ocb, &k, r->data + rest, r->opened, err);
}

static int
take_version(struct seipd_reader *r, uint8_t octet, struct err *err)
{
	if (octet == SEIPD_V2) {
		r->state = STATE_V2_HEAD;
		return 0;
	}
	if (octet != SEIPD_V1)
		return err_set(err, ERR_PERM,
		    "encrypted data packet of unknown version %u", octet);
	r->state = STATE_V1;
	return start_v1(r, err);
}

int
seipd_reader_feed(
    struct seipd_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	for (; n > 0 && r->state == STATE_VERSION; data++, n--)
		if (take_version(r, *data, err) < 0)
			return -1;
	for (; n > 0 && r->state == STATE_V2_HEAD; data++, n--)
		if (take_head(r, *data, err) < 0)
			return -1;
	if (n == 0)
		return 0;
	return r->state == STATE_V1 ? feed_v1(r, data, n, err)
				    : feed_v2(r, data, n, err);
}

int
seipd_reader_finish(struct seipd_reader *r, struct err *err)
{
	switch (r->state) {
	case STATE_V1:
		return finish_v1(r, err);
	case STATE_V2:
		return finish_v2(r, err);
	case STATE_VERSION:
	case STATE_V2_HEAD:
		break;
	}
	return damaged(err);
}
