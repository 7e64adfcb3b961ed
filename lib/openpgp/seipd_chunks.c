/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/seipd_private.h"

#include <string.h>

#include "crypt/kdf.h"
#include "openpgp/packet.h"

enum { NONCE_FIXED_LEN = OCB_NONCE_LEN - 8 };

static void
put_be64(uint8_t *out, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

int
seipd_chunks_init(struct seipd_chunks *k, const struct crypt *c,
    const uint8_t session_key[SESSION_KEY_LEN], uint8_t chunk_octet,
    const uint8_t salt[SEIPD_SALT_LEN], enum aes_direction direction,
    struct err *err)
{
	uint8_t derived[AES256_KEY_LEN + NONCE_FIXED_LEN];
	const uint8_t ad[SEIPD_AD_LEN] = { 0xc0 | PGP_TAG_SEIPD, SEIPD_V2,
		CIPHER_AES256_ID, SEIPD_OCB_ID, chunk_octet };

	if (hkdf_sha256(c, (struct kdf_bytes){ session_key, SESSION_KEY_LEN },
		(struct kdf_bytes){ salt, SEIPD_SALT_LEN },
		(struct kdf_bytes){ ad, sizeof ad }, derived, sizeof derived,
		err)
	    < 0)
		return -1;
	memcpy(k->ad, ad, sizeof ad);
	memcpy(k->nonce, derived + AES256_KEY_LEN, NONCE_FIXED_LEN);

	int rc = ocb_new(c, derived, direction, &k->ocb, err);

	explicit_bzero(derived, sizeof derived);
	return rc;
}

void
seipd_chunks_reset(struct seipd_chunks *k)
{
	ocb_free(&k->ocb);
	explicit_bzero(k, sizeof *k);
}

struct ocb_chunk
seipd_next_chunk(struct seipd_chunks *k, const uint8_t *in, size_t n)
{
	put_be64(k->nonce + NONCE_FIXED_LEN, k->index++);
	k->total += n;
	return (struct ocb_chunk){
		.nonce = k->nonce,
		.ad = k->ad,
		.ad_len = SEIPD_AD_LEN,
		.in = in,
		.len = n,
	};
}

struct ocb_chunk
seipd_end_chunk(struct seipd_chunks *k)
{
	put_be64(k->nonce + NONCE_FIXED_LEN, k->index);
	put_be64(k->ad + SEIPD_AD_LEN, k->total);
	return (struct ocb_chunk){
		.nonce = k->nonce,
		.ad = k->ad,
		.ad_len = sizeof k->ad,
	};
}
