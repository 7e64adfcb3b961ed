/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/hash.h"

#include "crypt/testing.h"

static const struct {
	enum hash_kind kind;
	size_t len;
	const char *abc;
} cases[] = {
	{ HASH_SHA1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HASH_SHA224, 28,
	    "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
	{ HASH_SHA256, 32,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
	    "d" },
	{ HASH_SHA384, 48,
	    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	    "8086072ba1e7cc2358baeca134c825a7" },
	{ HASH_SHA512, 64,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49"
	    "f" },
};

static void
test_abc(void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		uint8_t want[HASH_LEN_MAX];
		uint8_t got[HASH_LEN_MAX];

		from_hex(cases[i].abc, want, sizeof want);
		assert_int_equal(hash_len(cases[i].kind), cases[i].len);
		assert_int_equal(
		    hash_of(*state, cases[i].kind, "abc", 3, got, NULL), 0);
		assert_memory_equal(got, want, cases[i].len);
	}
}

static void
test_in_pieces(void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		struct hash *h = NULL;
		uint8_t want[HASH_LEN_MAX];
		uint8_t got[HASH_LEN_MAX];

		from_hex(cases[i].abc, want, sizeof want);
		assert_int_equal(hash_new(*state, cases[i].kind, &h, NULL), 0);
		assert_int_equal(hash_feed(h, "a", 1, NULL), 0);
		assert_int_equal(hash_feed(h, "", 0, NULL), 0);
		assert_int_equal(hash_feed(h, "bc", 2, NULL), 0);
		assert_int_equal(hash_finish(h, got, NULL), 0);
		assert_memory_equal(got, want, cases[i].len);
		hash_free(&h);
		assert_null(h);
	}
}

/* RFC 4231, test case 2. */
static void
test_hmac(void **state)
{
	uint8_t got[HASH_LEN_MAX];

	assert_int_equal(
	    hmac_of(*state, HASH_SHA256, (struct crypt_bytes){ "Jefe", 4 },
		(struct crypt_bytes){ "what do ya want for nothing?", 28 }, got,
		NULL),
	    0);
	assert_hex_equal(got,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abc),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_hmac),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
