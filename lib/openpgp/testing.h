/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * For tests: encryption keys whose secret is known, and the recipient's side of
 * a PKESK packet, written from RFC 9580 and not from pkesk.c.
 */
#ifndef OPENPGP_TESTING_H
#define OPENPGP_TESTING_H

#include "crypt/keywrap.h"
#include "crypt/testing.h"
#include "openpgp/pkesk.h"

struct test_key {
	const char *name;
	enum curve curve;
	const char *packet;
	const char *secret; /* as crypt/ecdh.h has it */
};

/* The first four were made by GnuPG; the last is A.4 of RFC 9580. */
static const struct test_key test_keys[] = {
	{ "cv25519", CURVE_X25519,
	    "046b00d954120a2b0601040197550105010107403a6236378aff92da464891fd"
	    "e18d77fccf86e1655c0d97bbe18564207bd3600603010807",
	    "180422ff0c3aa3c28574ee95514e0c21268025cd73390c7ee9b91fde630f056"
	    "a" },
	{ "nistp256", CURVE_P256,
	    "046b00d95412082a8648ce3d0301070203041e3cf35b53ef33d077ea6820a2e2"
	    "d766ce717d177dd44349706925f2fdb9591970e4151913c5d71645ba9ff746a0"
	    "7ae560b3d0644d84fc560929f67c4c9de24703010807",
	    "f961a7506411aaa39a436e3d8a3aa03c110509a07cb917b18e7e14aff8c86af"
	    "7" },
	{ "nistp521", CURVE_P521,
	    "046b00d95412052b8104002304230400708a303c429944a2154d5548f280f9d1"
	    "1464006828b5dae4d608595173c1282532345ff51c482c28f0bd605b33c75610"
	    "dfbe0f6dcf9570a9121a0d6ef4cb3d46c80020f342a5705287d7f5acc0ecee48"
	    "c9a39bae0589a933eea0e8e2e0a33fe33d797aae4ba03a2e832bbe67188c0403"
	    "e4ce903d79509e0a5fb53b3c0e90e77c53a58003010a09",
	    "fa7a7235102b3eef852bff7468f0f4b3594b9a113f666d5776731c2d10a5461a"
	    "a440f2bbe21c3c0f3440a36432705ec3da57d3d6abe420f030e5c102ef3953a5"
	    "5b" },
	{ "brainpoolP384r1", CURVE_BRAINPOOL384,
	    "046b00d95412092b240303020801010b03030449af219d6c79e91c42946300de"
	    "545de6ea934a821cdf9de6ca2abb69033bfc59fa9bf90de6e60fb0bf2e7775eb"
	    "b24f9c0e04525572fcdcd092ba17baccddf8fbdbf03c8c7d56ac3b736885be6c"
	    "74ffb652199e4f42ef503aea60333ae0d3b17a03010908",
	    "587168fe1c0ed076d6b96d12ae3818a03091be209116a782f5dfaa6757df52b8"
	    "19d1a44828d66bde97f52e086a0c024f" },
	{ "X25519", CURVE_X25519,
	    "0663877fe319000000208693248367f9e5015db922f8f48095dda784987f2d59"
	    "85b12fbad16caf5e4435",
	    "4d600a4f794d44775c57a26e0feefed558e9afffd6ad0d582d57fb2ba2dcedb"
	    "8" },
};
enum { TEST_KEY_X25519 = 4 };

struct test_subkey {
	uint8_t packet[256];
	struct pgp_subkey subkey;
};

/* RFC 9580, section 5.5.4. */
static inline void
test_fingerprint(const struct crypt *c, struct pgp_subkey *s)
{
	uint8_t data[5 + 256];
	bool v6 = s->packet[0] == 6;
	size_t head = v6 ? 5 : 3;

	data[0] = v6 ? 0x9b : 0x99;
	memset(data + 1, 0, head - 1);
	data[head - 2] = (uint8_t)(s->packet_len >> 8);
	data[head - 1] = (uint8_t)s->packet_len;
	memcpy(data + head, s->packet, s->packet_len);
	s->fingerprint_len = v6 ? 32 : 20;
	assert_int_equal(hash_of(c, v6 ? HASH_SHA256 : HASH_SHA1, data,
			     head + s->packet_len, s->fingerprint, NULL),
	    0);
}

static inline void
test_subkey_init(
    const struct crypt *c, const struct test_key *k, struct test_subkey *out)
{
	*out = (struct test_subkey){ 0 };
	out->subkey.packet = out->packet;
	out->subkey.packet_len =
	    from_hex(k->packet, out->packet, sizeof out->packet);
	out->subkey.version = out->packet[0];
	out->subkey.algorithm = out->packet[5];
	test_fingerprint(c, &out->subkey);
}

static inline void
test_derive(const struct crypt *c, const struct test_key *k,
    const uint8_t *point, size_t point_len, struct ecdh_agreement *a)
{
	uint8_t secret[66];
	size_t n = from_hex(k->secret, secret, sizeof secret);

	assert_int_equal(
	    ecdh_derive(c, k->curve, (struct crypt_bytes){ secret, n },
		(struct crypt_bytes){ point, point_len }, a, NULL),
	    0);
	memcpy(a->point, point, point_len);
	a->point_len = point_len;
}

/* p stands behind the algorithm octet; the session key's length is returned. */
static inline size_t
test_open_x25519(const struct crypt *c, const struct test_key *k,
    const struct pubkey *key, bool v3, const uint8_t *p, uint8_t *out)
{
	struct ecdh_agreement a = { 0 };
	uint8_t kek[16];
	size_t skip = v3 ? 1 : 0;
	size_t n = p[32] - skip;

	test_derive(c, k, p, 32, &a);
	assert_int_equal(pkesk_x25519_kek(c, key, &a, kek, NULL), 0);
	if (v3)
		assert_int_equal(p[33], 9);
	assert_int_equal(keyunwrap(c, (struct aes_key){ kek, sizeof kek },
			     p + 33 + skip, n, out, NULL),
	    0);
	return n - KEYWRAP_OVERHEAD;
}

static inline size_t
test_open_ecdh(const struct crypt *c, const struct test_key *k,
    const struct pgp_subkey *subkey, const struct pubkey *key, bool v3,
    const uint8_t *p, uint8_t *out)
{
	struct ecdh_agreement a = { 0 };
	uint8_t kek[32];
	uint8_t plain[64];
	size_t octets = (((size_t)p[0] << 8 | p[1]) + 7) / 8;
	size_t native = k->curve == CURVE_X25519 ? 1 : 0;
	const uint8_t *wrapped = p + 2 + octets;
	unsigned sum = 0;

	assert_int_equal(p[2], native ? 0x40 : 0x04);
	test_derive(c, k, p + 2 + native, octets - native, &a);
	assert_int_equal(pkesk_ecdh_kek(c, subkey, key, &a, kek, NULL), 0);
	assert_int_equal(
	    keyunwrap(c, (struct aes_key){ kek, key->ecdh.kek_len },
		wrapped + 1, *wrapped, plain, NULL),
	    0);

	size_t n = *wrapped - KEYWRAP_OVERHEAD;
	size_t padding = plain[n - 1];

	assert_true(padding >= 1 && padding < n);
	for (size_t i = 0; i < padding; i++)
		assert_int_equal(plain[--n], padding);
	if (v3)
		assert_int_equal(plain[0], 9);
	memcpy(out, plain + (v3 ? 1 : 0), n - 2 - (v3 ? 1 : 0));
	for (size_t i = v3 ? 1 : 0; i < n - 2; i++)
		sum += plain[i];
	assert_int_equal(sum & 0xffff, plain[n - 2] << 8 | plain[n - 1]);
	return n - 2 - (v3 ? 1 : 0);
}

/* Checks the recipient and opens the body of a PKESK packet. */
static inline size_t
test_open_pkesk(const struct crypt *c, const struct test_key *k,
    const struct pgp_subkey *subkey, const uint8_t *body, uint8_t *out)
{
	struct pubkey key;
	bool v3 = body[0] == 3;
	size_t fp = subkey->fingerprint_len;
	const uint8_t *p = body + (v3 ? 9 : 3 + fp);

	assert_int_equal(
	    pubkey_parse(subkey->packet, subkey->packet_len, &key, NULL), 1);
	if (v3) {
		assert_int_equal(fp, 20);
		assert_memory_equal(body + 1, subkey->fingerprint + 12, 8);
	} else {
		assert_int_equal(body[0], 6);
		assert_int_equal(body[1], 1 + fp);
		assert_int_equal(body[2], subkey->version);
		assert_memory_equal(body + 3, subkey->fingerprint, fp);
	}
	assert_int_equal(*p, subkey->algorithm);
	return *p == PGP_X25519
		   ? test_open_x25519(c, k, &key, v3, p + 1, out)
		   : test_open_ecdh(c, k, subkey, &key, v3, p + 1, out);
}

#endif
