/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypt/testing.h"

struct key {
	EVP_PKEY *pkey;
	uint8_t n[RSA_LEN_MAX + 1];
	uint8_t e[16];
	struct rsa_public pub;
};

static void
make_key(struct key *k, unsigned bits)
{
	BIGNUM *n = NULL;
	BIGNUM *e = NULL;

	k->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	assert_non_null(k->pkey);
	EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &n);
	EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_E, &e);
	k->pub = (struct rsa_public){
		.modulus = k->n,
		.modulus_len = (size_t)BN_bn2bin(n, k->n),
		.exponent = k->e,
		.exponent_len = (size_t)BN_bn2bin(e, k->e),
	};
	BN_free(n);
	BN_free(e);
}

static void
check_decrypts(
    EVP_PKEY *pkey, const uint8_t *cipher, size_t cipher_len, const char *want)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	uint8_t out[RSA_LEN_MAX];
	size_t len = sizeof out;

	assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_decrypt(ctx, out, &len, cipher, cipher_len), 1);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
	EVP_PKEY_CTX_free(ctx);
}

static void
test_round_trip(void **state)
{
	static const unsigned sizes[] = { 2048, 2056, 3072 };

	for (size_t i = 0; i < countof(sizes); i++) {
		static struct key k;
		uint8_t cipher[RSA_LEN_MAX];
		size_t len = 0;

		make_key(&k, sizes[i]);
		assert_int_equal(
		    rsa_encrypt(*state, &k.pub, (const uint8_t *)"secret", 6,
			cipher, &len, NULL),
		    0);
		assert_int_equal(len, sizes[i] / 8);
		check_decrypts(k.pkey, cipher, len, "secret");
		EVP_PKEY_free(k.pkey);
	}
}

static void
refused(const struct crypt *c, const char *name, struct rsa_public pub)
{
	uint8_t cipher[RSA_LEN_MAX];
	size_t len = 0;
	struct err err = { 0 };

	if (rsa_encrypt(c, &pub, (const uint8_t *)"x", 1, cipher, &len, &err) ==
	    0)
		fail_msg("%s: was taken", name);
	assert_int_equal(err.kind, ERR_PERM);
}

static void
test_bad_keys(void **state)
{
	static struct key k;
	static const uint8_t one[] = { 1 }, even[] = { 4 }, zeros[] = { 0, 3 },
			     large[] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const struct {
		const char *name;
		const uint8_t *e;
		size_t len;
	} exponents[] = {
		{ "exponent 1", one, 1 },
		{ "even exponent", even, 1 },
		{ "exponent with a leading zero", zeros, 2 },
		{ "exponent of 65 bits", large, 9 },
		{ "no exponent", large, 0 },
	};
	struct rsa_public pub;

	make_key(&k, 2048);
	for (size_t i = 0; i < countof(exponents); i++) {
		pub = k.pub;
		pub.exponent = exponents[i].e;
		pub.exponent_len = exponents[i].len;
		refused(*state, exponents[i].name, pub);
	}
	pub = k.pub;
	pub.modulus_len = RSA_LEN_MAX + 1;
	refused(*state, "modulus too long", pub);
	pub.modulus_len = 0;
	refused(*state, "no modulus", pub);
	pub.modulus_len = 255;
	refused(*state, "2040 bits", pub);
	pub = k.pub;
	k.n[255] &= 0xfe;
	refused(*state, "even modulus", pub);
	k.n[255] |= 1;
	k.n[0] &= 0x7f;
	refused(*state, "2047 bits", pub);
	k.n[0] = 0;
	refused(*state, "leading zero", pub);
	EVP_PKEY_free(k.pkey);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
