/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "crypt/private.h"

enum { NUMBER_MAX = 16384 / 8, EXPONENT_MAX = 8 };

/* The name OpenSSL knows the key type or the group by. */
static const char *const names[] = {
	[SIGNATURE_RSA] = "RSA",
	[SIGNATURE_ED25519] = "ED25519",
	[SIGNATURE_ED448] = "ED448",
	[SIGNATURE_P256] = "P-256",
	[SIGNATURE_P384] = "P-384",
	[SIGNATURE_P521] = "P-521",
};

static void
free_md_ctx(EVP_MD_CTX **p)
{
	EVP_MD_CTX_free(*p);
	*p = NULL;
}

static void
free_ecdsa(ECDSA_SIG **p)
{
	ECDSA_SIG_free(*p);
	*p = NULL;
}

static void
free_der(unsigned char **p)
{
	OPENSSL_free(*p);
	*p = NULL;
}

static BIGNUM *
number(const struct signature_part *part)
{
	if (part->n > NUMBER_MAX)
		return NULL;
	return BN_bin2bn(part->p, (int)part->n, NULL);
}

static EVP_PKEY *
rsa_key(const struct signature_check *c)
{
	if (c->exponent.n > EXPONENT_MAX)
		return NULL;

	cleanup(free_bn) BIGNUM *n = number(&c->key);
	cleanup(free_bn) BIGNUM *e = number(&c->exponent);
	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (n == NULL || e == NULL || bld == NULL ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	return pkey_from_params("RSA", EVP_PKEY_PUBLIC_KEY, bld);
}

static EVP_PKEY *
ec_key(const struct signature_check *c)
{
	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (bld == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, names[c->kind], 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(
		bld, OSSL_PKEY_PARAM_PUB_KEY, c->key.p, c->key.n) != 1)
		return NULL;
	return pkey_from_params("EC", EVP_PKEY_PUBLIC_KEY, bld);
}

/* Nothing but a lack of memory makes "no" an open question. */
static int
no(struct err *err)
{
	unsigned long code;
	bool memory = false;

	while ((code = ERR_get_error()) != 0)
		if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
			memory = true;
	return memory ? err_nomem(err) : 0;
}

static int
verify_digest(EVP_PKEY *key, const struct signature_check *c,
    const struct signature_part *value, struct err *err)
{
	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	const EVP_MD *md = EVP_get_digestbyname(hash_name(c->hash));

	if (ctx == NULL || md == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return crypt_err(err, ERR_TEMP, "start a verification");
	if (c->kind == SIGNATURE_RSA &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return crypt_err(err, ERR_TEMP, "start a verification");
	if (EVP_PKEY_verify(
		ctx, value->p, value->n, c->digest.p, c->digest.n) == 1)
		return 1;
	return no(err);
}

static int
verify_rsa(const struct signature_check *c, struct err *err)
{
	cleanup(free_pkey) EVP_PKEY *key = rsa_key(c);
	uint8_t padded[NUMBER_MAX] = { 0 };

	if (key == NULL)
		return no(err);

	/* the number lost its leading zeros on its way */
	size_t len = (size_t)EVP_PKEY_get_size(key);

	if (len > sizeof padded || c->value.n > len)
		return 0;
	for (size_t i = 0; i < c->value.n; i++)
		padded[len - c->value.n + i] = c->value.p[i];

	const struct signature_part value = { padded, len };

	return verify_digest(key, c, &value, err);
}

static int
verify_ecdsa(const struct signature_check *c, struct err *err)
{
	cleanup(free_pkey) EVP_PKEY *key = ec_key(c);

	if (key == NULL)
		return no(err);

	cleanup(free_bn) BIGNUM *r = number(&c->value);
	cleanup(free_bn) BIGNUM *s = number(&c->s);
	cleanup(free_ecdsa) ECDSA_SIG *sig = ECDSA_SIG_new();
	cleanup(free_der) unsigned char *der = NULL;

	if (r == NULL || s == NULL || sig == NULL)
		return no(err);
	if (ECDSA_SIG_set0(sig, steal(&r), steal(&s)) != 1)
		return crypt_err(err, ERR_TEMP, "read a signature");

	int len = i2d_ECDSA_SIG(sig, &der);

	if (len <= 0)
		return crypt_err(err, ERR_TEMP, "read a signature");

	const struct signature_part value = { der, (size_t)len };

	return verify_digest(key, c, &value, err);
}

static int
verify_eddsa(const struct signature_check *c, struct err *err)
{
	cleanup(free_pkey) EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(
	    NULL, names[c->kind], NULL, c->key.p, c->key.n);
	cleanup(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (key == NULL)
		return no(err);
	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1)
		return crypt_err(err, ERR_TEMP, "start a verification");
	if (EVP_DigestVerify(
		ctx, c->value.p, c->value.n, c->digest.p, c->digest.n) == 1)
		return 1;
	return no(err);
}

int
signature_verify(const struct crypt *crypt, const struct signature_check *check,
    struct err *err)
{
	(void)crypt;
	ERR_clear_error();
	switch (check->kind) {
	case SIGNATURE_RSA:
		return verify_rsa(check, err);
	case SIGNATURE_ED25519:
	case SIGNATURE_ED448:
		return verify_eddsa(check, err);
	case SIGNATURE_P256:
	case SIGNATURE_P384:
	case SIGNATURE_P521:
		return verify_ecdsa(check, err);
	}
	return 0;
}
