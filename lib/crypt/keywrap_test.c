/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/keywrap.h"

#include "crypt/testing.h"

/* RFC 3394, section 4. */
static const struct {
	const char *kek;
	const char *data;
	const char *wrapped;
} cases[] = {
	{ "000102030405060708090a0b0c0d0e0f",
	    "00112233445566778899aabbccddeeff",
	    "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5" },
	{ "000102030405060708090a0b0c0d0e0f1011121314151617",
	    "00112233445566778899aabbccddeeff",
	    "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	    "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
	    "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326"
	    "cbc7f0e71a99f43bfb988b9b7a02dd21" },
};

static void
test_rfc3394(void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		uint8_t kek[32], data[64], want[72], got[72];
		size_t n = from_hex(cases[i].data, data, sizeof data);
		struct aes_key key = { kek,
			from_hex(cases[i].kek, kek, sizeof kek) };
		struct err err;

		assert_int_equal(from_hex(cases[i].wrapped, want, sizeof want),
		    n + KEYWRAP_OVERHEAD);
		assert_int_equal(keywrap(*state, key, data, n, got, &err), 0);
		assert_memory_equal(got, want, n + KEYWRAP_OVERHEAD);
		assert_int_equal(keyunwrap(*state, key, want,
				     n + KEYWRAP_OVERHEAD, got, &err),
		    0);
		assert_memory_equal(got, data, n);
		want[n] ^= 4;
		assert_int_equal(keyunwrap(*state, key, want,
				     n + KEYWRAP_OVERHEAD, got, &err),
		    -1);
		assert_int_equal(err.kind, ERR_PERM);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(got[k], 0);
	}
}

static void
test_lengths(void **state)
{
	uint8_t kek[32] = { 0 };
	uint8_t data[96] = { 0 };
	uint8_t out[104];
	struct aes_key key = { kek, 32 };

	for (size_t n = 0; n <= 88; n++) {
		bool wraps = n % 8 == 0 && n >= 16 && n <= KEYWRAP_DATA_MAX;

		assert_int_equal(
		    keywrap(*state, key, data, n, out, NULL), wraps ? 0 : -1);
		if (n % 8 != 0 || n < 24 || n > 72)
			assert_int_equal(
			    keyunwrap(*state, key, data, n, out, NULL), -1);
	}
	for (key.len = 0; key.len <= 32; key.len++)
		assert_int_equal(keywrap(*state, key, data, 16, out, NULL),
		    key.len == 16 || key.len == 24 || key.len == 32 ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3394),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
