/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/crypt.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <limits.h>

#include "crypt/private.h"

int
crypt_err(struct err *err, enum err_kind kind, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);

	/* what is for want of memory says nothing of keys and messages */
	for (unsigned long c = code; c != 0; c = ERR_get_error())
		if (ERR_GET_REASON(c) == ERR_R_MALLOC_FAILURE)
			kind = ERR_TEMP;
	return err_set(err, kind, "%s: %s", what,
	    reason == NULL ? "OpenSSL does not say why" : reason);
}

void
free_pkey(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
	*p = NULL;
}

void
free_pkey_ctx(EVP_PKEY_CTX **p)
{
	EVP_PKEY_CTX_free(*p);
	*p = NULL;
}

void
free_cipher_ctx(EVP_CIPHER_CTX **p)
{
	EVP_CIPHER_CTX_free(*p);
	*p = NULL;
}

void
free_kdf_ctx(EVP_KDF_CTX **p)
{
	EVP_KDF_CTX_free(*p);
	*p = NULL;
}

void
free_bn(BIGNUM **p)
{
	BN_clear_free(*p);
	*p = NULL;
}

void
free_bld(OSSL_PARAM_BLD **p)
{
	OSSL_PARAM_BLD_free(*p);
	*p = NULL;
}

static void
free_params(OSSL_PARAM **p)
{
	OSSL_PARAM_free(*p);
	*p = NULL;
}

EVP_PKEY *
pkey_from_params(const char *type, int selection, OSSL_PARAM_BLD *bld)
{
	cleanup(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		return NULL;
	return key;
}

static bool
fetch_hashes(struct crypt *c)
{
	for (unsigned kind = 0; kind < HASH_KINDS; kind++) {
		c->md[kind] = EVP_MD_fetch(NULL, hash_name(kind), NULL);
		if (c->md[kind] == NULL)
			return false;
	}
	return true;
}

const EVP_CIPHER *
cipher_for(EVP_CIPHER *const ciphers[AES_SIZES], size_t len)
{
	if (len % 8 != 0 || len < 16 || len > 32)
		return NULL;
	return ciphers[len / 8 - 2];
}

static bool
fetch_aes(EVP_CIPHER *ciphers[AES_SIZES], const char *mode)
{
	for (unsigned i = 0; i < AES_SIZES; i++) {
		char name[32];
		int n = snprintf(
		    name, sizeof name, "AES-%u-%s", 128 + 64 * i, mode);

		if (n > 0 && (size_t)n < sizeof name)
			ciphers[i] = EVP_CIPHER_fetch(NULL, name, NULL);
		if (ciphers[i] == NULL)
			return false;
	}
	return true;
}

static void
free_aes(EVP_CIPHER *ciphers[AES_SIZES])
{
	for (size_t i = 0; i < AES_SIZES; i++)
		EVP_CIPHER_free(ciphers[i]);
}

static bool
fetch_all(struct crypt *c)
{
	c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	c->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return c->hmac != NULL && c->hkdf != NULL && c->gcm != NULL &&
	       fetch_hashes(c) &&
	       fetch_aes(c->cbc, "CBC") && fetch_aes(c->ecb, "ECB") &&
	       fetch_aes(c->ocb, "OCB") && fetch_aes(c->wrap, "WRAP");
}

int
crypt_open(struct crypt **out, struct err *err)
{
	cleanup(crypt_close) struct crypt *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	if (!fetch_all(c))
		return crypt_err(err, ERR_TEMP,
		    "OpenSSL lacks an algorithm that sealpost needs");
	*out = steal(&c);
	return 0;
}

void
crypt_close(struct crypt **cp)
{
	struct crypt *c = steal(cp);

	if (c == NULL)
		return;
	for (size_t i = 0; i < HASH_KINDS; i++)
		EVP_MD_free(c->md[i]);
	free_aes(c->cbc);
	free_aes(c->ecb);
	free_aes(c->ocb);
	free_aes(c->wrap);
	EVP_CIPHER_free(c->gcm);
	EVP_MAC_free(c->hmac);
	EVP_KDF_free(c->hkdf);
	free(c);
}

void
crypt_lock_private_keys(void)
{
	enum { HEAP_SIZE = 256 << 10, PIECE_MIN = 32 };

	if (CRYPTO_secure_malloc_initialized() == 0)
		(void)CRYPTO_secure_malloc_init(HEAP_SIZE, PIECE_MIN);
}

int
crypt_random(const struct crypt *c, void *out, size_t n, struct err *err)
{
	(void)c;
	if (n > INT_MAX || RAND_bytes(out, (int)n) != 1)
		return crypt_err(err, ERR_TEMP, "random octets");
	return 0;
}

bool
crypt_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
