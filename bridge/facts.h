/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a listing asks about restored messages, kept between runs in the user's
 * cache (store/metacache.h), so that no body is fetched twice for it. Only what
 * was opened well comes in here.
 */
#ifndef BRIDGE_FACTS_H
#define BRIDGE_FACTS_H

#include "message_cache.h"
#include "store/metacache.h"

struct bridge;
struct structure;
struct user;

/* The key of the user's part of the cache. ERR_TEMP. */
enum { FACTS_KEY_LEN = METACACHE_KEY_LEN };
int facts_key(const struct user *u, uint8_t out[FACTS_KEY_LEN],
    struct err *err) must_check;
/* facts.db of the state directory, with that key. ERR_TEMP. */
int facts_open(const struct bridge *b, const uint8_t key[FACTS_KEY_LEN],
    struct metacache **out, struct err *err) must_check;

struct facts {
	enum opened kind;  /* OPENED_SEALED or OPENED_FOREIGN */
	uint64_t octets;   /* of the restored message */
	struct buf header; /* with its empty line, if it has one */
	struct buf body, bodystructure; /* as FETCH says them; may be empty */
};

/* A message, its header and what FETCH says of its structure: all copied. */
int facts_of(const struct message *m, const struct structure *s,
    struct facts *out, struct err *err) must_check;
/* A sealed message of which no more than header and size are known: copied. */
int facts_of_header(const struct buf *header, uint64_t octets,
    struct facts *out, struct err *err) must_check;
bool facts_know_structure(const struct facts *f);
void facts_reset(struct facts *f);

/* 1 and *out, 0 not known. *out is to be reset in any case. */
int facts_get(struct metacache *cache, const char *account,
    const struct message_key *k, struct facts *out, struct err *err) must_check;
/* What is too large for the cache is not kept. */
int facts_put(struct metacache *cache, const char *account,
    const struct message_key *k, const struct facts *f, struct err *err)
    must_check;

/*
 * Of a whole mailbox (k->uid is of no matter), so that nobody asks for messages
 * one by one where none was ever kept: 1 facts_mark() has said that some are,
 * 0 not. -1: ERR_TEMP.
 */
int facts_are_there(struct metacache *cache, const char *account,
    const struct message_key *k, struct err *err) must_check;
int facts_mark(struct metacache *cache, const char *account,
    const struct message_key *k, struct err *err) must_check;

#endif
