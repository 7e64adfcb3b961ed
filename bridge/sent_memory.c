/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sent_memory.h"

#include <string.h>

/* when (8 octets), uidvalidity, uid (4 each), big-endian; empty: forgotten */
enum { VALUE_LEN = 16 };

/* Names of facts begin with an address: never with a NUL. */
static int
put_name(const struct sent_name *n, struct buf *out, struct err *err)
{
	if (buf_put(out, "\0sent", sizeof "\0sent", err) < 0 ||
	    buf_put(out, n->address, strlen(n->address) + 1, err) < 0 ||
	    buf_put(out, n->folder, strlen(n->folder) + 1, err) < 0)
		return -1;
	return buf_put(out, n->print, SENT_PRINT_LEN, err);
}

static void
put_number(uint64_t n, size_t octets, uint8_t *out)
{
	for (size_t i = octets; i-- > 0; n >>= 8)
		out[i] = (uint8_t)n;
}

static uint64_t
take_number(const uint8_t *in, size_t octets)
{
	uint64_t n = 0;

	for (size_t i = 0; i < octets; i++)
		n = n << 8 | in[i];
	return n;
}

static int
put_value(struct metacache *cache, const struct buf *name,
    const uint8_t *value, size_t len, struct err *err)
{
	if (metacache_put(cache, (struct crypt_bytes){ name->data, name->len },
		(struct crypt_bytes){ value, len }, err) < 0)
		return -1;
	return metacache_flush(cache, err);
}

int
sent_memory_put(struct metacache *cache, const struct sent_name *n,
    const struct sent_place *place, int64_t now, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = METACACHE_VALUE_MAX };
	uint8_t value[VALUE_LEN];

	put_number((uint64_t)now, 8, value);
	put_number(place->uidvalidity, 4, value + 8);
	put_number(place->uid, 4, value + 12);
	if (put_name(n, &name, err) < 0)
		return -1;
	return put_value(cache, &name, value, sizeof value, err);
}

/* 1, or 0 when it is forgotten, or too old, or of the future. */
static int
read_value(const struct buf *value, int64_t now, struct sent_place *place)
{
	int64_t since;

	if (value->len != VALUE_LEN)
		return 0;
	since = (int64_t)take_number(value->data, 8);
	if (since < 0 || since > now || now - since >= SENT_MEMORY_S)
		return 0;
	place->uidvalidity = (uint32_t)take_number(value->data + 8, 4);
	place->uid = (uint32_t)take_number(value->data + 12, 4);
	return 1;
}

int
sent_memory_take(struct metacache *cache, const struct sent_name *n,
    int64_t now, struct sent_place *place, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = METACACHE_VALUE_MAX };
	cleanup(buf_reset) struct buf value = { .limit = METACACHE_VALUE_MAX };
	int rc;

	if (put_name(n, &name, err) < 0)
		return -1;
	rc = metacache_get(
	    cache, (struct crypt_bytes){ name.data, name.len }, &value, err);
	if (rc > 0)
		rc = read_value(&value, now, place);
	if (rc <= 0)
		return rc;
	return put_value(cache, &name, NULL, 0, err) < 0 ? -1 : 1;
}
