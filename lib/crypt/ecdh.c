/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/ecdh.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <string.h>

#include "crypt/private.h"

enum { X25519_LEN = 32, UNCOMPRESSED = 0x04 };

static const struct {
	const char *name;
	size_t point_len;
} curves[CURVES] = {
	[CURVE_X25519] = { "X25519", X25519_LEN },
	[CURVE_P256] = { "P-256", 65 },
	[CURVE_P384] = { "P-384", 97 },
	[CURVE_P521] = { "P-521", 133 },
	[CURVE_BRAINPOOL256] = { "brainpoolP256r1", 65 },
	[CURVE_BRAINPOOL384] = { "brainpoolP384r1", 97 },
	[CURVE_BRAINPOOL512] = { "brainpoolP512r1", 129 },
};

size_t
curve_point_len(enum curve curve)
{
	return curves[curve].point_len;
}

/* OpenSSL checks that the point lies on the curve. */
static EVP_PKEY *
public_key(enum curve curve, const uint8_t *point, size_t len)
{
	if (len != curves[curve].point_len)
		return NULL;
	if (curve == CURVE_X25519)
		return EVP_PKEY_new_raw_public_key_ex(
		    NULL, "X25519", NULL, point, len);
	if (point[0] != UNCOMPRESSED)
		return NULL;

	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (bld == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, curves[curve].name, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(
		bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) != 1)
		return NULL;
	return pkey_from_params("EC", EVP_PKEY_PUBLIC_KEY, bld);
}

static EVP_PKEY *
private_key_of(enum curve curve, const uint8_t *data, size_t len)
{
	if (curve == CURVE_X25519)
		return EVP_PKEY_new_raw_private_key_ex(
		    NULL, "X25519", NULL, data, len);
	if (len > ECDH_SECRET_MAX)
		return NULL;

	cleanup(free_bn) BIGNUM *scalar = BN_bin2bn(data, (int)len, NULL);
	cleanup(free_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

	if (scalar == NULL || bld == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(
		bld, OSSL_PKEY_PARAM_GROUP_NAME, curves[curve].name, 0) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)
		return NULL;
	return pkey_from_params("EC", EVP_PKEY_KEYPAIR, bld);
}

static EVP_PKEY *
ephemeral_key(enum curve curve)
{
	if (curve == CURVE_X25519)
		return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[curve].name);
}

/*
 * What it means that a key of so many octets was not taken: X25519 takes any 32
 * octets.
 */
static int
not_taken(struct err *err, enum curve curve, size_t len, const char *what)
{
	bool any = curve == CURVE_X25519 && len == X25519_LEN;

	return crypt_err(err, any ? ERR_TEMP : ERR_PERM, what);
}

/*
 * No second check of the peer: it lies on the curve, and the curves have
 * cofactor 1 (for X25519, OpenSSL refuses the secret zero).
 */
static int
agree(
    EVP_PKEY *own, EVP_PKEY *peer, struct ecdh_agreement *out, struct err *err)
{
	cleanup(free_pkey_ctx) EVP_PKEY_CTX *ctx =
	    EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);

	out->secret_len = sizeof out->secret;
	if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1)
		return crypt_err(err, ERR_TEMP, "start Diffie-Hellman");
	if (EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1 ||
	    EVP_PKEY_derive(ctx, out->secret, &out->secret_len) != 1)
		return crypt_err(err, ERR_PERM, "no Diffie-Hellman secret");
	return 0;
}

int
ecdh_agree(const struct crypt *c, enum curve curve, const uint8_t *peer,
    size_t peer_len, struct ecdh_agreement *out, struct err *err)
{
	(void)c;
	cleanup(free_pkey) EVP_PKEY *theirs = public_key(curve, peer, peer_len);

	if (theirs == NULL)
		return not_taken(err, curve, peer_len,
		    "the public key is no point of its curve");

	cleanup(free_pkey) EVP_PKEY *ours = ephemeral_key(curve);

	if (ours == NULL ||
	    EVP_PKEY_get_octet_string_param(ours,
		OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out->point,
		sizeof out->point, &out->point_len) != 1 ||
	    out->point_len != curves[curve].point_len)
		return crypt_err(err, ERR_TEMP, "make an ephemeral key");
	return agree(ours, theirs, out, err);
}

struct ecdh_key {
	enum curve curve;
	EVP_PKEY *pkey;
};

int
ecdh_key_new(const struct crypt *c, enum curve curve,
    struct crypt_bytes private_key, struct ecdh_key **out, struct err *err)
{
	(void)c;
	cleanup(ecdh_key_free) struct ecdh_key *k = calloc(1, sizeof *k);

	if (k == NULL)
		return err_nomem(err);
	k->curve = curve;
	k->pkey = private_key_of(curve, private_key.data, private_key.len);
	if (k->pkey == NULL)
		return not_taken(err, curve, private_key.len,
		    "no private key of the curve");
	*out = steal(&k);
	return 0;
}

void
ecdh_key_free(struct ecdh_key **kp)
{
	struct ecdh_key *k = steal(kp);

	if (k == NULL)
		return;
	free_pkey(&k->pkey);
	free(k);
}

/* As public_key(), but of the same kind as ours: nothing is looked up. */
static EVP_PKEY *
peer_of(const struct ecdh_key *k, struct crypt_bytes point)
{
	cleanup(free_pkey) EVP_PKEY *peer = EVP_PKEY_new();
	const uint8_t *octets = point.data;

	if (peer == NULL || point.len != curves[k->curve].point_len ||
	    (k->curve != CURVE_X25519 && octets[0] != UNCOMPRESSED) ||
	    EVP_PKEY_copy_parameters(peer, k->pkey) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(peer, octets, point.len) != 1)
		return NULL;
	return steal(&peer);
}

static int
derive(const struct ecdh_key *k, struct crypt_bytes peer,
    struct ecdh_agreement *out, struct err *err)
{
	cleanup(free_pkey) EVP_PKEY *theirs = peer_of(k, peer);

	if (theirs == NULL)
		return not_taken(err, k->curve, peer.len,
		    "the public key is no point of its curve");
	return agree(k->pkey, theirs, out, err);
}

int
ecdh_key_derive(const struct ecdh_key *k, struct crypt_bytes peer,
    struct ecdh_agreement *out, struct err *err)
{
	if (derive(k, peer, out, err) < 0)
		return -1;
	memcpy(out->point, peer.data, peer.len);
	out->point_len = peer.len;
	return 0;
}

int
ecdh_derive(const struct crypt *c, enum curve curve,
    struct crypt_bytes private_key, struct crypt_bytes peer,
    struct ecdh_agreement *out, struct err *err)
{
	cleanup(ecdh_key_free) struct ecdh_key *k = NULL;

	if (ecdh_key_new(c, curve, private_key, &k, err) < 0)
		return -1;
	return derive(k, peer, out, err);
}
