/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/seipd.h"

#include <string.h>

#include "openpgp/seipd_private.h"

/*
 * One of the two is used: `piece` holds ciphertext of version 1, `chunk` the
 * plaintext of version 2 that waits for its chunk to be whole.
 */
struct seipd_writer {
	struct sink to;
	enum seipd_version version;
	struct hash *hash;
	struct cfb *cfb;
	uint8_t piece[SEIPD_PIECE_LEN];
	struct seipd_chunks chunks;
	uint8_t *chunk;
	size_t chunk_len;
	uint8_t *sealed;
};

/* Encrypts without hashing. */
static int
put_encrypted(
    struct seipd_writer *w, const uint8_t *data, size_t n, struct err *err)
{
	if (cfb_feed(w->cfb, data, n, w->piece, err) < 0)
		return -1;
	return sink_put(&w->to, w->piece, n, err);
}

static int
put_v1(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct seipd_writer *w = ctx;

	while (n > 0) {
		size_t len = n < sizeof w->piece ? n : sizeof w->piece;

		if (hash_feed(w->hash, data, len, err) < 0 ||
		    put_encrypted(w, data, len, err) < 0)
			return -1;
		data += len;
		n -= len;
	}
	return 0;
}

static int
start_v1(struct seipd_writer *w, const struct crypt *c,
    struct aes_key session_key, struct err *err)
{
	const uint8_t version = SEIPD_V1;
	uint8_t prefix[SEIPD_PREFIX_LEN];

	if (hash_new(c, HASH_SHA1, &w->hash, err) < 0 ||
	    cfb_new(c, session_key, AES_ENCRYPT, &w->cfb, err) < 0 ||
	    crypt_random(c, prefix, AES_BLOCK_LEN, err) < 0 ||
	    sink_put(&w->to, &version, 1, err) < 0)
		return -1;
	memcpy(prefix + AES_BLOCK_LEN, prefix + AES_BLOCK_LEN - 2, 2);
	return put_v1(w, prefix, sizeof prefix, err);
}

static int
finish_v1(struct seipd_writer *w, struct err *err)
{
	uint8_t mdc[SEIPD_MDC_LEN] = { SEIPD_MDC_TAG, SEIPD_MDC_BODY_LEN };

	if (hash_feed(w->hash, mdc, SEIPD_MDC_HEADER_LEN, err) < 0 ||
	    hash_finish(w->hash, mdc + SEIPD_MDC_HEADER_LEN, err) < 0)
		return -1;
	return put_encrypted(w, mdc, sizeof mdc, err);
}

static int
put_chunk(struct seipd_writer *w, struct err *err)
{
	struct ocb_chunk k =
	    seipd_next_chunk(&w->chunks, w->chunk, w->chunk_len);

	w->chunk_len = 0;
	if (ocb_seal(w->chunks.ocb, &k, w->sealed, err) < 0)
		return -1;
	return sink_put(&w->to, w->sealed, k.len + OCB_TAG_LEN, err);
}

static int
put_v2(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct seipd_writer *w = ctx;

	while (n > 0) {
		if (w->chunk_len == SEIPD_CHUNK_LEN && put_chunk(w, err) < 0)
			return -1;

		size_t room = SEIPD_CHUNK_LEN - w->chunk_len;
		size_t len = n < room ? n : room;

		memcpy(w->chunk + w->chunk_len, data, len);
		w->chunk_len += len;
		data += len;
		n -= len;
	}
	return 0;
}

static int
start_v2(struct seipd_writer *w, const struct crypt *c,
    struct aes_key session_key, struct err *err)
{
	uint8_t head[1 + SEIPD_HEAD_LEN] = { SEIPD_V2, CIPHER_AES256_ID,
		SEIPD_OCB_ID, SEIPD_CHUNK_OCTET };

	w->chunk = malloc(SEIPD_CHUNK_LEN);
	w->sealed = malloc(SEIPD_CHUNK_LEN + OCB_TAG_LEN);
	if (w->chunk == NULL || w->sealed == NULL)
		return err_nomem(err);
	if (crypt_random(c, head + 4, SEIPD_SALT_LEN, err) < 0 ||
	    seipd_chunks_init(
		&w->chunks, c, session_key, head + 1, AES_ENCRYPT, err) < 0)
		return -1;
	return sink_put(&w->to, head, sizeof head, err);
}

static int
finish_v2(struct seipd_writer *w, struct err *err)
{
	uint8_t tag[OCB_TAG_LEN];

	if (w->chunk_len > 0 && put_chunk(w, err) < 0)
		return -1;

	struct ocb_chunk k = seipd_end_chunk(&w->chunks);

	if (ocb_seal(w->chunks.ocb, &k, tag, err) < 0)
		return -1;
	return sink_put(&w->to, tag, sizeof tag, err);
}

int
seipd_writer_new(const struct crypt *c, enum seipd_version version,
    const uint8_t session_key[SESSION_KEY_LEN], struct sink to,
    struct seipd_writer **out, struct err *err)
{
	cleanup(seipd_writer_free) struct seipd_writer *w =
	    calloc(1, sizeof *w);

	if (w == NULL)
		return err_nomem(err);
	w->to = to;
	w->version = version;

	struct aes_key key = { session_key, SESSION_KEY_LEN };
	int rc = version == SEIPD_V2 ? start_v2(w, c, key, err)
				     : start_v1(w, c, key, err);

	if (rc == 0)
		*out = steal(&w);
	return rc;
}

void
seipd_writer_free(struct seipd_writer **wp)
{
	struct seipd_writer *w = steal(wp);

	if (w == NULL)
		return;
	hash_free(&w->hash);
	cfb_free(&w->cfb);
	seipd_chunks_reset(&w->chunks);
	if (w->chunk != NULL)
		explicit_bzero(w->chunk, SEIPD_CHUNK_LEN);
	free(w->chunk);
	free(w->sealed);
	/* a cipher that failed half-way may have left its key stream here */
	explicit_bzero(w->piece, sizeof w->piece);
	free(w);
}

struct sink
seipd_writer_sink(struct seipd_writer *w)
{
	return (struct sink){
		.put = w->version == SEIPD_V2 ? put_v2 : put_v1,
		.ctx = w,
	};
}

int
seipd_writer_finish(struct seipd_writer *w, struct err *err)
{
	return w->version == SEIPD_V2 ? finish_v2(w, err) : finish_v1(w, err);
}
