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

/* RFC 9580, 9.3: AES-128 is 7, AES-192 is 8, AES-256 is 9. */
static int
check_head(const uint8_t head[SEIPD_HEAD_LEN], size_t key_len, struct err *err)
{
	if (head[0] < 7 || head[0] > 9 || key_len != 8U * head[0] - 40U)
		return err_set(err, ERR_PERM,
		    "encrypted with another cipher than AES, or another key");
	if (head[1] != SEIPD_OCB_ID)
		return err_set(
		    err, ERR_PERM, "encrypted in another mode than OCB");
	if (head[2] > SEIPD_CHUNK_OCTET_MAX)
		return err_set(err, ERR_PERM, "encrypted in chunks too large");
	return 0;
}

int
seipd_chunks_init(struct seipd_chunks *k, const struct crypt *c,
    struct aes_key session_key, const uint8_t head[SEIPD_HEAD_LEN],
    enum aes_direction direction, struct err *err)
{
	uint8_t derived[AES256_KEY_LEN + NONCE_FIXED_LEN];
	const uint8_t ad[SEIPD_AD_LEN] = { 0xc0 | PGP_TAG_SEIPD, SEIPD_V2,
		head[0], head[1], head[2] };
	size_t len = session_key.len;

	if (check_head(head, len, err) < 0 ||
	    hkdf_sha256(c, (struct crypt_bytes){ session_key.data, len },
		(struct crypt_bytes){ head + 3, SEIPD_SALT_LEN },
		(struct crypt_bytes){ ad, sizeof ad }, derived,
		len + NONCE_FIXED_LEN, err) < 0)
		return -1;
	k->size = (size_t)1 << (head[2] + SEIPD_CHUNK_BITS_BASE);
	memcpy(k->ad, ad, sizeof ad);
	memcpy(k->nonce, derived + len, NONCE_FIXED_LEN);

	int rc = ocb_new(
	    c, (struct aes_key){ derived, len }, direction, &k->ocb, err);

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
