/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/aes.h"

#include <openssl/evp.h>

#include "crypt/testing.h"

enum { SIZE = 20000 };

static const uint8_t key_octets[32] = "sixteen octets and sixteen more";

static struct aes_key
key_of(size_t len)
{
	return (struct aes_key){ key_octets, len };
}

static void
fill(uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(i * 131 + (i >> 8));
}

/* OpenSSL's own CFB, which ours must equal. */
static void
reference(const EVP_CIPHER *cipher, const uint8_t *in, size_t n, uint8_t *out)
{
	const uint8_t iv[AES_BLOCK_LEN] = { 0 };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	assert_non_null(ctx);
	assert_int_equal(
	    EVP_EncryptInit_ex(ctx, cipher, NULL, key_octets, iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, out, &len, in, (int)n), 1);
	assert_int_equal(len, n);
	EVP_CIPHER_CTX_free(ctx);
}

static void
cfb_in_steps(const struct crypt *c, struct aes_key key,
    enum aes_direction direction, const uint8_t *in, uint8_t *out, size_t step)
{
	struct cfb *b = NULL;

	assert_int_equal(cfb_new(c, key, direction, &b, NULL), 0);
	for (size_t at = 0; at < SIZE; at += step) {
		size_t n = SIZE - at < step ? SIZE - at : step;

		assert_int_equal(cfb_feed(b, in + at, n, out + at, NULL), 0);
	}
	cfb_free(&b);
}

static void
test_cfb(void **state)
{
	static const size_t steps[] = { 1, 3, 15, 16, 17, 31, 32, 33, 1000,
		8191, 8192, 8193, 8208, SIZE };
	static uint8_t plain[SIZE], want[SIZE], got[SIZE], back[SIZE];
	const struct {
		size_t len;
		const EVP_CIPHER *cipher;
	} kinds[] = {
		{ 16, EVP_aes_128_cfb128() },
		{ 24, EVP_aes_192_cfb128() },
		{ 32, EVP_aes_256_cfb128() },
	};

	fill(plain, SIZE);
	for (size_t k = 0; k < countof(kinds); k++) {
		reference(kinds[k].cipher, plain, SIZE, want);
		for (size_t i = 0; i < countof(steps); i++) {
			cfb_in_steps(*state, key_of(kinds[k].len), AES_ENCRYPT,
			    plain, got, steps[i]);
			assert_memory_equal(got, want, SIZE);
			cfb_in_steps(*state, key_of(kinds[k].len), AES_DECRYPT,
			    got, back, steps[i]);
			assert_memory_equal(back, plain, SIZE);
		}
	}
}

static void
test_key_length(void **state)
{
	struct cfb *b = NULL;
	struct ocb *o = NULL;
	struct err err;

	for (size_t len = 0; len <= 32; len++) {
		if (len == 16 || len == 24 || len == 32)
			continue;
		assert_int_equal(
		    cfb_new(*state, key_of(len), AES_ENCRYPT, &b, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(
		    ocb_new(*state, key_of(len), AES_ENCRYPT, &o, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
	assert_null(b);
	assert_null(o);
}

static void
open_and_check(struct ocb *o, const struct ocb_chunk *k, const uint8_t *tag,
    const uint8_t *want)
{
	uint8_t out[512];
	struct err err;

	memset(out, 0xee, sizeof out);
	if (want != NULL) {
		assert_int_equal(ocb_open(o, k, tag, out, &err), 0);
		assert_memory_equal(out, want, k->len);
		return;
	}
	assert_int_equal(ocb_open(o, k, tag, out, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	for (size_t i = 0; i < k->len; i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(out[k->len], 0xee);
}

/* The same two objects serve all chunks, as they do in a message. */
static void
test_ocb(void **state)
{
	struct ocb *sealer = NULL;
	struct ocb *opener = NULL;
	uint8_t plain[400], sealed[400 + OCB_TAG_LEN];
	uint8_t nonce[OCB_NONCE_LEN] = "nonce";
	const uint8_t no_ad[4] = { 0 };

	fill(plain, sizeof plain);
	assert_int_equal(
	    ocb_new(*state, key_of(32), AES_ENCRYPT, &sealer, NULL), 0);
	assert_int_equal(
	    ocb_new(*state, key_of(32), AES_DECRYPT, &opener, NULL), 0);
	for (size_t n = 0; n <= sizeof plain; n++) {
		struct ocb_chunk k = { nonce, "ad", 2, plain, n };

		nonce[14] = (uint8_t)n;
		nonce[13] = (uint8_t)(n >> 8);
		assert_int_equal(ocb_seal(sealer, &k, sealed, NULL), 0);
		k.in = sealed;
		open_and_check(opener, &k, sealed + n, plain);
		sealed[n] ^= 1;
		open_and_check(opener, &k, sealed + n, NULL);
		sealed[n] ^= 1;
		k.ad = no_ad;
		open_and_check(opener, &k, sealed + n, NULL);
		k.ad = "ad";
		sealed[0] ^= 0x80; /* the tag, when n is 0 */
		open_and_check(opener, &k, sealed + n, NULL);
	}
	ocb_free(&sealer);
	ocb_free(&opener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cfb),
		cmocka_unit_test(test_key_length),
		cmocka_unit_test(test_ocb),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
