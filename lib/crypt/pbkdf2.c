/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * PBKDF2-HMAC-SHA-256 as a bare loop over SHA-256's compression function: the
 * library's own call costs three times as much, which is three times the work
 * for the server and none for whoever searches a stolen database. The function
 * is of OpenSSL's low-level interface, old but there, and the test compares
 * every result with the library's.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypt/kdf.h"

#include <endian.h>
#include <limits.h>
#include <openssl/sha.h>
#include <string.h>

enum { BLOCK = SHA256_CBLOCK, DIGEST = SHA256_DIGEST_LENGTH, WORDS = 8 };

/* HMAC's two hashes behind their first block, which depends on the key alone. */
struct hmac_start {
	SHA256_CTX inner, outer;
};

static void
start_with(SHA256_CTX *ctx, const uint8_t key[BLOCK], uint8_t pad)
{
	uint8_t block[BLOCK];

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	(void)SHA256_Init(ctx);
	(void)SHA256_Update(ctx, block, sizeof block);
	explicit_bzero(block, sizeof block);
}

static void
start(struct hmac_start *s, struct crypt_bytes password)
{
	uint8_t key[BLOCK] = { 0 };

	if (password.len > BLOCK)
		(void)SHA256(password.data, password.len, key);
	else if (password.len > 0)
		memcpy(key, password.data, password.len);
	start_with(&s->inner, key, 0x36);
	start_with(&s->outer, key, 0x5c);
	explicit_bzero(key, sizeof key);
}

/* U_1: the HMAC of the salt and the block's number. */
static void
first_round(const struct hmac_start *s, struct crypt_bytes salt,
    uint32_t number, uint8_t out[DIGEST])
{
	SHA256_CTX ctx = s->inner;
	uint32_t big = htobe32(number);

	if (salt.len > 0)
		(void)SHA256_Update(&ctx, salt.data, salt.len);
	(void)SHA256_Update(&ctx, &big, sizeof big);
	(void)SHA256_Final(out, &ctx);
	ctx = s->outer;
	(void)SHA256_Update(&ctx, out, DIGEST);
	(void)SHA256_Final(out, &ctx);
	explicit_bzero(&ctx, sizeof ctx);
}

/* One compression from a prepared state; the digest goes back into block. */
static void
compress(SHA256_CTX *ctx, const SHA256_CTX *from, uint8_t block[BLOCK])
{
	memcpy(ctx->h, from->h, sizeof ctx->h);
	SHA256_Transform(ctx, block);
	for (size_t i = 0; i < WORDS; i++) {
		uint32_t big = htobe32(ctx->h[i]);

		memcpy(block + i * sizeof big, &big, sizeof big);
	}
}

/* The sum of U_1 to U_iterations; out holds U_1. */
static void
other_rounds(const struct hmac_start *s, uint32_t iterations,
    uint8_t out[DIGEST])
{
	/* behind a digest: the padding of a message of 64 + 32 octets */
	uint8_t block[BLOCK] = { [DIGEST] = 0x80, [BLOCK - 2] = 3 };
	SHA256_CTX ctx = s->inner;

	memcpy(block, out, DIGEST);
	for (uint32_t i = 1; i < iterations; i++) {
		compress(&ctx, &s->inner, block);
		compress(&ctx, &s->outer, block);
		for (size_t j = 0; j < DIGEST; j++)
			out[j] ^= block[j];
	}
	explicit_bzero(block, sizeof block);
	explicit_bzero(&ctx, sizeof ctx);
}

int
pbkdf2_sha256(const struct crypt *c, struct crypt_bytes password,
    struct crypt_bytes salt, uint32_t iterations, uint8_t *out, size_t n,
    struct err *err)
{
	struct hmac_start s;
	uint8_t digest[DIGEST];
	uint32_t number = 0;

	(void)c;
	if (password.len > INT_MAX || salt.len > INT_MAX || n > INT_MAX ||
	    iterations > INT_MAX || iterations == 0)
		return err_set(err, ERR_PERM, "PBKDF2: out of its limits");
	start(&s, password);
	while (n > 0) {
		size_t part = n < DIGEST ? n : DIGEST;

		first_round(&s, salt, ++number, digest);
		other_rounds(&s, iterations, digest);
		memcpy(out, digest, part);
		out += part;
		n -= part;
	}
	explicit_bzero(&s, sizeof s);
	explicit_bzero(digest, sizeof digest);
	return 0;
}
