/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/hash.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypt/private.h"

struct hash {
	EVP_MD_CTX *ctx;
};

static const struct {
	const char *name;
	size_t len;
} hashes[HASH_KINDS] = {
	[HASH_SHA1] = { "SHA1", 20 },
	[HASH_SHA224] = { "SHA224", 28 },
	[HASH_SHA256] = { "SHA256", 32 },
	[HASH_SHA384] = { "SHA384", 48 },
	[HASH_SHA512] = { "SHA512", 64 },
};

const char *
hash_name(enum hash_kind kind)
{
	return hashes[kind].name;
}

size_t
hash_len(enum hash_kind kind)
{
	return hashes[kind].len;
}

int
hash_new(const struct crypt *c, enum hash_kind kind, struct hash **out,
    struct err *err)
{
	cleanup(hash_free) struct hash *h = calloc(1, sizeof *h);

	if (h == NULL)
		return err_nomem(err);
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL ||
	    EVP_DigestInit_ex2(h->ctx, c->md[kind], NULL) != 1)
		return crypt_err(err, ERR_TEMP, "start a hash");
	*out = steal(&h);
	return 0;
}

int
hash_feed(struct hash *h, const void *data, size_t n, struct err *err)
{
	if (EVP_DigestUpdate(h->ctx, data, n) != 1)
		return crypt_err(err, ERR_TEMP, "hash");
	return 0;
}

int
hash_finish(struct hash *h, uint8_t *out, struct err *err)
{
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		return crypt_err(err, ERR_TEMP, "finish a hash");
	return 0;
}

void
hash_free(struct hash **hp)
{
	struct hash *h = steal(hp);

	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int
hash_of(const struct crypt *c, enum hash_kind kind, const void *data, size_t n,
    uint8_t *out, struct err *err)
{
	if (EVP_Digest(data, n, out, NULL, c->md[kind], NULL) != 1)
		return crypt_err(err, ERR_TEMP, "hash");
	return 0;
}

static void
free_mac_ctx(EVP_MAC_CTX **p)
{
	EVP_MAC_CTX_free(*p);
	*p = NULL;
}

int
hmac_of(const struct crypt *c, enum hash_kind kind, struct crypt_bytes key,
    struct crypt_bytes data, uint8_t *out, struct err *err)
{
	cleanup(free_mac_ctx) EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(c->hmac);
	char name[16];
	size_t len = 0;

	if (snprintf(name, sizeof name, "%s", hash_name(kind)) < 0)
		return err_set(err, ERR_TEMP, "HMAC");

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};

	if (ctx == NULL || EVP_MAC_init(ctx, key.data, key.len, params) != 1 ||
	    EVP_MAC_update(ctx, data.data, data.len) != 1 ||
	    EVP_MAC_final(ctx, out, &len, hash_len(kind)) != 1)
		return crypt_err(err, ERR_TEMP, "HMAC");
	return 0;
}
