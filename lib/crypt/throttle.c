/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "crypt/hash.h"

enum { WAYS = 8, SETS = 2048, KEY_LEN = 32 };
enum { FORGET_MS = 60 * 1000, FIRST_DELAY_MS = 250, DOUBLINGS_MAX = 16 };
/* An address may be that of many people, who mistype now and then. */
enum { FREE_FOR_ACCOUNT = 0, FREE_FOR_CLIENT = 3, COUNT_MAX = 60 };

struct entry {
	uint64_t tag; /* keyed: nobody can aim at somebody else's entry */
	uint32_t count; /* 0 = empty */
	int64_t since_ms;
};

struct throttle {
	const struct crypt *crypt;
	uint8_t key[KEY_LEN];
	struct entry entries[SETS][WAYS];
};

struct throttle_client
throttle_client_of(const char *rip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct throttle_client c = { .len = 0 };
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, rip, &v4) == 1) {
		c.len = sizeof v4;
		memcpy(c.octets, &v4, sizeof v4);
	} else if (inet_pton(AF_INET6, rip, &v6) == 1) {
		bool is_v4 = memcmp(&v6, mapped, sizeof mapped) == 0;

		c.len = is_v4 ? 4 : 8;
		memcpy(c.octets, (uint8_t *)&v6 + (is_v4 ? 12 : 0), c.len);
	}
	return c;
}

int
throttle_new(const struct crypt *crypt, struct throttle **out,
    struct err *err)
{
	cleanup(throttle_free) struct throttle *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_nomem(err);
	t->crypt = crypt;
	if (crypt_random(crypt, t->key, sizeof t->key, err) < 0)
		return -1;
	*out = steal(&t);
	return 0;
}

void
throttle_free(struct throttle **tp)
{
	struct throttle *t = steal(tp);

	if (t == NULL)
		return;
	explicit_bzero(t->key, sizeof t->key);
	free(t);
}

/* What is left of the count. */
static uint32_t
count_now(const struct entry *e, int64_t now_ms)
{
	int64_t forgotten = (now_ms - e->since_ms) / FORGET_MS;

	return forgotten >= e->count ? 0 : e->count - (uint32_t)forgotten;
}

/* The entry of this tag, or the one that is missed least. */
static struct entry *
place_of(struct throttle *t, uint64_t tag, int64_t now_ms)
{
	struct entry *set = t->entries[tag % SETS];
	struct entry *least = &set[0];

	for (size_t i = 0; i < WAYS; i++) {
		uint32_t count = count_now(&set[i], now_ms);
		uint32_t best = count_now(least, now_ms);

		if (set[i].tag == tag && set[i].count > 0)
			return &set[i];
		if (count < best ||
		    (count == best && set[i].since_ms < least->since_ms))
			least = &set[i];
	}
	return least;
}

/* One failure more; *count is the new sum. */
static int
note(struct throttle *t, char kind, const void *who, size_t len,
    int64_t now_ms, uint32_t *count, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_ADDRESS + 1 };
	uint8_t hash[KEY_LEN];
	uint64_t tag;

	if (buf_putc(&b, (uint8_t)kind, err) < 0 ||
	    buf_put(&b, who, len, err) < 0 ||
	    hmac_of(t->crypt, HASH_SHA256,
	        (struct crypt_bytes) { t->key, sizeof t->key },
	        (struct crypt_bytes) { b.data, b.len }, hash, err) < 0)
		return -1;
	memcpy(&tag, hash, sizeof tag);

	struct entry *e = place_of(t, tag, now_ms);
	uint32_t before = e->tag == tag ? count_now(e, now_ms) : 0;

	*count = before < COUNT_MAX ? before + 1 : COUNT_MAX;
	*e = (struct entry){ tag, *count, now_ms };
	return 0;
}

static int64_t
delay_of(uint32_t count, uint32_t free_ones, int64_t cap_ms)
{
	if (count <= free_ones)
		return 0;

	uint32_t doublings = count - free_ones - 1;
	int64_t delay = (int64_t)FIRST_DELAY_MS
	    << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);

	return delay < cap_ms ? delay : cap_ms;
}

int
throttle_failed(struct throttle *t, const char *account,
    const struct throttle_client *client, int64_t now_ms, int64_t cap_ms,
    int64_t *delay_ms, struct err *err)
{
	uint32_t of_account = 0, of_client = 0;

	if (account[0] != '\0' && note(t, 'a', account, strlen(account),
	                              now_ms, &of_account, err) < 0)
		return -1;
	if (client->len > 0 && note(t, 'c', client->octets, client->len,
	                           now_ms, &of_client, err) < 0)
		return -1;

	int64_t a = delay_of(of_account, FREE_FOR_ACCOUNT, cap_ms);
	int64_t c = delay_of(of_client, FREE_FOR_CLIENT, cap_ms);

	*delay_ms = a > c ? a : c;
	return 0;
}
