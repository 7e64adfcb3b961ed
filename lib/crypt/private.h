/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/crypt: the fetched algorithms, and how OpenSSL's errors
 * become ours.
 */
#ifndef CRYPT_PRIVATE_H
#define CRYPT_PRIVATE_H

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>

#include "crypt/crypt.h"
#include "crypt/hash.h"

enum { AES_SIZES = 3 }; /* 128, 192 and 256 bits */

struct crypt {
	EVP_MD *md[HASH_KINDS];
	EVP_CIPHER *cbc[AES_SIZES];
	EVP_CIPHER *ecb[AES_SIZES];
	EVP_CIPHER *ocb[AES_SIZES];
	EVP_CIPHER *wrap[AES_SIZES];
	EVP_CIPHER *gcm; /* of 256 bits */
	EVP_MAC *hmac;
	EVP_KDF *hkdf;
};

/* The one of the three for a key of len octets; NULL for another length. */
const EVP_CIPHER *cipher_for(EVP_CIPHER *const ciphers[AES_SIZES], size_t len);

/* The name OpenSSL knows a hash by. */
const char *hash_name(enum hash_kind kind);

/*
 * Takes the first error off OpenSSL's queue, empties the queue, and sets *err
 * to "what: reason"; returns -1. The kind is ERR_TEMP when memory was short.
 */
int crypt_err(struct err *err, enum err_kind kind, const char *what);

/* For cleanup(): each frees and sets NULL. */
void free_pkey(EVP_PKEY **p);
void free_pkey_ctx(EVP_PKEY_CTX **p);
void free_cipher_ctx(EVP_CIPHER_CTX **p);
void free_kdf_ctx(EVP_KDF_CTX **p);
void free_bn(BIGNUM **p); /* wiped */
void free_bld(OSSL_PARAM_BLD **p);

/*
 * A key of the type ("RSA", "EC") from the parameters in bld (borrowed);
 * selection is EVP_PKEY_PUBLIC_KEY or EVP_PKEY_KEYPAIR. The caller's; NULL,
 * with OpenSSL's queue saying why, when they are of no such key.
 */
EVP_PKEY *pkey_from_params(
    const char *type, int selection, OSSL_PARAM_BLD *bld);

#endif
