/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/aes.h"

#include <limits.h>
#include <string.h>

#include "crypt/private.h"

/*
 * CFB is out[i] = in[i] ^ X[i], where X[i + 1] is the encrypted ciphertext
 * block i. When encrypting, that is E(in[i] ^ X[i]): CBC over the plaintext.
 * When decrypting, it is E(in[i]): ECB over the ciphertext. OpenSSL has fast
 * code for both and slow code for CFB, so both directions are the same few
 * lines over a cipher that eats `in` and gives the next X.
 */
struct cfb {
	EVP_CIPHER_CTX *ctx;
	uint8_t x[AES_BLOCK_LEN];  /* X of the current block */
	uint8_t in[AES_BLOCK_LEN]; /* what came of the current block */
	size_t used;               /* octets of it */
};

static int
next_x(struct cfb *b, const uint8_t *in, size_t n, uint8_t *x, struct err *err)
{
	int len = 0;

	if (EVP_EncryptUpdate(b->ctx, x, &len, in, (int)n) != 1 ||
	    (size_t)len != n)
		return crypt_err(err, ERR_TEMP, "AES");
	return 0;
}

static int
bad_key_length(struct err *err)
{
	return err_set(err, ERR_PERM, "no length of an AES key");
}

int
cfb_new(const struct crypt *c, struct aes_key key, enum aes_direction direction,
    struct cfb **out, struct err *err)
{
	static const uint8_t zeros[AES_BLOCK_LEN];
	cleanup(cfb_free) struct cfb *b = calloc(1, sizeof *b);
	bool encrypt = direction == AES_ENCRYPT;
	const EVP_CIPHER *cipher =
	    cipher_for(encrypt ? c->cbc : c->ecb, key.len);

	if (cipher == NULL)
		return bad_key_length(err);
	if (b == NULL)
		return err_nomem(err);
	b->ctx = EVP_CIPHER_CTX_new();
	if (b->ctx == NULL ||
	    EVP_EncryptInit_ex2(
		b->ctx, cipher, key.data, encrypt ? zeros : NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(b->ctx, 0) != 1)
		return crypt_err(err, ERR_TEMP, "start AES");
	if (next_x(b, zeros, sizeof zeros, b->x, err) < 0)
		return -1;
	*out = steal(&b);
	return 0;
}

void
cfb_free(struct cfb **bp)
{
	struct cfb *b = steal(bp);

	if (b == NULL)
		return;
	EVP_CIPHER_CTX_free(b->ctx);
	explicit_bzero(b, sizeof *b);
	free(b);
}

/* At most the rest of the current block; returns how many were taken. */
static size_t
feed_part(struct cfb *b, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t left = AES_BLOCK_LEN - b->used;
	size_t len = n < left ? n : left;

	for (size_t i = 0; i < len; i++) {
		b->in[b->used] = in[i];
		out[i] = in[i] ^ b->x[b->used];
		b->used++;
	}
	return len;
}

static void
xor_block(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2];
	uint64_t y[2];

	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	x[0] ^= y[0];
	x[1] ^= y[1];
	memcpy(out, x, sizeof x);
}

/* Whole blocks, n > 0. out holds X one block ahead; then it is walked back. */
static int
feed_blocks(
    struct cfb *b, const uint8_t *in, size_t n, uint8_t *out, struct err *err)
{
	uint8_t last[AES_BLOCK_LEN];

	if (next_x(b, in, n, out, err) < 0)
		return -1;
	memcpy(last, out + n - AES_BLOCK_LEN, sizeof last);
	for (size_t at = n - AES_BLOCK_LEN; at > 0; at -= AES_BLOCK_LEN)
		xor_block(out + at, in + at, out + at - AES_BLOCK_LEN);
	xor_block(out, in, b->x);
	memcpy(b->x, last, sizeof last);
	explicit_bzero(last, sizeof last);
	return 0;
}

/* Small enough to stay in the first-level cache between its two walks. */
enum { CFB_RUN = 8192 };

int
cfb_feed(
    struct cfb *b, const uint8_t *in, size_t n, uint8_t *out, struct err *err)
{
	while (n > 0) {
		size_t whole = n - n % AES_BLOCK_LEN;
		size_t len = whole < CFB_RUN ? whole : CFB_RUN;

		if (b->used == 0 && len > 0) {
			if (feed_blocks(b, in, len, out, err) < 0)
				return -1;
		} else {
			len = feed_part(b, in, n, out);
		}
		if (b->used == AES_BLOCK_LEN) {
			if (next_x(b, b->in, sizeof b->in, b->x, err) < 0)
				return -1;
			b->used = 0;
		}
		in += len;
		out += len;
		n -= len;
	}
	return 0;
}

struct ocb {
	EVP_CIPHER_CTX *ctx;
};

int
ocb_new(const struct crypt *c, struct aes_key key, enum aes_direction direction,
    struct ocb **out, struct err *err)
{
	cleanup(ocb_free) struct ocb *o = calloc(1, sizeof *o);
	const EVP_CIPHER *cipher = cipher_for(c->ocb, key.len);
	int encrypt = direction == AES_ENCRYPT;

	if (cipher == NULL)
		return bad_key_length(err);
	if (o == NULL)
		return err_nomem(err);
	o->ctx = EVP_CIPHER_CTX_new();
	if (o->ctx == NULL ||
	    EVP_CipherInit_ex2(o->ctx, cipher, NULL, NULL, encrypt, NULL) !=
		1 ||
	    EVP_CIPHER_CTX_ctrl(
		o->ctx, EVP_CTRL_AEAD_SET_IVLEN, OCB_NONCE_LEN, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		o->ctx, EVP_CTRL_AEAD_SET_TAG, OCB_TAG_LEN, NULL) != 1 ||
	    EVP_CipherInit_ex2(o->ctx, NULL, key.data, NULL, encrypt, NULL) !=
		1)
		return crypt_err(err, ERR_TEMP, "start AES-OCB");
	*out = steal(&o);
	return 0;
}

void
ocb_free(struct ocb **op)
{
	struct ocb *o = steal(op);

	if (o == NULL)
		return;
	EVP_CIPHER_CTX_free(o->ctx);
	free(o);
}

/* Everything but the tag. */
static bool
ocb_run(struct ocb *o, const struct ocb_chunk *k, int encrypt,
    const uint8_t *tag, uint8_t *out)
{
	int len = 0;
	int rest = 0;

	if (k->len > INT_MAX || k->ad_len > INT_MAX ||
	    EVP_CipherInit_ex2(o->ctx, NULL, NULL, k->nonce, encrypt, NULL) !=
		1)
		return false;
	if (tag != NULL && EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_AEAD_SET_TAG,
			       OCB_TAG_LEN, (void *)(uintptr_t)tag) != 1)
		return false;
	if (k->ad_len > 0 &&
	    EVP_CipherUpdate(o->ctx, NULL, &len, k->ad, (int)k->ad_len) != 1)
		return false;
	len = 0;
	if (k->len > 0 &&
	    EVP_CipherUpdate(o->ctx, out, &len, k->in, (int)k->len) != 1)
		return false;
	return EVP_CipherFinal_ex(o->ctx, out + len, &rest) == 1 &&
	       (size_t)len + (size_t)rest == k->len;
}

int
ocb_seal(
    struct ocb *o, const struct ocb_chunk *chunk, uint8_t *out, struct err *err)
{
	if (!ocb_run(o, chunk, 1, NULL, out) ||
	    EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_AEAD_GET_TAG, OCB_TAG_LEN,
		out + chunk->len) != 1)
		return crypt_err(err, ERR_TEMP, "AES-OCB");
	return 0;
}

int
ocb_open(struct ocb *o, const struct ocb_chunk *chunk,
    const uint8_t tag[OCB_TAG_LEN], uint8_t *out, struct err *err)
{
	if (ocb_run(o, chunk, 0, tag, out))
		return 0;
	if (chunk->len > 0)
		explicit_bzero(out, chunk->len);
	return crypt_err(err, ERR_PERM, "the encrypted data was changed");
}
