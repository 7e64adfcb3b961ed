/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to seipd_*.c: what writer and reader have in common.
 */
#ifndef OPENPGP_SEIPD_PRIVATE_H
#define OPENPGP_SEIPD_PRIVATE_H

#include "crypt/aes.h"
#include "crypt/hash.h"
#include "openpgp/seipd.h"

enum {
	/* version 1 */
	SEIPD_PREFIX_LEN = AES_BLOCK_LEN + 2, /* random, its end repeated */
	SEIPD_MDC_LEN = 22,                   /* packet 19: header and SHA-1 */
	SEIPD_MDC_HEADER_LEN = 2,
	SEIPD_MDC_TAG = 0xd3,
	SEIPD_MDC_BODY_LEN = 0x14,
	SEIPD_PIECE_LEN = 8192, /* stays in the first-level cache */
	/* version 2 */
	SEIPD_SALT_LEN = 32,
	SEIPD_HEAD_LEN = 3 + SEIPD_SALT_LEN,
	SEIPD_AD_LEN = 5, /* of the packet's start: tag to chunk size */
	SEIPD_OCB_ID = 2,
	SEIPD_CHUNK_BITS_BASE = 6,
	SEIPD_CHUNK_OCTET_MAX = 16,
	SEIPD_CHUNK_OCTET = 8, /* what the writer uses: 16 KiB */
	SEIPD_CHUNK_LEN = 1 << (SEIPD_CHUNK_OCTET + SEIPD_CHUNK_BITS_BASE),
};

/* OCB over chunks (RFC 9580, 5.13.2), in one direction. */
struct seipd_chunks {
	struct ocb *ocb;
	uint8_t ad[SEIPD_AD_LEN + 8]; /* with the total, for the last tag */
	uint8_t nonce[OCB_NONCE_LEN];
	uint64_t index;
	uint64_t total; /* octets of plaintext */
	size_t size;    /* of a whole chunk */
};

/*
 * head is the start of the packet's body behind the version: cipher, mode,
 * chunk size, salt. ERR_PERM when it does not go with AES in OCB and this key.
 */
int seipd_chunks_init(struct seipd_chunks *k, const struct crypt *c,
    struct aes_key session_key, const uint8_t head[SEIPD_HEAD_LEN],
    enum aes_direction direction, struct err *err) must_check;
void seipd_chunks_reset(struct seipd_chunks *k);

/* What the next chunk of n octets is sealed or opened with. */
struct ocb_chunk seipd_next_chunk(
    struct seipd_chunks *k, const uint8_t *in, size_t n);
/* The empty chunk behind the last one, which proves the number of octets. */
struct ocb_chunk seipd_end_chunk(struct seipd_chunks *k);

#endif
