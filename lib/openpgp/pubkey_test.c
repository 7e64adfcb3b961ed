/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/pubkey.h"

#include "openpgp/testing.h"

static void
test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(test_keys); i++) {
		uint8_t packet[256];
		size_t n = from_hex(test_keys[i].packet, packet, 256);
		struct pubkey k;

		assert_int_equal(pubkey_parse(packet, n, &k, NULL), 1);
		assert_int_equal(k.version, packet[0]);
		assert_int_equal(k.algorithm, packet[5]);
		assert_int_equal(k.ecdh.curve, test_keys[i].curve);
		assert_int_equal(
		    k.point_len, curve_point_len(test_keys[i].curve));
		assert_true(
		    k.point >= packet && k.point + k.point_len <= packet + n);
	}
}

/* Cut anywhere, or with an octet more, a key is damaged: never usable. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(test_keys); i++) {
		uint8_t packet[256] = { 0 };
		size_t whole = from_hex(test_keys[i].packet, packet, 255);

		for (size_t n = 0; n <= whole + 1; n++) {
			/* of its own, so that a sanitizer sees the end */
			uint8_t *copy = malloc(n == 0 ? 1 : n);
			struct pubkey k;
			struct err err = { 0 };

			if (n == whole) {
				free(copy);
				continue;
			}
			memcpy(copy, packet, n);
			assert_int_equal(pubkey_parse(copy, n, &k, &err), -1);
			assert_int_equal(err.kind, ERR_PERM);
			free(copy);
		}
	}
}

static const struct {
	const char *name;
	const char *packet;
	int rc;
} cases[] = {
	{ "version 3", "036b00d95401000811", -1 },
	{ "version 5", "056b00d95412000000005a", 0 },
	{ "ElGamal", "046b00d95410000811", 0 },
	{ "X448", "046b00d9541a000811", 0 },
	{ "RSA",
	    "046b00d954010008ff0003"
	    "05",
	    1 },
	{ "RSA, leading zero octets",
	    "046b00d95401001000ff001000"
	    "05",
	    1 },
	{ "RSA without exponent", "046b00d954010008ff0000", -1 },
	{ "RSA, MPI longer than the packet", "046b00d95401ffff", -1 },
	{ "unknown curve", "046b00d954120551020304050003040300000000", 0 },
	{ "curve without octets", "046b00d9541200", -1 },
	{ "reserved curve length", "046b00d95412ff", -1 },
	{ "X25519, short",
	    "046b00d95419"
	    "00",
	    -1 },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		uint8_t packet[64];
		size_t n = from_hex(cases[i].packet, packet, sizeof packet);
		struct pubkey k;
		struct err err = { 0 };
		int rc = pubkey_parse(packet, n, &k, &err);

		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].name, rc);
		assert_int_equal(err.kind, rc < 0 ? ERR_PERM : ERR_NONE);
	}
}

/* A KDF that is not native is for the other backend; half a hash is not. */
static void
test_kdf(void **state)
{
	(void)state;
	static const struct {
		uint8_t hash, cipher;
		int rc;
	} kdfs[] = {
		{ 8, 7, 1 },
		{ 8, 9, 1 },
		{ 9, 8, 1 },
		{ 10, 9, 1 },
		{ 2, 7, 1 },
		{ 2, 9, 0 }, /* SHA-1 is too short for AES-256 */
		{ 11, 8, 1 },
		{ 11, 9, 0 },
		{ 3, 7, 0 },
		{ 8, 2, 0 },
		{ 8, 10, 0 },
		{ 8, 11, 0 },
	};
	uint8_t packet[256];
	size_t n = from_hex(test_keys[1].packet, packet, sizeof packet);

	for (size_t i = 0; i < countof(kdfs); i++) {
		struct pubkey k;

		packet[n - 2] = kdfs[i].hash;
		packet[n - 1] = kdfs[i].cipher;
		assert_int_equal(pubkey_parse(packet, n, &k, NULL), kdfs[i].rc);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_kdf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
