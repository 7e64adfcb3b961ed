/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/kdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypt/private.h"

/* OSSL_PARAM is not const-correct; nothing is written through it. */
static OSSL_PARAM
octets(const char *name, struct crypt_bytes b)
{
	return (OSSL_PARAM){
		.key = name,
		.data_type = OSSL_PARAM_OCTET_STRING,
		.data = (void *)(uintptr_t)b.data,
		.data_size = b.len,
		.return_size = OSSL_PARAM_UNMODIFIED,
	};
}

int
hkdf_sha256(const struct crypt *c, struct crypt_bytes key,
    struct crypt_bytes salt, struct crypt_bytes info, uint8_t *out, size_t n,
    struct err *err)
{
	cleanup(free_kdf_ctx) EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(c->hkdf);
	char digest[] = "SHA256";
	OSSL_PARAM params[5];
	size_t count = 0;

	params[count++] =
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	params[count++] = octets(OSSL_KDF_PARAM_KEY, key);
	if (salt.len > 0)
		params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
	if (info.len > 0)
		params[count++] = octets(OSSL_KDF_PARAM_INFO, info);
	params[count] = OSSL_PARAM_construct_end();
	if (ctx == NULL || EVP_KDF_derive(ctx, out, n, params) != 1)
		return crypt_err(err, ERR_TEMP, "HKDF");
	return 0;
}
