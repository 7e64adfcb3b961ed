/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/fingerprint.h"

#include "openpgp/testing.h"

/* As GnuPG prints it, and A.3 of RFC 9580. */
static const struct {
	const char *packet;
	const char *fingerprint;
} cases[] = {
	{ "046b00d954120a2b0601040197550105010107403a6236378aff92da464891fd"
	  "e18d77fccf86e1655c0d97bbe18564207bd3600603010807",
	    "248b7d5f2e9892933436ae3377eb63f207071d1c" },
	{ "0663877fe319000000208693248367f9e5015db922f8f48095dda784987f2d59"
	  "85b12fbad16caf5e4435",
	    "12c83f1e706f6308fe151a417743a1f033790e93e9978488d1db378da993088"
	    "5" },
};

static void
test_known(void **state)
{
	for (size_t i = 0; i < countof(cases); i++) {
		uint8_t packet[128], want[PGP_FINGERPRINT_MAX];
		uint8_t got[PGP_FINGERPRINT_MAX];
		size_t n = from_hex(cases[i].packet, packet, sizeof packet);
		size_t want_len =
		    from_hex(cases[i].fingerprint, want, sizeof want);
		size_t len = 0;

		assert_int_equal(
		    pgp_fingerprint(*state, packet, n, got, &len, NULL), 0);
		assert_int_equal(len, want_len);
		assert_memory_equal(got, want, len);
	}
}

/* The three versions hash with a mark of their own. */
static void
test_versions(void **state)
{
	uint8_t packet[16] = { 0 }, hashed[16 + 5], want[HASH_LEN_MAX];
	uint8_t got[PGP_FINGERPRINT_MAX];
	struct err err;
	size_t len;

	for (unsigned version = 0; version < 256; version++) {
		size_t head = version == 4 ? 3 : 5;

		packet[0] = (uint8_t)version;
		if (version < 4 || version > 6) {
			assert_int_equal(pgp_fingerprint(*state, packet, 16,
					     got, &len, &err),
			    -1);
			assert_int_equal(err.kind, ERR_PERM);
			continue;
		}
		memset(hashed, 0, sizeof hashed);
		hashed[0] = (const uint8_t[]){ 0x99, 0x9a, 0x9b }[version - 4];
		hashed[head - 1] = 16;
		memcpy(hashed + head, packet, 16);
		assert_int_equal(
		    hash_of(*state, version == 4 ? HASH_SHA1 : HASH_SHA256,
			hashed, head + 16, want, NULL),
		    0);
		assert_int_equal(
		    pgp_fingerprint(*state, packet, 16, got, &len, NULL), 0);
		assert_int_equal(len, version == 4 ? 20 : 32);
		assert_memory_equal(got, want, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
