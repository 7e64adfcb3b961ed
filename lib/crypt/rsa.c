/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "crypt/private.h"

static void
free_bn(BIGNUM **p)
{
	BN_free(*p);
	*p = NULL;
}

static void
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

static size_t
bits(const uint8_t *number, size_t len)
{
	if (len == 0 || number[0] == 0)
		return 0; /* not in its shortest form */
	return 8 * len - (size_t)(__builtin_clz(number[0]) - 24);
}

static int
check(const struct rsa_public *key, struct err *err)
{
	if (key->modulus_len > RSA_LEN_MAX)
		return err_set(err, ERR_PERM, "RSA key of more than %d bits",
		    RSA_BITS_MAX);
	if (bits(key->modulus, key->modulus_len) < RSA_BITS_MIN)
		return err_set(err, ERR_PERM, "RSA key of less than %d bits",
		    RSA_BITS_MIN);
	if (key->modulus[key->modulus_len - 1] % 2 == 0)
		return err_set(err, ERR_PERM, "RSA modulus is even");
	if (key->exponent_len > RSA_EXPONENT_LEN_MAX ||
	    bits(key->exponent, key->exponent_len) < 2 ||
	    key->exponent[key->exponent_len - 1] % 2 == 0)
		return err_set(err, ERR_PERM, "unusable RSA exponent");
	return 0;
}

static EVP_PKEY *
pkey_of(const struct rsa_public *key)
{
	cleanup(free_bn) BIGNUM *n =
	    BN_bin2bn(key->modulus, (int)key->modulus_len, NULL);
	cleanup(free_bn) BIGNUM *e =
	    BN_bin2bn(key->exponent, (int)key->exponent_len, NULL);
	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (n == NULL || e == NULL || bld == NULL ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;

	cleanup(free_params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

int
rsa_encrypt(const struct crypt *c, const struct rsa_public *key,
    const uint8_t *in, size_t n, uint8_t out[RSA_LEN_MAX], size_t *out_len,
    struct err *err)
{
	(void)c;
	if (check(key, err) < 0)
		return -1;

	cleanup(free_pkey) EVP_PKEY *pkey = pkey_of(key);

	if (pkey == NULL)
		return crypt_err(err, ERR_TEMP, "load an RSA key");

	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	*out_len = RSA_LEN_MAX;
	if (ctx == NULL || EVP_PKEY_encrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_encrypt(ctx, out, out_len, in, n) != 1)
		return crypt_err(err, ERR_TEMP, "RSA");
	return 0;
}
