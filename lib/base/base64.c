/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/base64.h"

#include <limits.h>
#include <stdbool.h>

static const char alphabet[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(const void *data, size_t n, char *out)
{
	const uint8_t *p = data;
	char *o = out;

	for (; n >= 3; n -= 3, p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = alphabet[v >> 6 & 63];
		*o++ = alphabet[v & 63];
	}
	if (n > 0) {
		uint32_t v = (uint32_t)p[0] << 16;

		if (n == 2)
			v |= (uint32_t)p[1] << 8;
		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = n == 2 ? alphabet[v >> 6 & 63] : '=';
		*o++ = '=';
	}
	return (size_t)(o - out);
}

/* The value of a character plus one; 0 for what is none. */
static const uint8_t value_of[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5,
	['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10,
	['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
	['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
	['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25,
	['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45,
	['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
	['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
	['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* Four characters without padding; false when one is none. */
static bool
decode_quantum(const char *q, uint8_t out[3])
{
	const uint8_t *c = (const uint8_t *)q;
	uint32_t a = value_of[c[0]], b = value_of[c[1]];
	uint32_t d = value_of[c[2]], e = value_of[c[3]];
	uint32_t v = (a - 1) << 18 | (b - 1) << 12 | (d - 1) << 6 | (e - 1);

	if (a == 0 || b == 0 || d == 0 || e == 0)
		return false;
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return true;
}

/* The last four characters, padded or not; their octets, or -1. */
static int
decode_last(const char q[4], uint8_t *out)
{
	int pad = q[3] != '=' ? 0 : q[2] == '=' ? 2 : 1;
	char full[4] = { q[0], q[1], pad == 2 ? 'A' : q[2],
		pad > 0 ? 'A' : q[3] };
	uint8_t got[3];

	if (!decode_quantum(full, got) || (pad == 2 && got[1] != 0) ||
	    (pad > 0 && got[2] != 0))
		return -1;
	for (int i = 0; i < 3 - pad; i++)
		out[i] = got[i];
	return 3 - pad;
}

long
base64_decode(const char *text, size_t n, uint8_t *out)
{
	uint8_t *o = out;

	if (n % 4 != 0 || n > LONG_MAX)
		return -1;
	if (n == 0)
		return 0;
	for (; n > 4; n -= 4, text += 4, o += 3)
		if (!decode_quantum(text, o))
			return -1;

	int last = decode_last(text, o);

	return last < 0 ? -1 : (long)(o - out) + last;
}
