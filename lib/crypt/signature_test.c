/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { VALUE_MAX = 600 };

struct kind_case {
	const char *name;
	enum signature_kind kind;
	const char *type;  /* as OpenSSL makes a key */
	const char *group; /* NULL: none */
	size_t bits;       /* of RSA */
	enum hash_kind hash;
};

static const struct kind_case kinds[] = {
	{ "RSA 2048, SHA-256", SIGNATURE_RSA, "RSA", NULL, 2048, HASH_SHA256 },
	{ "RSA 2048, SHA-512", SIGNATURE_RSA, "RSA", NULL, 2048, HASH_SHA512 },
	{ "RSA 2056", SIGNATURE_RSA, "RSA", NULL, 2056, HASH_SHA384 },
	{ "Ed25519", SIGNATURE_ED25519, "ED25519", NULL, 0, HASH_SHA512 },
	{ "Ed448", SIGNATURE_ED448, "ED448", NULL, 0, HASH_SHA512 },
	{ "P-256", SIGNATURE_P256, "EC", "P-256", 0, HASH_SHA256 },
	{ "P-256, a longer hash", SIGNATURE_P256, "EC", "P-256", 0,
	    HASH_SHA512 },
	{ "P-384", SIGNATURE_P384, "EC", "P-384", 0, HASH_SHA384 },
	{ "P-521", SIGNATURE_P521, "EC", "P-521", 0, HASH_SHA512 },
};

/* A signature with all that is needed to verify it. */
struct sample {
	EVP_PKEY *key;
	uint8_t digest[HASH_LEN_MAX];
	uint8_t public[VALUE_MAX];
	uint8_t exponent[8];
	uint8_t value[VALUE_MAX];
	uint8_t s[VALUE_MAX];
	struct signature_check check;
};

static size_t
number(const EVP_PKEY *key, const char *name, uint8_t *out)
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);

	int len = BN_bn2bin(n, out);

	BN_free(n);
	return (size_t)len;
}

static void
take_public(struct sample *s, const struct kind_case *c)
{
	struct signature_check *k = &s->check;
	size_t n = sizeof s->public;

	k->key.p = s->public;
	if (c->kind == SIGNATURE_RSA) {
		k->key.n = number(s->key, OSSL_PKEY_PARAM_RSA_N, s->public);
		k->exponent.p = s->exponent;
		k->exponent.n =
		    number(s->key, OSSL_PKEY_PARAM_RSA_E, s->exponent);
		return;
	}
	assert_int_equal(EVP_PKEY_get_octet_string_param(
			     s->key, OSSL_PKEY_PARAM_PUB_KEY, s->public, n, &n),
	    1);
	k->key.n = n;
}

/* OpenSSL gives r and s as DER. */
static void
split_ecdsa(struct sample *s, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);

	assert_non_null(sig);
	s->check.value.n = (size_t)BN_bn2bin(ECDSA_SIG_get0_r(sig), s->value);
	s->check.s.p = s->s;
	s->check.s.n = (size_t)BN_bn2bin(ECDSA_SIG_get0_s(sig), s->s);
	ECDSA_SIG_free(sig);
}

static size_t
sign_digest(struct sample *s, const struct kind_case *c, uint8_t *out)
{
	static const char *const hashes[] = { [HASH_SHA256] = "SHA256",
		[HASH_SHA384] = "SHA384",
		[HASH_SHA512] = "SHA512" };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	size_t n = VALUE_MAX;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(
			     ctx, EVP_get_digestbyname(hashes[c->hash])),
	    1);
	assert_int_equal(
	    EVP_PKEY_sign(ctx, out, &n, s->digest, hash_len(c->hash)), 1);
	EVP_PKEY_CTX_free(ctx);
	return n;
}

static size_t
sign_eddsa(struct sample *s, const struct kind_case *c, uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = VALUE_MAX;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->key), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, out, &n, s->digest, hash_len(c->hash)), 1);
	EVP_MD_CTX_free(ctx);
	return n;
}

static void
make(struct sample *s, const struct kind_case *c, uint8_t seed)
{
	uint8_t out[VALUE_MAX];

	*s = (struct sample){ .check = { .kind = c->kind, .hash = c->hash } };
	if (c->bits > 0)
		s->key = EVP_PKEY_Q_keygen(NULL, NULL, c->type, c->bits);
	else if (c->group != NULL)
		s->key = EVP_PKEY_Q_keygen(NULL, NULL, c->type, c->group);
	else
		s->key = EVP_PKEY_Q_keygen(NULL, NULL, c->type);
	assert_non_null(s->key);
	memset(s->digest, seed, sizeof s->digest);
	s->check.digest =
	    (struct signature_part){ s->digest, hash_len(c->hash) };
	take_public(s, c);
	s->check.value.p = s->value;

	bool eddsa = c->kind == SIGNATURE_ED25519 || c->kind == SIGNATURE_ED448;
	size_t n = eddsa ? sign_eddsa(s, c, out) : sign_digest(s, c, out);

	if (c->group != NULL) {
		split_ecdsa(s, out, n);
		return;
	}
	memcpy(s->value, out, n);
	s->check.value.n = n;
}

static int
verify(const struct crypt *crypt, const struct signature_check *c)
{
	struct err err = { 0 };
	int rc = signature_verify(crypt, c, &err);

	if (rc < 0)
		fail_msg("%s", err.text);
	return rc;
}

/* No part may be another by one bit. */
static void
check_flips(const struct crypt *crypt, const char *name, struct sample *s)
{
	const struct {
		uint8_t *p;
		size_t n;
	} parts[] = { { s->digest, 32 }, /* P-256 looks no further */
		{ s->public, s->check.key.n }, { s->value, s->check.value.n },
		{ s->s, s->check.s.n } };

	for (size_t i = 0; i < countof(parts); i++)
		for (size_t at = 0; at < parts[i].n; at += parts[i].n / 9 + 1) {
			parts[i].p[at] ^= 0x10;
			if (verify(crypt, &s->check) != 0)
				fail_msg("%s: part %zu, octet %zu flipped",
				    name, i, at);
			parts[i].p[at] ^= 0x10;
		}
}

/* Shorter, longer, empty, zero: no, and no crash. */
static void
check_odd_lengths(
    const struct crypt *crypt, const char *name, const struct sample *s)
{
	static const uint8_t zeros[VALUE_MAX];
	const struct signature_part odd[] = { { NULL, 0 },
		{ zeros, s->check.value.n }, { s->value, s->check.value.n - 1 },
		{ zeros, VALUE_MAX }, { s->value, 1 } };

	for (size_t i = 0; i < countof(odd); i++) {
		struct signature_check c = s->check;

		c.value = odd[i];
		if (verify(crypt, &c) != 0)
			fail_msg("%s: odd value %zu", name, i);
		c = s->check;
		c.key = odd[i];
		if (verify(crypt, &c) != 0)
			fail_msg("%s: odd key %zu", name, i);
	}
}

static void
test_kinds(void **state)
{
	struct crypt *crypt = NULL;
	struct err err;

	(void)state;
	assert_int_equal(crypt_open(&crypt, &err), 0);
	for (size_t i = 0; i < countof(kinds); i++) {
		struct sample s;

		make(&s, &kinds[i], (uint8_t)i);
		if (verify(crypt, &s.check) != 1)
			fail_msg("%s: refused", kinds[i].name);
		check_flips(crypt, kinds[i].name, &s);
		check_odd_lengths(crypt, kinds[i].name, &s);
		if (verify(crypt, &s.check) != 1)
			fail_msg("%s: refused", kinds[i].name);
		EVP_PKEY_free(s.key);
	}
	crypt_close(&crypt);
}

/* OpenPGP's numbers have no leading zeros: some signatures are shorter. */
static void
test_leading_zeros(void **state)
{
	static const struct kind_case rsa = { "RSA", SIGNATURE_RSA, "RSA", NULL,
		2048, HASH_SHA256 };
	struct crypt *crypt = NULL;
	struct sample s;
	struct err err;
	unsigned found = 0;

	(void)state;
	assert_int_equal(crypt_open(&crypt, &err), 0);
	make(&s, &rsa, 0);
	for (unsigned i = 0; i < 2000 && found < 2; i++) {
		uint8_t out[VALUE_MAX];

		memcpy(s.digest, &i, sizeof i);

		size_t n = sign_digest(&s, &rsa, out);

		if (out[0] != 0)
			continue;
		found++;
		s.check.value = (struct signature_part){ out + 1, n - 1 };
		assert_int_equal(verify(crypt, &s.check), 1);
	}
	assert_int_equal(found, 2);
	EVP_PKEY_free(s.key);
	crypt_close(&crypt);
}

/* The hash is part of what RSA signs. */
static void
test_other_hash(void **state)
{
	static const struct kind_case rsa = { "RSA", SIGNATURE_RSA, "RSA", NULL,
		2048, HASH_SHA256 };
	struct crypt *crypt = NULL;
	struct sample s;
	struct err err;

	(void)state;
	assert_int_equal(crypt_open(&crypt, &err), 0);
	make(&s, &rsa, 0);
	s.check.hash = HASH_SHA512;
	assert_int_equal(verify(crypt, &s.check), 0);
	s.check.digest.n = hash_len(HASH_SHA512);
	assert_int_equal(verify(crypt, &s.check), 0);
	EVP_PKEY_free(s.key);
	crypt_close(&crypt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_leading_zeros),
		cmocka_unit_test(test_other_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
