/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

enum { NOW = 1000000, MAX_SUBKEYS = 3, MAX_CERTS = 3 };

struct subkey_case {
	int64_t created;
	int64_t expires;
	bool revoked;
};

struct cert_case {
	int64_t created;
	int64_t expires;
	bool revoked;
	size_t subkey_count;
	struct subkey_case subkeys[MAX_SUBKEYS];
};

/* cert and subkey are the expected indices; -1 where none is usable. */
struct usable_case {
	const char *name;
	size_t cert_count;
	struct cert_case certs[MAX_CERTS];
	int cert;
	int subkey;
	enum pgp_unusable why;
};

static const struct usable_case usable_cases[] = {
	{ "no certificate", 0, { { 0 } }, -1, -1, PGP_NO_CERTIFICATE },
	{ "one good", 1, { { 10, 0, false, 1, { { 10, 0, false } } } }, 0, 0,
	    PGP_USABLE },
	{ "no subkey", 1, { { 10, 0, false, 0, { { 0 } } } }, -1, -1,
	    PGP_NO_ENCRYPTION_SUBKEY },
	{ "expires next second", 1,
	    { { 10, 0, false, 1, { { 10, NOW + 1, false } } } }, 0, 0,
	    PGP_USABLE },
	{ "expires this second", 1,
	    { { 10, 0, false, 1, { { 10, NOW, false } } } }, -1, -1,
	    PGP_EXPIRED },
	{ "expired long ago", 1, { { 10, 0, false, 1, { { 10, 20, false } } } },
	    -1, -1, PGP_EXPIRED },
	{ "certificate expired, subkey not", 1,
	    { { 10, NOW - 1, false, 1, { { 10, 0, false } } } }, -1, -1,
	    PGP_EXPIRED },
	{ "revoked subkey", 1, { { 10, 0, false, 1, { { 10, 0, true } } } }, -1,
	    -1, PGP_REVOKED },
	{ "revoked certificate", 1,
	    { { 10, 0, true, 1, { { 10, 0, false } } } }, -1, -1, PGP_REVOKED },
	{ "revoked and expired", 1,
	    { { 10, 20, true, 1, { { 10, 20, true } } } }, -1, -1,
	    PGP_REVOKED },
	{ "from within the lag", 1,
	    { { NOW + 600, 0, false, 1, { { NOW + 600, 0, false } } } }, 0, 0,
	    PGP_USABLE },
	{ "from beyond the lag", 1,
	    { { NOW + 601, 0, false, 1, { { NOW + 601, 0, false } } } }, -1, -1,
	    PGP_NOT_YET_VALID },
	{ "subkey from the future", 1,
	    { { 10, 0, false, 1, { { NOW + 9999, 0, false } } } }, -1, -1,
	    PGP_NOT_YET_VALID },
	{ "newest of two", 1,
	    { { 10, 0, false, 2, { { 30, 0, false }, { 20, 0, false } } } }, 0,
	    0, PGP_USABLE },
	{ "newest of two, in the other order", 1,
	    { { 10, 0, false, 2, { { 20, 0, false }, { 30, 0, false } } } }, 0,
	    1, PGP_USABLE },
	{ "newest subkey revoked", 1,
	    { { 10, 0, false, 2, { { 30, 0, true }, { 20, 0, false } } } }, 0,
	    1, PGP_USABLE },
	{ "newest subkey from the future", 1,
	    { { 10, 0, false, 2,
		{ { NOW * 2, 0, false }, { 20, 0, false } } } },
	    0, 1, PGP_USABLE },
	{ "middle of three", 1,
	    { { 10, 0, false, 3,
		{ { 40, 50, false }, { 30, 0, false }, { 20, 0, false } } } },
	    0, 1, PGP_USABLE },
	{ "all unusable: the newest subkey says why", 1,
	    { { 10, 0, false, 2, { { 30, 40, false }, { 20, 0, true } } } }, -1,
	    -1, PGP_EXPIRED },
	{ "newest certificate wins", 2,
	    { { 20, 0, false, 1, { { 20, 0, false } } },
		{ 10, 0, false, 1, { { 90, 0, false } } } },
	    0, 0, PGP_USABLE },
	{ "newest certificate unusable, older taken", 2,
	    { { 20, 0, true, 1, { { 20, 0, false } } },
		{ 10, 0, false, 1, { { 10, 0, false } } } },
	    1, 0, PGP_USABLE },
	{ "only the oldest of three", 3,
	    { { 30, 0, true, 1, { { 30, 0, false } } },
		{ 20, 0, false, 0, { { 0 } } },
		{ 10, 0, false, 2, { { 15, 16, false }, { 10, 0, false } } } },
	    2, 1, PGP_USABLE },
	{ "none of two: the newest says why", 2,
	    { { 20, 0, false, 1, { { 20, 30, false } } },
		{ 10, 0, true, 1, { { 10, 0, false } } } },
	    -1, -1, PGP_EXPIRED },
	{ "times at the ends of the range", 1,
	    { { INT64_MIN, INT64_MAX, false, 1,
		{ { INT64_MIN, INT64_MAX, false } } } },
	    0, 0, PGP_USABLE },
	{ "created at the end of time", 1,
	    { { 10, 0, false, 1, { { INT64_MAX, 0, false } } } }, -1, -1,
	    PGP_NOT_YET_VALID },
};

struct usable_fixture {
	struct pgp_cert certs[MAX_CERTS];
	struct pgp_subkey subkeys[MAX_CERTS][MAX_SUBKEYS];
	struct pgp_cert *list[MAX_CERTS];
};

static void
fill(struct usable_fixture *f, const struct usable_case *c)
{
	for (size_t i = 0; i < c->cert_count; i++) {
		const struct cert_case *from = &c->certs[i];

		f->list[i] = &f->certs[i];
		f->certs[i] = (struct pgp_cert){ .created = from->created,
			.expires = from->expires,
			.revoked = from->revoked,
			.subkeys = f->subkeys[i],
			.subkey_count = from->subkey_count };
		for (size_t k = 0; k < from->subkey_count; k++)
			f->subkeys[i][k] =
			    (struct pgp_subkey){ .created =
						     from->subkeys[k].created,
				    .expires = from->subkeys[k].expires,
				    .revoked = from->subkeys[k].revoked };
	}
}

static void
test_usable_subkey(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(usable_cases); i++) {
		const struct usable_case *c = &usable_cases[i];
		struct usable_fixture f = { 0 };
		const struct pgp_cert *cert = &f.certs[0];
		enum pgp_unusable why = PGP_NO_CERTIFICATE;

		fill(&f, c);

		const struct pgp_subkey *got =
		    pgp_usable_subkey(f.list, c->cert_count, NOW, &cert, &why);
		const struct pgp_cert *want_cert =
		    c->cert < 0 ? NULL : &f.certs[c->cert];
		const struct pgp_subkey *want =
		    c->cert < 0 ? NULL : &f.subkeys[c->cert][c->subkey];

		if (got != want || cert != want_cert || why != c->why)
			fail_msg("%s: cert %s, subkey %s, why %s, not %s",
			    c->name, cert == want_cert ? "right" : "wrong",
			    got == want ? "right" : "wrong",
			    pgp_unusable_text(why), pgp_unusable_text(c->why));
	}
}

static void
test_fingerprint_hex(void **state)
{
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	char out[PGP_FINGERPRINT_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof fingerprint; i++)
		fingerprint[i] = (uint8_t)(i * 17);
	assert_string_equal(pgp_fingerprint_hex(fingerprint, 0, out), "");
	assert_string_equal(pgp_fingerprint_hex(fingerprint, 20, out),
	    "00112233445566778899AABBCCDDEEFF10213243");
	assert_string_equal(pgp_fingerprint_hex(fingerprint, 32, out),
	    "00112233445566778899AABBCCDDEEFF"
	    "102132435465768798A9BACBDCEDFE0F");
}

static void
test_key_id(void **state)
{
	uint8_t fingerprint[PGP_FINGERPRINT_MAX];
	uint8_t out[8];

	(void)state;
	for (size_t i = 0; i < sizeof fingerprint; i++)
		fingerprint[i] = (uint8_t)i;
	pgp_key_id(fingerprint, 20, out);
	assert_memory_equal(out, fingerprint + 12, 8);
	pgp_key_id(fingerprint, 32, out);
	assert_memory_equal(out, fingerprint, 8);
}

static void
test_free_half_built(void **state)
{
	struct pgp_cert *none = NULL;
	struct pgp_cert *empty = pgp_cert_new();
	struct pgp_cert *half = pgp_cert_new();

	(void)state;
	assert_non_null(empty);
	assert_non_null(half);
	half->subkey_count = 3; /* counted, but never allocated */
	half->user_ids = strdup("Ann");
	pgp_cert_free(&none);
	pgp_cert_free(&empty);
	pgp_cert_free(&half);
	assert_null(empty);
	assert_null(half);
}

static void
test_add_subkey(void **state)
{
	static const int64_t created[] = { 20, 40, 10, 30 };
	struct pgp_cert *c = pgp_cert_new();
	struct err err;

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < countof(created); i++) {
		uint8_t packet = (uint8_t)created[i];
		const struct pgp_subkey k = { .created = created[i],
			.packet = &packet,
			.packet_len = 1 };

		assert_int_equal(pgp_cert_add_subkey(c, &k, &err), 0);
	}
	assert_int_equal(c->subkey_count, countof(created));
	for (size_t i = 0; i < c->subkey_count; i++) {
		assert_int_equal(c->subkeys[i].created, 40 - 10 * (int)i);
		assert_int_equal(c->subkeys[i].packet[0], 40 - 10 * (int)i);
	}
	while (c->subkey_count < LIMIT_SUBKEYS) {
		const struct pgp_subkey k = { .created = 1 };

		assert_int_equal(pgp_cert_add_subkey(c, &k, &err), 0);
	}

	const struct pgp_subkey k = { .created = 1 };

	assert_int_equal(pgp_cert_add_subkey(c, &k, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(c->subkey_count, LIMIT_SUBKEYS);
	pgp_cert_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usable_subkey),
		cmocka_unit_test(test_fingerprint_hex),
		cmocka_unit_test(test_key_id),
		cmocka_unit_test(test_add_subkey),
		cmocka_unit_test(test_free_half_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
