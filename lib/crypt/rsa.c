/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypt/private.h"

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

	return pkey_from_params("RSA", EVP_PKEY_PUBLIC_KEY, bld);
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

/*
 * OpenSSL keeps the state of its blinding in a key: when memory is short in
 * the middle of it, that key is wrong from then on. So what `used` does not
 * decrypt, a copy of `fresh` is asked for.
 */
struct rsa_key {
	EVP_PKEY *used;
	EVP_PKEY *fresh;
	size_t len; /* of the modulus */
};

/* The numbers of a private key, with those that OpenSSL wants besides. */
struct numbers {
	BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qinv;
};

static void
numbers_reset(struct numbers *b)
{
	free_bn(&b->n);
	free_bn(&b->e);
	free_bn(&b->d);
	free_bn(&b->p);
	free_bn(&b->q);
	free_bn(&b->dp);
	free_bn(&b->dq);
	free_bn(&b->qinv);
}

static void
free_bn_ctx(BN_CTX **p)
{
	BN_CTX_free(*p);
	*p = NULL;
}

/* A number that is secret: in OpenSSL's locked memory where there is any. */
static BIGNUM *
secret_number(const struct crypt_bytes *bytes)
{
	BIGNUM *b = bytes == NULL ? BN_secure_new() : NULL;

	if (bytes != NULL && bytes->len <= RSA_LEN_MAX &&
	    (b = BN_secure_new()) != NULL &&
	    BN_bin2bn(bytes->data, (int)bytes->len, b) == NULL)
		free_bn(&b);
	if (b != NULL)
		BN_set_flags(b, BN_FLG_CONSTTIME);
	return b;
}

static bool
numbers_read(struct numbers *b, const struct rsa_private *key)
{
	const struct rsa_public *pub = &key->public_key;

	b->n = BN_bin2bn(pub->modulus, (int)pub->modulus_len, NULL);
	b->e = BN_bin2bn(pub->exponent, (int)pub->exponent_len, NULL);
	b->d = secret_number(&key->d);
	b->p = secret_number(&key->p);
	b->q = secret_number(&key->q);
	b->dp = secret_number(NULL);
	b->dq = secret_number(NULL);
	b->qinv = secret_number(NULL);
	return b->n != NULL && b->e != NULL && b->d != NULL && b->p != NULL &&
	       b->q != NULL && b->dp != NULL && b->dq != NULL &&
	       b->qinv != NULL;
}

/* p times q is the modulus; what follows from them. */
static bool
numbers_derive(struct numbers *b)
{
	cleanup(free_bn_ctx) BN_CTX *ctx = BN_CTX_secure_new();
	cleanup(free_bn) BIGNUM *t = secret_number(NULL);

	if (ctx == NULL || t == NULL || BN_is_zero(b->p) || BN_is_one(b->p) ||
	    BN_is_zero(b->q) || BN_is_one(b->q) ||
	    BN_mul(t, b->p, b->q, ctx) != 1 || BN_cmp(t, b->n) != 0)
		return false;
	if (BN_sub(t, b->p, BN_value_one()) != 1 ||
	    BN_mod(b->dp, b->d, t, ctx) != 1 ||
	    BN_sub(t, b->q, BN_value_one()) != 1 ||
	    BN_mod(b->dq, b->d, t, ctx) != 1)
		return false;
	return BN_mod_inverse(b->qinv, b->q, b->p, ctx) != NULL;
}

static bool
numbers_push(const struct numbers *b, OSSL_PARAM_BLD *to)
{
	const struct {
		const char *name;
		const BIGNUM *number;
	} all[] = {
		{ OSSL_PKEY_PARAM_RSA_N, b->n },
		{ OSSL_PKEY_PARAM_RSA_E, b->e },
		{ OSSL_PKEY_PARAM_RSA_D, b->d },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, b->p },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, b->q },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, b->dp },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, b->dq },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, b->qinv },
	};

	for (size_t i = 0; i < countof(all); i++)
		if (OSSL_PARAM_BLD_push_BN(to, all[i].name, all[i].number) != 1)
			return false;
	return true;
}

static EVP_PKEY *
private_pkey_of(const struct numbers *b)
{
	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (bld == NULL || !numbers_push(b, bld))
		return NULL;

	return pkey_from_params("RSA", EVP_PKEY_KEYPAIR, bld);
}

int
rsa_key_new(const struct crypt *c, const struct rsa_private *key,
    struct rsa_key **out, struct err *err)
{
	(void)c;
	if (check(&key->public_key, err) < 0)
		return -1;

	cleanup(numbers_reset) struct numbers b = { 0 };
	cleanup(rsa_key_free) struct rsa_key *k = calloc(1, sizeof *k);

	if (k == NULL)
		return err_nomem(err);
	if (!numbers_read(&b, key))
		return crypt_err(err, ERR_TEMP, "load an RSA key");
	if (!numbers_derive(&b))
		return crypt_err(err, ERR_PERM, "the RSA key is damaged");
	k->len = key->public_key.modulus_len;
	k->fresh = private_pkey_of(&b);
	k->used = k->fresh == NULL ? NULL : EVP_PKEY_dup(k->fresh);
	if (k->used == NULL)
		return crypt_err(err, ERR_TEMP, "load an RSA key");
	*out = steal(&k);
	return 0;
}

void
rsa_key_free(struct rsa_key **kp)
{
	struct rsa_key *k = steal(kp);

	if (k == NULL)
		return;
	free_pkey(&k->used);
	free_pkey(&k->fresh);
	free(k);
}

/* 1; 0 it is not for this key, or so it seems; -1. */
static int
try_decrypt(EVP_PKEY *pkey, const uint8_t *whole, size_t n,
    uint8_t out[RSA_LEN_MAX], size_t *out_len, struct err *err)
{
	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	*out_len = RSA_LEN_MAX;
	if (ctx == NULL || EVP_PKEY_decrypt_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return crypt_err(err, ERR_TEMP, "RSA");
	if (EVP_PKEY_decrypt(ctx, out, out_len, whole, n) == 1)
		return 1;
	ERR_clear_error();
	return 0;
}

int
rsa_decrypt(const struct rsa_key *k, const uint8_t *in, size_t n,
    uint8_t out[RSA_LEN_MAX], size_t *out_len, struct err *err)
{
	uint8_t whole[RSA_LEN_MAX] = { 0 };

	if (n > k->len)
		return err_set(err, ERR_PERM, "longer than the RSA modulus");
	memcpy(whole + k->len - n, in, n);

	int rc = try_decrypt(k->used, whole, k->len, out, out_len, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;

	cleanup(free_pkey) EVP_PKEY *copy = EVP_PKEY_dup(k->fresh);

	if (copy == NULL)
		return crypt_err(err, ERR_TEMP, "copy an RSA key");
	rc = try_decrypt(copy, whole, k->len, out, out_len, err);
	if (rc == 0)
		return err_set(err, ERR_PERM, "not for this RSA key");
	return rc < 0 ? -1 : 0;
}
