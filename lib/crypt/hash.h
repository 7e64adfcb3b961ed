/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Hashes, streaming and at once. The object may be used for one message only.
 */
#ifndef CRYPT_HASH_H
#define CRYPT_HASH_H

#include "crypt/crypt.h"

enum hash_kind {
	HASH_SHA1,
	HASH_SHA224,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
};
enum { HASH_KINDS = HASH_SHA512 + 1, HASH_LEN_MAX = 64 };

/* How many octets a hash of this kind has. */
size_t hash_len(enum hash_kind kind);

struct hash;

/* crypt is borrowed for the life of the object. */
int hash_new(const struct crypt *c, enum hash_kind kind, struct hash **out,
    struct err *err) must_check;
int hash_feed(
    struct hash *h, const void *data, size_t n, struct err *err) must_check;
/* out has room for hash_len() octets. */
int hash_finish(struct hash *h, uint8_t *out, struct err *err) must_check;
/* NULL is fine; what was fed is wiped. */
void hash_free(struct hash **hp);

/* The hash of n octets at once. */
int hash_of(const struct crypt *c, enum hash_kind kind, const void *data,
    size_t n, uint8_t *out, struct err *err) must_check;

/* HMAC with this hash; out has room for hash_len() octets. */
int hmac_of(const struct crypt *c, enum hash_kind kind, struct crypt_bytes key,
    struct crypt_bytes data, uint8_t *out, struct err *err) must_check;

#endif
