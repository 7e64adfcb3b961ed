/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/keywrap.h"

#include <string.h>

#include "crypt/private.h"

enum { WRAPPED_MAX = KEYWRAP_DATA_MAX + KEYWRAP_OVERHEAD };

/* 1; 0 the cipher refuses the octets; -1 with *err = ERR_TEMP. */
static int
run(const EVP_CIPHER *cipher, const uint8_t *kek, int encrypt,
    const uint8_t *in, size_t n, uint8_t *out, size_t out_len, struct err *err)
{
	cleanup(free_cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tmp[WRAPPED_MAX + EVP_MAX_BLOCK_LENGTH];
	int len = 0;

	if (ctx != NULL)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (ctx == NULL ||
	    EVP_CipherInit_ex2(ctx, cipher, kek, NULL, encrypt, NULL) != 1)
		return crypt_err(err, ERR_TEMP, "start the key wrap");

	bool done =
	    EVP_CipherUpdate(ctx, tmp, &len, in, (int)n) == 1 &&
	    (size_t)len == out_len;

	if (done)
		memcpy(out, tmp, out_len);
	explicit_bzero(tmp, sizeof tmp);
	return done;
}

int
keywrap(const struct crypt *c, struct aes_key kek, const uint8_t *in, size_t n,
    uint8_t *out, struct err *err)
{
	const EVP_CIPHER *cipher = cipher_for(c->wrap, kek.len);

	if (cipher == NULL || n % 8 != 0 || n < 16 || n > KEYWRAP_DATA_MAX)
		return err_set(err, ERR_PERM, "key wrap: impossible length");

	int rc = run(
	    cipher, kek.data, 1, in, n, out, n + KEYWRAP_OVERHEAD, err);

	return rc == 0 ? crypt_err(err, ERR_TEMP, "key wrap") : rc < 0 ? -1 : 0;
}

int
keyunwrap(const struct crypt *c, struct aes_key kek, const uint8_t *in,
    size_t n, uint8_t *out, struct err *err)
{
	const EVP_CIPHER *cipher = cipher_for(c->wrap, kek.len);

	if (cipher == NULL || n % 8 != 0 || n < 24 || n > WRAPPED_MAX)
		return err_set(err, ERR_PERM, "key unwrap: impossible length");
	explicit_bzero(out, n - KEYWRAP_OVERHEAD);

	int rc = run(
	    cipher, kek.data, 0, in, n, out, n - KEYWRAP_OVERHEAD, err);

	if (rc == 0)
		return crypt_err(err, ERR_PERM,
		    "the session key was not wrapped for this key");
	return rc < 0 ? -1 : 0;
}
