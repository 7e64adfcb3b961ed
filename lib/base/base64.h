/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Base64 (RFC 4648, section 4), padded, without line breaks. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters for n octets, without a NUL. */
static inline size_t
base64_size(size_t n)
{
	return (n + 2) / 3 * 4;
}

/* Writes base64_size(n) characters to out, no NUL; returns their number. */
size_t base64_encode(const void *data, size_t n, char *out);

/*
 * Decodes exactly n characters into out, which has room for n / 4 * 3 octets.
 * Returns the number of octets, or -1 when the text is not canonical padded
 * base64 (wrong length, foreign characters, non-zero spare bits).
 */
long base64_decode(const char *text, size_t n, uint8_t *out);

#endif
