/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * AES in the two modes of OpenPGP: CFB with an initial vector of zeros
 * (SEIPD version 1), streaming; and OCB with a tag of 16 octets (SEIPD version
 * 2), a chunk at once. Key material is wiped when an object is freed.
 */
#ifndef CRYPT_AES_H
#define CRYPT_AES_H

#include "crypt/crypt.h"

enum {
	AES256_KEY_LEN = 32,
	AES_BLOCK_LEN = 16,
	OCB_NONCE_LEN = 15,
	OCB_TAG_LEN = 16,
};

/* Of 16, 24 or 32 octets; another length is ERR_PERM. */
struct aes_key {
	const uint8_t *data;
	size_t len;
};

enum aes_direction { AES_DECRYPT, AES_ENCRYPT };

struct cfb;

int cfb_new(const struct crypt *c, struct aes_key key,
    enum aes_direction direction, struct cfb **out, struct err *err) must_check;
/* n octets from in to out, which must not overlap. Any n, any number of times.
 */
int cfb_feed(struct cfb *b, const uint8_t *in, size_t n, uint8_t *out,
    struct err *err) must_check;
void cfb_free(struct cfb **bp);

struct ocb;

int ocb_new(const struct crypt *c, struct aes_key key,
    enum aes_direction direction, struct ocb **out, struct err *err) must_check;
void ocb_free(struct ocb **op);

struct ocb_chunk {
	const uint8_t *nonce; /* OCB_NONCE_LEN octets, never used before */
	const void *ad;       /* additional data */
	size_t ad_len;
	const uint8_t *in;
	size_t len;
};

/* Puts the ciphertext of chunk->len octets and then the tag into out. */
int ocb_seal(struct ocb *o, const struct ocb_chunk *chunk, uint8_t *out,
    struct err *err) must_check;
/*
 * Opens chunk->len octets of ciphertext that `tag` stands behind. ERR_PERM when
 * the tag is wrong; out (chunk->len octets) is all zeros then.
 */
int ocb_open(struct ocb *o, const struct ocb_chunk *chunk,
    const uint8_t tag[OCB_TAG_LEN], uint8_t *out, struct err *err) must_check;

#endif
