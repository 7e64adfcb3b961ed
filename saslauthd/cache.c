/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/cache.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "crypt/hash.h"

enum { TAG_LEN = 32, WAYS = 4, SETS = 1024 };

struct entry {
	uint8_t tag[TAG_LEN];
	int64_t until_ms; /* 0 = empty */
};

struct cache {
	const struct crypt *crypt;
	uint8_t key[TAG_LEN];
	struct entry entries[SETS][WAYS];
};

int
cache_new(const struct crypt *crypt, struct cache **out, struct err *err)
{
	cleanup(cache_free) struct cache *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	c->crypt = crypt;
	if (crypt_random(crypt, c->key, sizeof c->key, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

void
cache_free(struct cache **cp)
{
	struct cache *c = steal(cp);

	if (c == NULL)
		return;
	explicit_bzero(c, sizeof *c);
	free(c);
}

/* The first two hold no NUL, which therefore separates. */
static int
make_tag(const struct cache *c, const struct cache_key *key,
    uint8_t tag[TAG_LEN], struct err *err)
{
	cleanup(buf_reset) struct buf b = { .secret = true,
		.limit = LIMIT_ADDRESS + LIMIT_VERIFIER + LIMIT_PASSWORD + 2 };

	if (buf_puts(&b, key->user, err) < 0 || buf_putc(&b, 0, err) < 0 ||
	    buf_puts(&b, key->verifier, err) < 0 ||
	    buf_putc(&b, 0, err) < 0 ||
	    buf_put(&b, key->password, key->password_len, err) < 0)
		return -1;
	return hmac_of(c->crypt, HASH_SHA256,
	    (struct crypt_bytes) { c->key, sizeof c->key },
	    (struct crypt_bytes) { b.data, b.len }, tag, err);
}

static size_t
set_of(const uint8_t tag[TAG_LEN])
{
	return ((size_t)tag[0] << 8 | tag[1]) % SETS;
}

int
cache_find(const struct cache *c, const struct cache_key *key, int64_t now_ms,
    struct err *err)
{
	uint8_t tag[TAG_LEN];
	int found = 0;

	if (make_tag(c, key, tag, err) < 0)
		return -1;

	const struct entry *set = c->entries[set_of(tag)];

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].until_ms > now_ms &&
		    crypt_equal(set[i].tag, tag, TAG_LEN))
			found = 1;
	return found;
}

int
cache_put(struct cache *c, const struct cache_key *key, int64_t now_ms,
    struct err *err)
{
	uint8_t tag[TAG_LEN];

	if (make_tag(c, key, tag, err) < 0)
		return -1;

	struct entry *set = c->entries[set_of(tag)];
	struct entry *place = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (crypt_equal(set[i].tag, tag, TAG_LEN)) {
			place = &set[i];
			break;
		}
		if (set[i].until_ms < place->until_ms)
			place = &set[i];
	}
	memcpy(place->tag, tag, TAG_LEN);
	place->until_ms = now_ms + CACHE_LIFE_MS;
	return 0;
}
