/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/ecdh.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypt/testing.h"

/* RFC 7748, section 6.1; RFC 5903, section 8.1. */
static const struct {
	enum curve curve;
	const char *private_key;
	const char *peer;
	const char *secret;
} vectors[] = {
	{ CURVE_X25519,
	    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e16174"
	    "2" },
	{ CURVE_P256,
	    "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	    "04"
	    "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
	    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442d"
	    "e" },
};

static void
test_vectors(void **state)
{
	for (size_t i = 0; i < countof(vectors); i++) {
		uint8_t key[66], peer[ECDH_POINT_MAX], want[66];
		size_t key_len =
		    from_hex(vectors[i].private_key, key, sizeof key);
		size_t peer_len = from_hex(vectors[i].peer, peer, sizeof peer);
		size_t n = from_hex(vectors[i].secret, want, sizeof want);
		struct ecdh_agreement a = { 0 };

		assert_int_equal(
		    ecdh_derive(*state, vectors[i].curve,
			(struct crypt_bytes){ key, key_len },
			(struct crypt_bytes){ peer, peer_len }, &a, NULL),
		    0);
		assert_int_equal(a.secret_len, n);
		assert_memory_equal(a.secret, want, n);
	}
}

struct key_pair {
	uint8_t private_key[66];
	size_t private_len;
	uint8_t point[ECDH_POINT_MAX];
	size_t point_len;
};

static const struct {
	enum curve curve;
	const char *name;
	size_t secret_len;
} curves[] = {
	{ CURVE_X25519, "X25519", 32 },
	{ CURVE_P256, "P-256", 32 },
	{ CURVE_P384, "P-384", 48 },
	{ CURVE_P521, "P-521", 66 },
	{ CURVE_BRAINPOOL256, "brainpoolP256r1", 32 },
	{ CURVE_BRAINPOOL384, "brainpoolP384r1", 48 },
	{ CURVE_BRAINPOOL512, "brainpoolP512r1", 64 },
};

static void
make_pair(size_t i, struct key_pair *p)
{
	bool x = curves[i].curve == CURVE_X25519;
	EVP_PKEY *key = x ? EVP_PKEY_Q_keygen(NULL, NULL, "X25519")
			  : EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i].name);

	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key,
			     OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, p->point,
			     sizeof p->point, &p->point_len),
	    1);
	if (x) {
		p->private_len = 32;
		assert_int_equal(EVP_PKEY_get_raw_private_key(
				     key, p->private_key, &p->private_len),
		    1);
	} else {
		BIGNUM *d = NULL;

		p->private_len = curves[i].secret_len;
		assert_int_equal(
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d),
		    1);
		BN_bn2binpad(d, p->private_key, (int)p->private_len);
		BN_free(d);
	}
	EVP_PKEY_free(key);
}

/* Both sides come to the same secret, on every curve. */
static void
test_agree(void **state)
{
	for (size_t i = 0; i < countof(curves); i++) {
		struct key_pair p = { 0 };
		struct ecdh_agreement ours = { 0 };
		struct ecdh_agreement theirs = { 0 };

		make_pair(i, &p);
		assert_int_equal(p.point_len, curve_point_len(curves[i].curve));
		assert_int_equal(ecdh_agree(*state, curves[i].curve, p.point,
				     p.point_len, &ours, NULL),
		    0);
		assert_int_equal(ours.point_len, p.point_len);
		assert_int_equal(ours.secret_len, curves[i].secret_len);
		assert_int_equal(
		    ecdh_derive(*state, curves[i].curve,
			(struct crypt_bytes){ p.private_key, p.private_len },
			(struct crypt_bytes){ ours.point, ours.point_len },
			&theirs, NULL),
		    0);
		assert_int_equal(theirs.secret_len, ours.secret_len);
		assert_memory_equal(
		    theirs.secret, ours.secret, ours.secret_len);
	}
}

/* What is no point of the curve is refused for good. */
static void
test_bad_points(void **state)
{
	for (size_t i = 0; i < countof(curves); i++) {
		struct key_pair p = { 0 };
		struct ecdh_agreement a = { 0 };
		struct err err;
		enum curve curve = curves[i].curve;

		make_pair(i, &p);
		for (size_t n = 0; n < p.point_len; n++) {
			err.kind = ERR_NONE;
			assert_int_equal(
			    ecdh_agree(*state, curve, p.point, n, &a, &err),
			    -1);
			assert_int_equal(err.kind, ERR_PERM);
		}
		if (curve == CURVE_X25519)
			memset(p.point, 0, p.point_len); /* secret zero */
		else
			p.point[p.point_len - 1] ^= 1;
		assert_int_equal(
		    ecdh_agree(*state, curve, p.point, p.point_len, &a, &err),
		    -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_agree),
		cmocka_unit_test(test_bad_points),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
