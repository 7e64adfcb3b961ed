/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/secret_packet.h"

#include <string.h>

#include "crypt/aes.h"

enum {
	HEAD_LEN = 6, /* version, time, algorithm */
	CIPHER_AES128_ID = 7,
	CIPHER_AES256_ID_MAX = 9,
	AEAD_OCB_ID = 2,
	IV_LEN = 16,
};

/*
 * What a public key of each algorithm is made of: m = a multiprecision integer,
 * s = octets behind their length octet; or a fixed number of octets.
 */
static const struct {
	uint8_t algorithm;
	const char *shape;
	size_t fixed;
} materials[] = {
	{ PGP_RSA, "mm", 0 },
	{ PGP_RSA_ENCRYPT, "mm", 0 },
	{ 3, "mm", 0 },   /* RSA, signs only */
	{ PGP_ELGAMAL, "mmm", 0 },
	{ 17, "mmmm", 0 }, /* DSA */
	{ PGP_ECDH, "sms", 0 },
	{ 19, "sm", 0 }, /* ECDSA */
	{ 22, "sm", 0 }, /* EdDSA */
	{ PGP_X25519, "", 32 },
	{ PGP_X448, "", 56 },
	{ 27, "", 32 }, /* Ed25519 */
	{ 28, "", 57 }, /* Ed448 */
};

static int
damaged(struct err *err, const char *what)
{
	return err_set(
	    err, ERR_PERM, "the private key is damaged: %s", what);
}

static bool
skip_string(struct octets *from)
{
	struct octets skipped;
	uint32_t n = 0;

	return take_number(from, 1, &n) && take_octets(from, n, &skipped);
}

static bool
skip_shape(struct octets *from, const char *shape, size_t fixed)
{
	struct octets skipped;

	for (; *shape != '\0'; shape++)
		if (!(*shape == 'm' ? take_mpi(from, &skipped)
				    : skip_string(from)))
			return false;
	return take_octets(from, fixed, &skipped);
}

static int
skip_material(struct octets *from, uint8_t algorithm, struct err *err)
{
	for (size_t i = 0; i < countof(materials); i++)
		if (materials[i].algorithm == algorithm)
			return skip_shape(from, materials[i].shape,
				   materials[i].fixed)
				   ? 0
				   : damaged(err, "public part");
	return err_set(err, ERR_PERM,
	    "the private key has the unknown algorithm %u", algorithm);
}

/* Cuts the public part off the front. */
static int
take_public_part(
    struct octets *from, struct secret_packet *out, struct err *err)
{
	struct octets all = *from;
	struct octets head;
	struct octets material;
	uint32_t len = 0;

	if (!take_octets(from, HEAD_LEN, &head))
		return damaged(err, "too short");
	out->version = head.p[0];
	if (out->version < 4 || out->version > 6)
		return err_set(err, ERR_PERM,
		    "keys of version %u are not supported", out->version);
	if (out->version == 4 &&
	    skip_material(from, head.p[HEAD_LEN - 1], err) < 0)
		return -1;
	if (out->version > 4 && (!take_number(from, 4, &len) ||
				    !take_octets(from, len, &material)))
		return damaged(err, "public part");
	out->public_part = (struct octets){ all.p, all.n - from->n };
	return 0;
}

static int
take_iv(struct octets *from, struct secret_packet *out, struct err *err)
{
	size_t n = out->usage == SECRET_AEAD ? OCB_NONCE_LEN : IV_LEN;

	return take_octets(from, n, &out->iv) ? 0 : damaged(err, "IV");
}

/* Versions 5 and 6 say how long the parameters are, version 6 the S2K too. */
static int
take_lengths(struct octets *from, struct secret_packet *out, struct err *err)
{
	uint32_t len = 0;

	if (out->version > 4 && out->usage != SECRET_PLAIN &&
	    !take_number(from, 1, &len))
		return damaged(err, "too short");
	return 0;
}

static int
take_s2k(struct octets *from, struct secret_packet *out, struct err *err)
{
	uint32_t len = 0;

	if (out->version == 6 && !take_number(from, 1, &len))
		return damaged(err, "too short");

	size_t before = from->n;
	int rc = s2k_read(from, &out->s2k, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		out->unusable =
		    out->s2k.type == S2K_GNU
			? "its secret part is not in this file"
			: "its passphrase is hashed in a way that is unknown "
			  "here";
	else if (out->version == 6 && before - from->n != len)
		return damaged(err, "S2K");
	return rc;
}

static int
take_protection(struct octets *from, struct secret_packet *out, struct err *err)
{
	uint32_t cipher = 0;
	uint32_t aead = AEAD_OCB_ID;

	if (out->usage != SECRET_AEAD && out->usage != SECRET_SHA1 &&
	    (out->usage != SECRET_SUM || out->version == 6)) {
		out->unusable = "it is protected in an obsolete way";
		return 0;
	}
	if (!take_number(from, 1, &cipher) ||
	    (out->usage == SECRET_AEAD && !take_number(from, 1, &aead)))
		return damaged(err, "too short");
	out->cipher = (uint8_t)cipher;

	int rc = take_s2k(from, out, err);

	if (rc <= 0)
		return rc;
	if (cipher < CIPHER_AES128_ID || cipher > CIPHER_AES256_ID_MAX ||
	    aead != AEAD_OCB_ID) {
		out->unusable = "it is protected with another cipher than AES "
				"in CFB or OCB";
		return 0;
	}
	return take_iv(from, out, err);
}

int
secret_packet_read(unsigned tag, struct octets body, struct secret_packet *out,
    struct err *err)
{
	uint32_t usage = 0;
	struct pubkey key;

	*out = (struct secret_packet){ .tag = tag };
	if (take_public_part(&body, out, err) < 0)
		return -1;
	if (!take_number(&body, 1, &usage))
		return damaged(err, "too short");
	out->usage = (uint8_t)usage;

	int rc = pubkey_parse(out->public_part.p, out->public_part.n, &key, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		out->unusable = "it has an algorithm that is unknown here";
	if (take_lengths(&body, out, err) < 0)
		return -1;
	if (usage != SECRET_PLAIN && take_protection(&body, out, err) < 0)
		return -1;
	out->data = body;
	return 0;
}
