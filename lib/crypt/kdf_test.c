/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/kdf.h"

#include <openssl/evp.h>

#include "crypt/testing.h"

static struct crypt_bytes
text(const char *s)
{
	return (struct crypt_bytes){ s, strlen(s) };
}

/* RFC 7914, section 11. */
static void
test_pbkdf2(void **state)
{
	uint8_t out[64];

	assert_int_equal(pbkdf2_sha256(*state, text("passwd"), text("salt"), 1,
			     out, sizeof out, NULL),
	    0);
	assert_hex_equal(out,
	    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
	    "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
	assert_int_equal(pbkdf2_sha256(*state, text("Password"), text("NaCl"),
			     80000, out, sizeof out, NULL),
	    0);
	assert_hex_equal(out,
	    "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
	    "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
}

static void
compare_with_library(const void *crypt, size_t password, size_t salt,
    uint32_t iterations, size_t n)
{
	uint8_t octets[200], ours[100], library[100];

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(pbkdf2_sha256(crypt,
			     (struct crypt_bytes){ octets, password },
			     (struct crypt_bytes){ octets + 1, salt },
			     iterations, ours, n, NULL),
	    0);
	assert_int_equal(PKCS5_PBKDF2_HMAC((const char *)octets,
			     (int)password, octets + 1, (int)salt,
			     (int)iterations, EVP_sha256(), (int)n, library),
	    1);
	assert_memory_equal(ours, library, n);
}

/* Around the sizes of a block and of a digest. */
static void
test_pbkdf2_is_the_librarys(void **state)
{
	static const size_t passwords[] = { 0, 1, 31, 63, 64, 65, 199 };
	static const size_t salts[] = { 0, 1, 16, 60, 64, 130 };
	static const size_t sizes[] = { 1, 31, 32, 33, 64, 100 };

	for (size_t p = 0; p < countof(passwords); p++)
		for (size_t s = 0; s < countof(salts); s++)
			for (size_t n = 0; n < countof(sizes); n++)
				for (uint32_t i = 1; i < 5; i++)
					compare_with_library(*state,
					    passwords[p], salts[s], i,
					    sizes[n]);
	compare_with_library(*state, 9, 16, 4096, 32);
}

static void
test_pbkdf2_limits(void **state)
{
	struct err err = { 0 };
	uint8_t out[32];

	assert_int_equal(pbkdf2_sha256(*state, text("a"), text("b"), 0, out,
			     sizeof out, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(pbkdf2_sha256(*state, text("a"), text("b"),
			     1u << 31, out, sizeof out, &err),
	    -1);
}

/* RFC 5869, A.1 and A.3. */
static void
test_hkdf(void **state)
{
	uint8_t key[22];
	uint8_t salt[13];
	uint8_t info[10];
	uint8_t out[42];

	memset(key, 0x0b, sizeof key);
	from_hex("000102030405060708090a0b0c", salt, sizeof salt);
	from_hex("f0f1f2f3f4f5f6f7f8f9", info, sizeof info);
	assert_int_equal(
	    hkdf_sha256(*state, (struct crypt_bytes){ key, sizeof key },
		(struct crypt_bytes){ salt, sizeof salt },
		(struct crypt_bytes){ info, sizeof info }, out, sizeof out,
		NULL),
	    0);
	assert_hex_equal(out,
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	    "34007208d5b887185865");
	assert_int_equal(
	    hkdf_sha256(*state, (struct crypt_bytes){ key, sizeof key },
		text(""), text(""), out, sizeof out, NULL),
	    0);
	assert_hex_equal(out,
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pbkdf2),
		cmocka_unit_test(test_pbkdf2_is_the_librarys),
		cmocka_unit_test(test_pbkdf2_limits),
		cmocka_unit_test(test_hkdf),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
