/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/gcm.h"

#include "crypt/testing.h"

static const uint8_t key[GCM_KEY_LEN] = "thirty-two octets of a test key";
static const struct crypt_bytes name = { "name", 4 };

/* Test case 14 of McGrew and Viega's specification of GCM: all zeros. */
static void
test_vector(void **state)
{
	static const uint8_t zeros[GCM_KEY_LEN];
	uint8_t sealed[12 + 16 + 16] = { 0 };
	uint8_t out[16];

	from_hex("cea7403d4d606b6e074ec5d3baf39d18"
		 "d0d1c8a799996bf0265b98b5d48ab919", sealed + 12, 32);
	memset(out, 1, sizeof out);
	assert_int_equal(gcm_open(*state, zeros, (struct crypt_bytes){ 0 },
			     (struct crypt_bytes){ sealed, sizeof sealed },
			     out, NULL),
	    0);
	assert_memory_equal(out, zeros, sizeof out);
}

static void
test_round_trip(void **state)
{
	uint8_t in[300], sealed[300 + GCM_OVERHEAD], out[300];

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7);
	for (size_t n = 0; n <= sizeof in; n++) {
		assert_int_equal(gcm_seal(*state, key, name,
				     (struct crypt_bytes){ in, n }, sealed,
				     NULL),
		    0);
		assert_int_equal(gcm_open(*state, key, name,
				     (struct crypt_bytes){ sealed,
					 n + GCM_OVERHEAD },
				     out, NULL),
		    0);
		assert_memory_equal(in, out, n);
	}
}

/* Cut anywhere, changed anywhere, another name, another key. */
static void
test_damage(void **state)
{
	static const uint8_t other[GCM_KEY_LEN] = "another";
	uint8_t in[20] = "plaintext", sealed[20 + GCM_OVERHEAD], out[20];
	const struct crypt_bytes whole = { sealed, sizeof sealed };
	struct err err;

	assert_int_equal(gcm_seal(*state, key, name,
			     (struct crypt_bytes){ in, sizeof in }, sealed,
			     NULL),
	    0);
	for (size_t n = 0; n < sizeof sealed; n++)
		assert_int_equal(gcm_open(*state, key, name,
				     (struct crypt_bytes){ sealed, n }, out,
				     NULL),
		    -1);
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		memset(out, 1, sizeof out);
		assert_int_equal(
		    gcm_open(*state, key, name, whole, out, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(out[0], 0);
		sealed[i] ^= 1;
	}
	assert_int_equal(gcm_open(*state, key, (struct crypt_bytes){ "x", 1 },
			     whole, out, NULL),
	    -1);
	assert_int_equal(gcm_open(*state, other, name, whole, out, NULL), -1);
	assert_int_equal(gcm_open(*state, key, name, whole, out, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
