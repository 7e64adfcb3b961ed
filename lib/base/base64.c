/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/base64.h"

#include <limits.h>

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

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Decodes one quantum; the number of octets, or -1. */
static int
decode_quantum(const char q[4], int last, uint8_t *out)
{
	int pad = !last || q[3] != '=' ? 0 : q[2] == '=' ? 2 : 1;
	int32_t v = 0;

	for (int i = 0; i < 4 - pad; i++) {
		int d = value_of(q[i]);

		if (d < 0)
			return -1;
		v |= (int32_t)d << (18 - 6 * i);
	}
	if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
		return -1;
	out[0] = (uint8_t)(v >> 16);
	if (pad < 2)
		out[1] = (uint8_t)(v >> 8);
	if (pad < 1)
		out[2] = (uint8_t)v;
	return 3 - pad;
}

long
base64_decode(const char *text, size_t n, uint8_t *out)
{
	long len = 0;

	if (n % 4 != 0 || n > LONG_MAX)
		return -1;
	for (size_t i = 0; i < n; i += 4) {
		int got = decode_quantum(text + i, i + 4 == n, out + len);

		if (got < 0)
			return -1;
		len += got;
	}
	return len;
}
