/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Correct passwords that were checked a short while ago: a keyed hash of each,
 * under a key that lives and dies with the process. An entry is bound to the text
 * of the verifier, so it is of no use once the password was changed; whether the
 * account may log in at all is for others to decide.
 */
#ifndef SASLAUTHD_CACHE_H
#define SASLAUTHD_CACHE_H

#include "crypt/crypt.h"

struct cache;

enum { CACHE_LIFE_MS = 5 * 60 * 1000 };

struct cache_key {
	const char *user;
	const char *verifier;
	const char *password;
	size_t password_len;
};

/* crypt is borrowed. Its size is fixed: what is new displaces what is old. */
int cache_new(const struct crypt *crypt, struct cache **out, struct err *err)
    must_check;
void cache_free(struct cache **cp);

/* 1 it was put there within CACHE_LIFE_MS, 0 not. now_ms only moves forward. */
int cache_find(const struct cache *c, const struct cache_key *key,
    int64_t now_ms, struct err *err) must_check;
int cache_put(struct cache *c, const struct cache_key *key, int64_t now_ms,
    struct err *err) must_check;

#endif
