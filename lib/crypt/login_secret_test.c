/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/login_secret.h"

#include "base/limits.h"
#include "crypt/testing.h"

/* The figures are those of Python's hashlib and hmac. */
static const struct {
	const char *address, *password, *login, *passphrase;
} cases[] = {
	{ "ann@example.org", "correct horse",
	    "zdIgDcZZEJ6CQdoEkN9AI8rR3ur9pLsLovCUVE54oQ4=",
	    "ejslqk6IXxUQpOweKVF5uN2HPztUrpKAmyeRtqhr2lo=" },
	{ "b\xc3\xb8"
	  "b@xn--bcher-kva.example",
	    "p\xc3\xa4ssword 1",
	    "E1JRPPWsy9tqihIkIAkIVK1cCNIgAbJscr54HR/n3Ls=",
	    "y1VfAINFOK9J5oKV6vDv5CiRKTDnLEQvF/UgMtCiRBs=" },
};

static void
test_known_answers(void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		struct login_secret s;
		const struct crypt_bytes password = { cases[i].password,
			strlen(cases[i].password) };

		assert_int_equal(login_secret_derive(*state, cases[i].address,
				     password, &s, NULL),
		    0);
		assert_string_equal(s.login, cases[i].login);
		assert_string_equal(s.passphrase, cases[i].passphrase);
	}
}

static void
test_too_long(void **state)
{
	static char address[LIMIT_ADDRESS + 100];
	struct login_secret s, zero = { "", "" };
	struct err err = { 0 };

	memset(&zero, 0, sizeof zero);
	memset(&s, 'x', sizeof s);
	memset(address, 'a', sizeof address - 1);
	assert_int_equal(login_secret_derive(*state, address,
			     (struct crypt_bytes){ "x", 1 }, &s, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_memory_equal(&s, &zero, sizeof s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
