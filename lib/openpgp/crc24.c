/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/crc24.h"

#include <endian.h>
#include <string.h>

/*
 * table[k][b] is the checksum of the octet b followed by k zero octets. A CRC
 * is linear: an entry is the sum of the entries of its bits, which are the
 * powers of x from x^24 on, modulo the polynomial.
 */
#define BIT(b, i, x) (((b) >> (i)&1U) * (x))
#define ENTRY(b, x0, x1, x2, x3, x4, x5, x6, x7)                         \
	(BIT(b, 0, x0) ^ BIT(b, 1, x1) ^ BIT(b, 2, x2) ^ BIT(b, 3, x3) ^ \
	    BIT(b, 4, x4) ^ BIT(b, 5, x5) ^ BIT(b, 6, x6) ^ BIT(b, 7, x7))
#define ROW4(b, ...)                                           \
	ENTRY((b), __VA_ARGS__), ENTRY((b) + 1U, __VA_ARGS__), \
	    ENTRY((b) + 2U, __VA_ARGS__), ENTRY((b) + 3U, __VA_ARGS__)
#define ROW16(b, ...)                                        \
	ROW4((b), __VA_ARGS__), ROW4((b) + 4U, __VA_ARGS__), \
	    ROW4((b) + 8U, __VA_ARGS__), ROW4((b) + 12U, __VA_ARGS__)
#define ROW64(b, ...)                                           \
	ROW16((b), __VA_ARGS__), ROW16((b) + 16U, __VA_ARGS__), \
	    ROW16((b) + 32U, __VA_ARGS__), ROW16((b) + 48U, __VA_ARGS__)
#define ROW256(...)                                                    \
	{                                                              \
		ROW64(0U, __VA_ARGS__), ROW64(64U, __VA_ARGS__),       \
		    ROW64(128U, __VA_ARGS__), ROW64(192U, __VA_ARGS__) \
	}

enum { SLICES = 8 };

static const uint32_t table[SLICES][256] = {
	ROW256(0x864cfb, 0x8ad50d, 0x93e6e1, 0xa18139, 0xc54e89, 0x0cd1e9,
	    0x19a3d2, 0x3347a4),
	ROW256(0x668f48, 0xcd1e90, 0x1c71db, 0x38e3b6, 0x71c76c, 0xe38ed8,
	    0x41514b, 0x82a296),
	ROW256(0x8309d7, 0x805f55, 0x86f251, 0x8ba859, 0x911c49, 0xa47469,
	    0xcea429, 0x1b04a9),
	ROW256(0x360952, 0x6c12a4, 0xd82548, 0x36066b, 0x6c0cd6, 0xd819ac,
	    0x367fa3, 0x6cff46),
	ROW256(0xd9fe8c, 0x35b1e3, 0x6b63c6, 0xd6c78c, 0x2bc3e3, 0x5787c6,
	    0xaf0f8c, 0xd853e3),
	ROW256(0x36eb3d, 0x6dd67a, 0xdbacf4, 0x311513, 0x622a26, 0xc4544c,
	    0x0ee463, 0x1dc8c6),
	ROW256(0x3b918c, 0x772318, 0xee4630, 0x5ac09b, 0xb58136, 0xed4e97,
	    0x5cd1d5, 0xb9a3aa),
	ROW256(0xf50baf, 0x6c5ba5, 0xd8b74a, 0x37226f, 0x6e44de, 0xdc89bc,
	    0x3f5f83, 0x7ebf06),
};

static uint32_t
one_octet(uint32_t crc, uint8_t octet)
{
	return (crc << 8 & 0xffffff) ^ table[0][crc >> 16 ^ octet];
}

static uint32_t
eight_octets(uint32_t crc, const uint8_t *data)
{
	uint64_t w;

	memcpy(&w, data, sizeof w);
	w = be64toh(w) ^ (uint64_t)crc << 40;
	return table[7][w >> 56] ^ table[6][w >> 48 & 0xff] ^
	       table[5][w >> 40 & 0xff] ^ table[4][w >> 32 & 0xff] ^
	       table[3][w >> 24 & 0xff] ^ table[2][w >> 16 & 0xff] ^
	       table[1][w >> 8 & 0xff] ^ table[0][w & 0xff];
}

uint32_t
crc24(uint32_t crc, const uint8_t *data, size_t n)
{
	for (; n >= SLICES; n -= SLICES, data += SLICES)
		crc = eight_octets(crc, data);
	for (; n > 0; n--, data++)
		crc = one_octet(crc, *data);
	return crc;
}
