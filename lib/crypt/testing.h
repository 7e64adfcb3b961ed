/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* For tests: octets written as hexadecimal, and an open struct crypt. */
#ifndef CRYPT_TESTING_H
#define CRYPT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "crypt/crypt.h"

/* Returns the number of octets written to out, which has room for size. */
static inline size_t
from_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = strlen(hex) / 2;

	assert_true(n <= size);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_value(hex[2 * i]) * 16 +
				   hex_value(hex[2 * i + 1]));
	return n;
}

#define assert_hex_equal(data, hex)                             \
	do {                                                    \
		uint8_t want_[sizeof(hex) / 2];                 \
		size_t n_ = from_hex(hex, want_, sizeof want_); \
		assert_memory_equal(data, want_, n_);           \
	} while (0)

static inline int
open_crypt(void **state)
{
	return crypt_open((struct crypt **)state, NULL);
}

static inline int
close_crypt(void **state)
{
	crypt_close((struct crypt **)state);
	return 0;
}

#endif
