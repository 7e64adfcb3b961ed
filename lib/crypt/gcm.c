/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/gcm.h"

#include <limits.h>
#include <string.h>

#include "crypt/private.h"

enum { NONCE_LEN = 12, TAG_LEN = GCM_OVERHEAD - NONCE_LEN };

/* Everything but the tag's coming and going. */
static bool
run(EVP_CIPHER_CTX *ctx, struct crypt_bytes ad, const uint8_t *in, size_t n,
    uint8_t *out)
{
	int len = 0;
	int rest = 0;

	if (ad.len > 0 &&
	    EVP_CipherUpdate(ctx, NULL, &len, ad.data, (int)ad.len) != 1)
		return false;
	len = 0;
	if (n > 0 && EVP_CipherUpdate(ctx, out, &len, in, (int)n) != 1)
		return false;
	return EVP_CipherFinal_ex(ctx, out + len, &rest) == 1 &&
	       (size_t)len + (size_t)rest == n;
}

static int
start(const struct crypt *c, const uint8_t *key, const uint8_t *nonce,
    int encrypt, EVP_CIPHER_CTX **out, struct err *err)
{
	*out = EVP_CIPHER_CTX_new();
	if (*out == NULL ||
	    EVP_CipherInit_ex2(*out, c->gcm, key, nonce, encrypt, NULL) != 1)
		return crypt_err(err, ERR_TEMP, "start AES-GCM");
	return 0;
}

static int
check_lengths(struct crypt_bytes ad, struct crypt_bytes in, struct err *err)
{
	if (ad.len > INT_MAX || in.len > INT_MAX - GCM_OVERHEAD)
		return err_set(err, ERR_PERM, "too much for one encryption");
	return 0;
}

int
gcm_seal(const struct crypt *c, const uint8_t key[GCM_KEY_LEN],
    struct crypt_bytes ad, struct crypt_bytes in, uint8_t *out,
    struct err *err)
{
	cleanup(free_cipher_ctx) EVP_CIPHER_CTX *ctx = NULL;
	uint8_t *text = out + NONCE_LEN;

	if (check_lengths(ad, in, err) < 0 ||
	    crypt_random(c, out, NONCE_LEN, err) < 0 ||
	    start(c, key, out, 1, &ctx, err) < 0)
		return -1;
	if (!run(ctx, ad, in.data, in.len, text) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
		text + in.len) != 1)
		return crypt_err(err, ERR_TEMP, "AES-GCM");
	return 0;
}

int
gcm_open(const struct crypt *c, const uint8_t key[GCM_KEY_LEN],
    struct crypt_bytes ad, struct crypt_bytes in, uint8_t *out,
    struct err *err)
{
	cleanup(free_cipher_ctx) EVP_CIPHER_CTX *ctx = NULL;
	const uint8_t *nonce = in.data;

	if (in.len < GCM_OVERHEAD)
		return err_set(err, ERR_PERM, "the encrypted data is cut");
	if (check_lengths(ad, in, err) < 0 ||
	    start(c, key, nonce, 0, &ctx, err) < 0)
		return -1;

	size_t n = in.len - GCM_OVERHEAD;
	uint8_t tag[TAG_LEN];

	memcpy(tag, nonce + NONCE_LEN + n, sizeof tag);
	if (EVP_CIPHER_CTX_ctrl(
		ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
	    run(ctx, ad, nonce + NONCE_LEN, n, out))
		return 0;
	if (n > 0)
		explicit_bzero(out, n);
	return crypt_err(err, ERR_PERM, "the encrypted data was changed");
}
