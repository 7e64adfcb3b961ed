/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/kdf.h"

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
		cmocka_unit_test(test_hkdf),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
