/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/argon2.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypt/private.h"

static void
free_kdf(EVP_KDF **p)
{
	EVP_KDF_free(*p);
	*p = NULL;
}

static int
check(const struct argon2_cost *cost, struct err *err)
{
	if (cost->passes == 0 || cost->lanes == 0 ||
	    cost->memory_kib < 8 * cost->lanes)
		return err_set(err, ERR_PERM, "Argon2: impossible parameters");
	if (cost->memory_kib > ARGON2_MEMORY_MAX_KIB ||
	    cost->memory_kib > ARGON2_WORK_MAX_KIB / cost->passes)
		return err_set(err, ERR_PERM,
		    "Argon2: it would cost more than is allowed here");
	return 0;
}

/* OpenSSL does not write to what these point to. */
static OSSL_PARAM
octets_param(const char *name, struct crypt_bytes b)
{
	return OSSL_PARAM_construct_octet_string(
	    name, (void *)(uintptr_t)b.data, b.len);
}

int
argon2id(const struct crypt *c, const struct argon2_cost *cost,
    struct crypt_bytes password, struct crypt_bytes salt, uint8_t *out,
    size_t n, struct err *err)
{
	struct argon2_cost k = *cost;

	(void)c;
	if (check(cost, err) < 0)
		return -1;

	cleanup(free_kdf) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "ARGON2ID", NULL);

	if (kdf == NULL)
		return crypt_err(
		    err, ERR_PERM, "Argon2 needs OpenSSL 3.2 or newer");

	cleanup(free_kdf_ctx) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	const OSSL_PARAM params[] = {
		octets_param(OSSL_KDF_PARAM_PASSWORD, password),
		octets_param(OSSL_KDF_PARAM_SALT, salt),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_ITER, &k.passes),
		OSSL_PARAM_construct_uint32("lanes", &k.lanes),
		OSSL_PARAM_construct_uint32("memcost", &k.memory_kib),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || EVP_KDF_derive(ctx, out, n, params) != 1)
		return crypt_err(err, ERR_TEMP, "Argon2");
	return 0;
}
