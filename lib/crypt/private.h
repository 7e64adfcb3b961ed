/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/crypt: the fetched algorithms, and how OpenSSL's errors
 * become ours.
 */
#ifndef CRYPT_PRIVATE_H
#define CRYPT_PRIVATE_H

#include <openssl/evp.h>

#include "crypt/crypt.h"
#include "crypt/hash.h"

enum { KEYWRAP_SIZES = 3 }; /* of 128, 192 and 256 bits */

struct crypt {
	EVP_MD *md[HASH_KINDS];
	EVP_CIPHER *cbc;
	EVP_CIPHER *ecb;
	EVP_CIPHER *ocb;
	EVP_CIPHER *keywrap[KEYWRAP_SIZES];
	EVP_MAC *hmac;
	EVP_KDF *hkdf;
};

/* The name OpenSSL knows a hash by. */
const char *hash_name(enum hash_kind kind);

/*
 * Takes the first error off OpenSSL's queue, empties the queue, and sets *err
 * to "what: reason"; returns -1.
 */
int crypt_err(struct err *err, enum err_kind kind, const char *what);

/* For cleanup(): each frees and sets NULL. */
void free_pkey(EVP_PKEY **p);
void free_pkey_ctx(EVP_PKEY_CTX **p);
void free_cipher_ctx(EVP_CIPHER_CTX **p);

#endif
