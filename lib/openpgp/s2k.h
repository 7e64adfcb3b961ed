/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: String-to-Key (RFC 9580, section 3.7), what makes a
 * key of a passphrase.
 */
#ifndef OPENPGP_S2K_H
#define OPENPGP_S2K_H

#include "crypt/hash.h"
#include "openpgp/cursor.h"

enum s2k_type {
	S2K_SIMPLE = 0,
	S2K_SALTED = 1,
	S2K_ITERATED = 3,
	S2K_ARGON2 = 4,
	S2K_GNU = 101, /* GnuPG's: the secret is not here, or on a card */
};

enum { S2K_SALT_MAX = 16, S2K_KEY_MAX = 32 };

struct s2k {
	uint8_t type;
	enum hash_kind hash;
	uint8_t salt[S2K_SALT_MAX];
	size_t salt_len;
	uint32_t octets; /* that are hashed, at least (iterated) */
	uint32_t passes, lanes, memory_kib; /* of Argon2 */
};

/*
 * Takes a specifier from the front. 1 and *out; 0 when it is none that is known
 * here (out->type is set; what follows cannot be read); -1 ERR_PERM cut off.
 */
int s2k_read(struct octets *from, struct s2k *out, struct err *err) must_check;

/*
 * The key of a passphrase, n octets (at most S2K_KEY_MAX). ERR_PERM when its
 * parameters ask for more than there may be. The work is what s asks for.
 */
int s2k_derive(const struct crypt *c, const struct s2k *s,
    struct crypt_bytes passphrase, uint8_t *out, size_t n, struct err *err)
    must_check;

#endif
