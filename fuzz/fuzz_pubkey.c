/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Stored encryption keys: what is parsed lies inside the packet, and what can
 * be parsed can be encrypted to or is refused for good.
 */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "openpgp/fingerprint.h"
#include "openpgp/pkesk.h"

static void
check_inside(const uint8_t *p, size_t n, const uint8_t *data, size_t size)
{
	CHECK(n <= size);
	CHECK(p == NULL || (p >= data && p + n <= data + size));
}

static void
put(const struct crypt *c, const struct pgp_subkey *s, const struct pubkey *k)
{
	static const uint8_t session_key[SESSION_KEY_LEN] = { 1 };
	cleanup(buf_reset) struct buf out = { .limit = 1 << 16 };
	struct err err = { 0 };

	if (pkesk_put(c, s, k, s->version == 6 ? PKESK_V6 : PKESK_V3,
		session_key, &out, &err) == 0)
		CHECK(out.len > 40);
	else
		CHECK(err.text[0] != '\0' && out.len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(crypt_close) struct crypt *c = NULL;
	cleanup(free_bytes) uint8_t *packet = malloc(size + 1);
	struct pgp_subkey s = { .packet = packet, .packet_len = size };
	struct pubkey k;
	struct err err = { 0 };

	CHECK(packet != NULL && crypt_open(&c, NULL) == 0);
	if (size > 0)
		memcpy(packet, data, size);

	int rc = pubkey_parse(packet, size, &k, &err);

	CHECK(rc >= 0 || err.kind == ERR_PERM);
	if (rc <= 0)
		return 0;
	check_inside(k.rsa.modulus, k.rsa.modulus_len, packet, size);
	check_inside(k.rsa.exponent, k.rsa.exponent_len, packet, size);
	check_inside(k.point, k.point_len, packet, size);
	s.version = packet[0];
	s.algorithm = packet[5];
	CHECK(pgp_fingerprint(c, packet, size, s.fingerprint,
		  &s.fingerprint_len, NULL) == 0);
	CHECK(pgp_subkey_check(c, &s, NULL) == 0);
	put(c, &s, &k);
	return 0;
}
