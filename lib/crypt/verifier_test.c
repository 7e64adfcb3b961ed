/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/verifier.h"

#include "crypt/testing.h"

/* RFC 7677, section 3: user "user", password "pencil". */
static const char rfc7677[] = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
			      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
			      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static void
test_rfc7677(void **state)
{
	struct verifier v;
	struct err err;

	assert_int_equal(verifier_parse(rfc7677, &v, &err), 0);
	assert_int_equal(v.iterations, 4096);
	assert_int_equal(v.salt_len, 16);
	assert_int_equal(verifier_check(*state, &v, "pencil", 6, &err), 1);
	assert_int_equal(verifier_check(*state, &v, "pencil ", 7, &err), 0);
	assert_int_equal(verifier_check(*state, &v, "", 0, &err), 0);
	v.salt[0] ^= 1;
	assert_int_equal(verifier_check(*state, &v, "pencil", 6, &err), 0);
}

static void
test_make_and_check(void **state)
{
	char a[VERIFIER_SIZE];
	char b[VERIFIER_SIZE];
	struct verifier v;
	struct err err;

	assert_int_equal(
	    verifier_make(*state, "p\xc3\xa4ss", 5, 4096, a, &err), 0);
	assert_int_equal(
	    verifier_make(*state, "p\xc3\xa4ss", 5, 4096, b, &err), 0);
	assert_string_not_equal(a, b); /* the salt is fresh */
	assert_int_equal(verifier_parse(a, &v, &err), 0);
	assert_int_equal(v.salt_len, VERIFIER_SALT_LEN);
	assert_int_equal(verifier_check(*state, &v, "p\xc3\xa4ss", 5, &err), 1);
	assert_int_equal(verifier_check(*state, &v, "pass", 4, &err), 0);
	assert_int_equal(verifier_make(*state, "x", 1, 4095, a, &err), -1);

	const uint8_t salt[VERIFIER_SALT_LEN] = { 1, 2, 3 };
	const struct crypt_bytes x = { "x", 1 };

	assert_int_equal(
	    verifier_make_salted(*state, x, salt, 4096, a, &err), 0);
	assert_int_equal(
	    verifier_make_salted(*state, x, salt, 4096, b, &err), 0);
	assert_string_equal(a, b);
	assert_int_equal(verifier_parse(a, &v, &err), 0);
	assert_memory_equal(v.salt, salt, sizeof salt);
	assert_int_equal(verifier_check(*state, &v, "x", 1, &err), 1);
	assert_int_equal(
	    verifier_make_salted(*state, x, salt, 4095, a, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
}

#define KEY  "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="

static const struct {
	const char *name;
	const char *text;
} bad[] = {
	{ "empty", "" },
	{ "another scheme", "{SCRAM-SHA-1}4096," SALT "," KEY "," KEY },
	{ "no scheme", "4096," SALT "," KEY "," KEY },
	{ "too few iterations", "{SCRAM-SHA-256}4095," SALT "," KEY "," KEY },
	{ "leading zero", "{SCRAM-SHA-256}04096," SALT "," KEY "," KEY },
	{ "a sign", "{SCRAM-SHA-256}+4096," SALT "," KEY "," KEY },
	{ "too many", "{SCRAM-SHA-256}4294967296," SALT "," KEY "," KEY },
	{ "overflow",
	    "{SCRAM-SHA-256}18446744073709555712," SALT "," KEY "," KEY },
	{ "iterations end the text", "{SCRAM-SHA-256}4096" },
	{ "no salt", "{SCRAM-SHA-256}4096,," KEY "," KEY },
	{ "no keys", "{SCRAM-SHA-256}4096," SALT },
	{ "one key", "{SCRAM-SHA-256}4096," SALT "," KEY },
	{ "a third key", "{SCRAM-SHA-256}4096," SALT "," KEY "," KEY "," KEY },
	{ "short key", "{SCRAM-SHA-256}4096," SALT "," SALT "," KEY },
	{ "blank in the salt", "{SCRAM-SHA-256}4096, W2Z," KEY "," KEY },
	{ "blank behind", "{SCRAM-SHA-256}4096," SALT "," KEY "," KEY " " },
	{ "spare bits",
	    "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gR==," KEY "," KEY },
	{ "endless salt",
	    "{SCRAM-SHA-256}4096," KEY KEY KEY KEY "," KEY "," KEY },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct verifier v = { .iterations = 7 };
		struct err err;

		if (verifier_parse(bad[i].text, &v, &err) == 0)
			fail_msg("%s: was taken", bad[i].name);
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(v.iterations, 7);
	}
}

/* Every cut of a good one is a bad one. */
static void
test_cut(void **state)
{
	(void)state;
	char text[sizeof rfc7677];
	struct verifier v;

	for (size_t n = 0; n < sizeof rfc7677 - 1; n++) {
		memcpy(text, rfc7677, n);
		text[n] = '\0';
		if (verifier_parse(text, &v, NULL) == 0)
			fail_msg("cut at %zu: was taken", n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7677),
		cmocka_unit_test(test_make_and_check),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
