/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/s2k.h"

#include <string.h>

#include "base/limits.h"
#include "base/locked.h"
#include "crypt/argon2.h"

enum {
	SALT_LEN = 8,
	ARGON2_SALT_LEN = 16,
	ARGON2_EXPONENT_MAX = 31,
	BLOCK_LEN = 16 << 10, /* what is hashed at once, about */
};

static const struct {
	uint8_t id;
	enum hash_kind kind;
} hashes[] = {
	{ 2, HASH_SHA1 },
	{ 8, HASH_SHA256 },
	{ 9, HASH_SHA384 },
	{ 10, HASH_SHA512 },
	{ 11, HASH_SHA224 },
};

static bool
find_hash(uint8_t id, enum hash_kind *out)
{
	for (size_t i = 0; i < countof(hashes); i++) {
		*out = hashes[i].kind;
		if (hashes[i].id == id)
			return true;
	}
	return false;
}

static bool
take_salt(struct octets *from, size_t n, struct s2k *out)
{
	struct octets salt;

	if (!take_octets(from, n, &salt))
		return false;
	memcpy(out->salt, salt.p, n);
	out->salt_len = n;
	return true;
}

static int
cut_off(struct err *err)
{
	return err_set(err, ERR_PERM, "the private key is damaged: S2K");
}

static int
read_argon2(struct octets *from, struct s2k *out, struct err *err)
{
	uint32_t exponent = 0;

	if (!take_salt(from, ARGON2_SALT_LEN, out) ||
	    !take_number(from, 1, &out->passes) ||
	    !take_number(from, 1, &out->lanes) ||
	    !take_number(from, 1, &exponent))
		return cut_off(err);
	if (exponent > ARGON2_EXPONENT_MAX)
		return cut_off(err);
	out->memory_kib = UINT32_C(1) << exponent;
	return 1;
}

static int
read_hashed(struct octets *from, struct s2k *out, struct err *err)
{
	uint32_t hash = 0;
	uint32_t count = 0;

	if (!take_number(from, 1, &hash) ||
	    (out->type != S2K_SIMPLE && !take_salt(from, SALT_LEN, out)) ||
	    (out->type == S2K_ITERATED && !take_number(from, 1, &count)))
		return cut_off(err);
	if (out->type == S2K_ITERATED)
		out->octets = (16 + (count & 15)) << ((count >> 4) + 6);
	return find_hash((uint8_t)hash, &out->hash) ? 1 : 0;
}

int
s2k_read(struct octets *from, struct s2k *out, struct err *err)
{
	uint32_t type = 0;

	*out = (struct s2k){ 0 };
	if (!take_number(from, 1, &type))
		return cut_off(err);
	out->type = (uint8_t)type;
	switch (type) {
	case S2K_SIMPLE:
	case S2K_SALTED:
	case S2K_ITERATED:
		return read_hashed(from, out, err);
	case S2K_ARGON2:
		return read_argon2(from, out, err);
	default:
		return 0;
	}
}

/* Salt and passphrase, again and again: whole copies, about BLOCK_LEN. */
struct pattern {
	struct locked block;
	size_t one; /* octets of one copy; 0 when both are empty */
};

static void
pattern_reset(struct pattern *p)
{
	locked_reset(&p->block);
}

static int
pattern_make(const struct s2k *s, struct crypt_bytes passphrase,
    struct pattern *p, struct err *err)
{
	p->one = s->salt_len + passphrase.len;

	size_t copies =
	    s->type != S2K_ITERATED || p->one >= BLOCK_LEN || p->one == 0
		? 1
		: BLOCK_LEN / p->one;

	p->block.len = copies * p->one;
	p->block.data = locked_new(p->block.len);
	if (p->block.data == NULL)
		return err_nomem(err);
	for (uint8_t *at = p->block.data; copies > 0; copies--) {
		memcpy(at, s->salt, s->salt_len);
		at += s->salt_len;
		if (passphrase.len > 0)
			memcpy(at, passphrase.data, passphrase.len);
		at += passphrase.len;
	}
	return 0;
}

/* One hash, in front of which `zeros` octets stand. */
static int
hash_pattern(const struct crypt *c, const struct s2k *s,
    const struct pattern *p, size_t zeros, uint8_t out[HASH_LEN_MAX],
    struct err *err)
{
	static const uint8_t zero[S2K_KEY_MAX];
	cleanup(hash_free) struct hash *h = NULL;
	size_t left = s->octets > p->one ? s->octets : p->one;

	if (hash_new(c, s->hash, &h, err) < 0 ||
	    hash_feed(h, zero, zeros, err) < 0)
		return -1;
	while (left > 0 && p->block.len > 0) {
		size_t n = left < p->block.len ? left : p->block.len;

		if (hash_feed(h, p->block.data, n, err) < 0)
			return -1;
		left -= n;
	}
	return hash_finish(h, out, err);
}

static int
derive_hashed(const struct crypt *c, const struct s2k *s,
    struct crypt_bytes passphrase, uint8_t *out, size_t n, struct err *err)
{
	cleanup(pattern_reset) struct pattern p = { 0 };
	uint8_t digest[HASH_LEN_MAX];
	int rc = pattern_make(s, passphrase, &p, err);
	size_t done = 0;

	for (size_t zeros = 0; rc == 0 && done < n; zeros++) {
		size_t len = hash_len(s->hash);

		rc = hash_pattern(c, s, &p, zeros, digest, err);
		len = len < n - done ? len : n - done;
		memcpy(out + done, digest, len);
		done += len;
	}
	explicit_bzero(digest, sizeof digest);
	return rc;
}

int
s2k_derive(const struct crypt *c, const struct s2k *s,
    struct crypt_bytes passphrase, uint8_t *out, size_t n, struct err *err)
{
	if (passphrase.len > LIMIT_PASSWORD || n > S2K_KEY_MAX)
		return err_set(err, ERR_PERM, "the passphrase is too long");
	if (s->type != S2K_ARGON2)
		return derive_hashed(c, s, passphrase, out, n, err);

	const struct argon2_cost cost = { .passes = s->passes,
		.lanes = s->lanes,
		.memory_kib = s->memory_kib };

	return argon2id(c, &cost, passphrase,
	    (struct crypt_bytes){ s->salt, s->salt_len }, out, n, err);
}
