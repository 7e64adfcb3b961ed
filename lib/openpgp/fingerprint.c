/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/fingerprint.h"

#include <string.h>

#include "base/limits.h"
#include "crypt/hash.h"

enum { ALGORITHM_AT = 5, HEADER_MIN = 6, PREFIX_MAX = 5 };

/* What the hash begins with: a mark and the length of the packet. */
static size_t
prefix(uint8_t version, size_t n, uint8_t out[PREFIX_MAX])
{
	size_t len = 0;

	out[len++] = (uint8_t)(0x95 + version);
	if (version > 4) {
		out[len++] = (uint8_t)(n >> 24);
		out[len++] = (uint8_t)(n >> 16);
	}
	out[len++] = (uint8_t)(n >> 8);
	out[len++] = (uint8_t)n;
	return len;
}

int
pgp_fingerprint(const struct crypt *c, const uint8_t *packet, size_t n,
    uint8_t out[PGP_FINGERPRINT_MAX], size_t *out_len, struct err *err)
{
	cleanup(hash_free) struct hash *h = NULL;
	uint8_t head[PREFIX_MAX];

	if (n < HEADER_MIN || n > LIMIT_PACKET_BODY || packet[0] < 4 ||
	    packet[0] > 6)
		return err_set(err, ERR_PERM, "no key of version 4, 5 or 6");

	enum hash_kind kind = packet[0] == 4 ? HASH_SHA1 : HASH_SHA256;

	if (hash_new(c, kind, &h, err) < 0 ||
	    hash_feed(h, head, prefix(packet[0], n, head), err) < 0 ||
	    hash_feed(h, packet, n, err) < 0)
		return -1;
	*out_len = hash_len(kind);
	return hash_finish(h, out, err);
}

int
pgp_subkey_check(
    const struct crypt *c, const struct pgp_subkey *subkey, struct err *err)
{
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	size_t len = 0;

	if (pgp_fingerprint(c, subkey->packet, subkey->packet_len, fingerprint,
		&len, err) < 0)
		return err_context(err, "the stored encryption key is damaged");
	if (subkey->packet[0] != subkey->version ||
	    subkey->packet[ALGORITHM_AT] != subkey->algorithm ||
	    subkey->fingerprint_len != len ||
	    memcmp(subkey->fingerprint, fingerprint, len) != 0)
		return err_set(err, ERR_PERM,
		    "the stored encryption key is damaged: "
		    "its fingerprint is another");
	return 0;
}
