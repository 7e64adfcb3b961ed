/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Makes certificates that the gpg of the day cannot make, with OpenSSL as the
 * signer: layer-exception (H22), for production code only verifies.
 */

#include "openpgp/selfsig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "openpgp/packet.h"
#include "openpgp/vet.h"

enum { NOW = 1800000000, DAY = 86400, MADE = NOW - 100 * DAY };
enum { EDDSA_LEGACY = 22, ED25519 = 27, SHA512 = 10 };

struct maker {
	uint8_t version;   /* of keys and signatures */
	uint8_t algorithm; /* of the primary */
	EVP_PKEY *signer;
	EVP_PKEY *stranger;
	struct buf primary; /* its body */
	struct buf subkey;  /* the last one's */
	uint8_t subkeys;
	struct buf user_id;
	uint8_t fingerprint[32];
	struct buf out;
};

static void
put(struct buf *b, const void *data, size_t n)
{
	assert_int_equal(buf_put(b, data, n, NULL), 0);
}

static void
put_number(struct buf *b, uint64_t value, size_t width)
{
	while (width-- > 0) {
		uint8_t c = (uint8_t)(value >> (8 * width) & 0xff);

		put(b, &c, 1);
	}
}

static void
put_packet(struct buf *b, unsigned tag, const struct buf *body)
{
	put_number(b, 0xc0 | tag, 1);
	put_number(b, 0xff, 1);
	put_number(b, body->len, 4);
	put(b, body->data, body->len);
}

static void
put_mpi(struct buf *b, const uint8_t *p, size_t n)
{
	struct octets mpi = { p, n };

	while (mpi.n > 0 && mpi.p[0] == 0) {
		mpi.p++;
		mpi.n--;
	}
	put_number(b, mpi_bits(&mpi), 2);
	put(b, mpi.p, mpi.n);
}

static void
put_key_hash(struct buf *b, uint8_t version, const struct buf *body)
{
	put_number(b, version == 6 ? 0x9b : 0x99, 1);
	put_number(b, body->len, version == 6 ? 4 : 2);
	put(b, body->data, body->len);
}

static void
put_key_body(struct buf *b, const struct maker *m, uint8_t algorithm,
    int64_t created, const struct buf *material)
{
	b->len = 0;
	put_number(b, m->version, 1);
	put_number(b, (uint64_t)created, 4);
	put_number(b, algorithm, 1);
	if (m->version == 6)
		put_number(b, material->len, 4);
	put(b, material->data, material->len);
}

static void
free_maker(struct maker *m)
{
	EVP_PKEY_free(m->signer);
	EVP_PKEY_free(m->stranger);
	buf_reset(&m->primary);
	buf_reset(&m->subkey);
	buf_reset(&m->user_id);
	buf_reset(&m->out);
}

static void
init_maker(struct maker *m, uint8_t version, uint8_t algorithm)
{
	static const uint8_t oid[] = { 9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda,
		0x47, 0x0f, 0x01 };
	uint8_t public[1 + 32] = { 0x40 };
	size_t len = 32;
	struct buf material = { .limit = 1000 };

	*m = (struct maker){ .version = version,
		.algorithm = algorithm,
		.primary = { .limit = 1000 },
		.subkey = { .limit = 1000 },
		.user_id = { .limit = 1000 },
		.out = { .limit = 100000 } };
	m->signer = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	m->stranger = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(m->signer);
	assert_non_null(m->stranger);
	assert_int_equal(
	    EVP_PKEY_get_raw_public_key(m->signer, public + 1, &len), 1);
	if (algorithm == EDDSA_LEGACY) {
		put(&material, oid, sizeof oid);
		put_mpi(&material, public, sizeof public);
	} else {
		put(&material, public + 1, 32);
	}
	put_key_body(&m->primary, m, algorithm, MADE, &material);
	put_packet(&m->out, PGP_TAG_PUBLIC_KEY, &m->primary);
	material.len = 0;
	put_key_hash(&material, version, &m->primary);
	assert_int_equal(
	    EVP_Digest(material.data, material.len, m->fingerprint, NULL,
		version == 6 ? EVP_sha256() : EVP_sha1(), NULL),
	    1);
	buf_reset(&material);
}

static void
add_user_id(struct maker *m, const char *text)
{
	m->user_id.len = 0;
	put(&m->user_id, text, strlen(text));
	put_packet(&m->out, PGP_TAG_USER_ID, &m->user_id);
}

static void
add_subkey(struct maker *m, uint8_t algorithm, size_t octets)
{
	uint8_t public[64];
	struct buf material = { .limit = 1000 };

	memset(public, ++m->subkeys, sizeof public);
	put(&material, public, octets);
	put_key_body(&m->subkey, m, algorithm, MADE, &material);
	put_packet(&m->out, PGP_TAG_PUBLIC_SUBKEY, &m->subkey);
	buf_reset(&material);
}

/* What a signature says; 0 leaves a subpacket out. */
struct says {
	uint8_t type;
	int64_t created;
	uint8_t flags;
	uint8_t features;
	uint32_t key_expires;
	uint32_t expires;
	uint8_t critical; /* an unknown critical subpacket of this type */
	bool broken;      /* one of its bits is flipped */
	bool stranger;    /* made by another key in the primary's name */
	bool in_unhashed; /* flags and features are not in the hashed area */
};

static void
put_subpacket(struct buf *b, uint8_t type, uint64_t value, size_t width)
{
	put_number(b, 1 + width, 1);
	put_number(b, type, 1);
	put_number(b, value, width);
}

static void
put_promises(struct buf *b, const struct says *s)
{
	if (s->flags != 0)
		put_subpacket(b, 27, s->flags, 1);
	if (s->features != 0)
		put_subpacket(b, 30, s->features, 1);
	if (s->key_expires != 0)
		put_subpacket(b, 9, s->key_expires, 4);
}

/* What is signed, up to the signature's own fields. */
static void
put_target(struct buf *b, const struct maker *m, uint8_t type)
{
	put_key_hash(b, m->version, &m->primary);
	if (type == 0x18 || type == 0x28)
		put_key_hash(b, m->version, &m->subkey);
	if ((type >= 0x10 && type <= 0x13) || type == 0x30) {
		put_number(b, 0xb4, 1);
		put_number(b, m->user_id.len, 4);
		put(b, m->user_id.data, m->user_id.len);
	}
}

static void
put_issuer(struct buf *b, const struct maker *m)
{
	size_t len = m->version == 6 ? 32 : 20;

	put_number(b, 2 + len, 1);
	put_number(b, 33, 1);
	put_number(b, m->version, 1);
	put(b, m->fingerprint, len);
}

static void
put_signature_value(struct buf *b, const struct maker *m, const uint8_t *sig)
{
	if (m->algorithm == EDDSA_LEGACY) {
		put_mpi(b, sig, 32);
		put_mpi(b, sig + 32, 32);
	} else {
		put(b, sig, 64);
	}
}

static void
sign(EVP_PKEY *signer, const struct buf *signed_data, uint8_t digest[64],
    uint8_t sig[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = 64;

	assert_int_equal(EVP_Digest(signed_data->data, signed_data->len, digest,
			     NULL, EVP_sha512(), NULL),
	    1);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, digest, 64), 1);
	EVP_MD_CTX_free(ctx);
}

static void
add_signature(struct maker *m, const struct says *s)
{
	size_t width = m->version == 6 ? 4 : 2;
	uint8_t digest[64];
	uint8_t sig[64];
	struct buf hashed = { .limit = 1000 };
	struct buf unhashed = { .limit = 1000 };
	struct buf body = { .limit = 1000 };
	struct buf data = { .limit = 10000 };
	static const uint8_t salt[32] = { 1, 2, 3 };

	put_subpacket(&hashed, 2, (uint64_t)s->created, 4);
	if (m->version == 4) { /* gpg knows its own by this alone */
		put_number(&unhashed, 9, 1);
		put_number(&unhashed, 16, 1);
		put(&unhashed, m->fingerprint + 12, 8);
	}
	put_issuer(&hashed, m);
	put_promises(s->in_unhashed ? &unhashed : &hashed, s);
	if (s->expires != 0)
		put_subpacket(&hashed, 3, s->expires, 4);
	if (s->critical != 0)
		put_subpacket(&hashed, 0x80 | s->critical, 1, 1);
	put_number(&body, m->version, 1);
	put_number(&body, s->type, 1);
	put_number(&body, m->algorithm, 1);
	put_number(&body, SHA512, 1);
	put_number(&body, hashed.len, width);
	put(&body, hashed.data, hashed.len);
	if (m->version == 6)
		put(&data, salt, sizeof salt);
	put_target(&data, m, s->type);

	size_t trailed = body.len;

	put(&data, body.data, body.len);
	put_number(&data, m->version, 1);
	put_number(&data, 0xff, 1);
	put_number(&data, trailed, 4);
	sign(s->stranger ? m->stranger : m->signer, &data, digest, sig);
	put_number(&body, unhashed.len, width);
	put(&body, unhashed.data, unhashed.len);
	put(&body, digest, 2);
	if (m->version == 6) {
		put_number(&body, sizeof salt, 1);
		put(&body, salt, sizeof salt);
	}
	if (s->broken)
		sig[40] ^= 1;
	put_signature_value(&body, m, sig);
	put_packet(&m->out, PGP_TAG_SIGNATURE, &body);
	buf_reset(&hashed);
	buf_reset(&unhashed);
	buf_reset(&body);
	buf_reset(&data);
}

enum step_kind { END, USER_ID, SUBKEY, SIGNATURE };

struct step {
	enum step_kind kind;
	struct says says;
};

#define UID                     \
	{                       \
		.kind = USER_ID \
	}
#define SUB                    \
	{                      \
		.kind = SUBKEY \
	}
#define SIG(...)                                           \
	{                                                  \
		.kind = SIGNATURE, .says = { __VA_ARGS__ } \
	}
/* The usual ones. */
#define CERTIFIED SIG(.type = 0x13, .created = MADE, .flags = 3)
#define DIRECT    SIG(.type = 0x1f, .created = MADE, .flags = 3)
#define BOUND     SIG(.type = 0x18, .created = MADE, .flags = 12)

enum { MAX_STEPS = 10 };

struct vet_case {
	const char *name;
	struct step steps[MAX_STEPS];
	size_t subkeys;
	bool revoked; /* the newest subkey */
	int64_t expires;
	bool seipd2;
	bool refused;   /* the whole certificate */
	bool ours_only; /* gpg judges in another way, as well */
};

/* Of version 4, by a primary key that gpg knows. */
static const struct vet_case v4_cases[] = {
	{ "good", { UID, CERTIFIED, SUB, BOUND }, .subkeys = 1 },
	{ "good, direct-key signature too",
	    { DIRECT, UID, CERTIFIED, SUB, BOUND }, .subkeys = 1 },
	{ "two subkeys", { UID, CERTIFIED, SUB, BOUND, SUB, BOUND },
	    .subkeys = 2 },
	{ "no binding", { UID, CERTIFIED, SUB }, .subkeys = 0 },
	{ "broken binding",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .broken = true) },
	    .subkeys = 0 },
	{ "a stranger's binding",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .stranger = true) },
	    .subkeys = 0 },
	{ "a stranger's binding beside the real one",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE + DAY, .flags = 12,
		    .key_expires = DAY, .stranger = true),
		BOUND },
	    .subkeys = 1 },
	{ "a certification is no binding",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x13, .created = MADE, .flags = 12) },
	    .subkeys = 0 },
	{ "only to sign",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 2) },
	    .subkeys = 0 },
	{ "no flags",
	    { UID, CERTIFIED, SUB, SIG(.type = 0x18, .created = MADE) },
	    .subkeys = 0 },
	{ "flags that are not signed",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .in_unhashed = true) },
	    .subkeys = 0 },
	{ "storage alone",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 8) },
	    .subkeys = 1 },
	{ "older than its key",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE - 1, .flags = 12) },
	    .subkeys = 0 },
	{ "an unknown critical subpacket",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .critical = 60) },
	    .subkeys = 0 },
	{ "subkey expires",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .key_expires = 200 * DAY) },
	    .subkeys = 1, .expires = MADE + 200 * DAY },
	{ "primary expires first",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .flags = 3,
		    .key_expires = 150 * DAY),
		SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .key_expires = 200 * DAY) },
	    .subkeys = 1, .expires = MADE + 150 * DAY },
	{ "the newest binding rules",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE + DAY, .flags = 12,
		    .key_expires = 300 * DAY),
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .key_expires = 200 * DAY) },
	    .subkeys = 1, .expires = MADE + 300 * DAY },
	{ "the newest binding takes the right away",
	    { UID, CERTIFIED, SUB, BOUND,
		SIG(.type = 0x18, .created = MADE + DAY, .flags = 2) },
	    .subkeys = 0 },
	{ "two of the same second: what is less",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .key_expires = 200 * DAY),
		SIG(.type = 0x18, .created = MADE, .flags = 12) },
	    .subkeys = 1, .ours_only = true, .expires = MADE + 200 * DAY },
	{ "subkey revoked",
	    { UID, CERTIFIED, SUB, BOUND,
		SIG(.type = 0x28, .created = MADE + DAY) },
	    .subkeys = 1, .revoked = true },
	{ "revoked, then bound anew",
	    { UID, CERTIFIED, SUB, SIG(.type = 0x28, .created = MADE + DAY),
		SIG(.type = 0x18, .created = MADE + 2 * DAY, .flags = 12) },
	    .subkeys = 1, .revoked = true },
	{ "a stranger's revocation",
	    { UID, CERTIFIED, SUB, BOUND,
		SIG(.type = 0x28, .created = MADE + DAY, .stranger = true) },
	    .subkeys = 1 },
	{ "a revocation with an unknown critical subpacket",
	    { UID, CERTIFIED, SUB, BOUND,
		SIG(.type = 0x28, .created = MADE + DAY, .critical = 60) },
	    .ours_only = true, .subkeys = 1, .revoked = true },
	{ "certificate revoked",
	    { SIG(.type = 0x20, .created = MADE + DAY), UID, CERTIFIED, SUB,
		BOUND },
	    .subkeys = 1, .revoked = true },
	{ "announces SEIPD version 2",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .flags = 3, .features = 9),
		SUB, BOUND },
	    .subkeys = 1, .seipd2 = true },
	{ "announced by the binding alone",
	    { UID, CERTIFIED, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .features = 9) },
	    .subkeys = 1 },
	{ "announces GnuPG's own alone",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .flags = 3, .features = 7),
		SUB, BOUND },
	    .subkeys = 1 },
	{ "announced, but not signed",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .features = 9,
		    .in_unhashed = true),
		SUB, BOUND },
	    .subkeys = 1 },
	{ "announced by a stranger",
	    { UID, CERTIFIED,
		SIG(.type = 0x13, .created = MADE + DAY, .flags = 3,
		    .features = 9, .stranger = true),
		SUB, BOUND },
	    .subkeys = 1 },
	{ "no longer announced",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .flags = 3, .features = 9),
		SIG(.type = 0x13, .created = MADE + DAY, .flags = 3,
		    .features = 1),
		SUB, BOUND },
	    .subkeys = 1 },
	{ "no self-signature", { UID, SUB, BOUND }, .refused = true },
	{ "a stranger's self-signature",
	    { UID,
		SIG(.type = 0x13, .created = MADE, .flags = 3,
		    .stranger = true),
		SUB, BOUND },
	    .refused = true },
	{ "user ID revoked",
	    { UID, CERTIFIED, SIG(.type = 0x30, .created = MADE + DAY), SUB,
		BOUND },
	    .ours_only = true, .refused = true },
};

/* Of version 6; only our own verification knows it. */
static const struct vet_case v6_cases[] = {
	{ "good", { DIRECT, SUB, BOUND }, .subkeys = 1 },
	{ "good, with a user ID", { DIRECT, UID, CERTIFIED, SUB, BOUND },
	    .subkeys = 1 },
	{ "no direct-key signature", { UID, CERTIFIED, SUB, BOUND },
	    .refused = true },
	{ "a broken direct-key signature",
	    { SIG(.type = 0x1f, .created = MADE, .flags = 3, .broken = true),
		UID, CERTIFIED, SUB, BOUND },
	    .refused = true },
	{ "no binding", { DIRECT, SUB }, .subkeys = 0 },
	{ "a stranger's binding",
	    { DIRECT, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .stranger = true) },
	    .subkeys = 0 },
	{ "subkey revoked",
	    { DIRECT, SUB, BOUND, SIG(.type = 0x28, .created = MADE + DAY) },
	    .subkeys = 1, .revoked = true },
	{ "certificate revoked",
	    { DIRECT, SIG(.type = 0x20, .created = MADE + DAY), SUB, BOUND },
	    .subkeys = 1, .revoked = true },
	{ "announces SEIPD version 2",
	    { SIG(.type = 0x1f, .created = MADE, .flags = 3, .features = 9),
		SUB, BOUND },
	    .subkeys = 1, .seipd2 = true },
	{ "announced by a user ID alone",
	    { DIRECT, UID,
		SIG(.type = 0x13, .created = MADE + DAY, .flags = 3,
		    .features = 9),
		SUB, BOUND },
	    .subkeys = 1 },
	{ "the direct-key signature says when it expires",
	    { SIG(.type = 0x1f, .created = MADE, .flags = 3,
		  .key_expires = 150 * DAY),
		UID, CERTIFIED, SUB, BOUND },
	    .subkeys = 1, .expires = MADE + 150 * DAY },
	{ "a signature that itself expires",
	    { DIRECT, SUB,
		SIG(.type = 0x18, .created = MADE, .flags = 12,
		    .expires = 170 * DAY) },
	    .subkeys = 1, .expires = MADE + 170 * DAY },
};

static void
make(struct maker *m, uint8_t version, uint8_t algorithm,
    const struct vet_case *c)
{
	init_maker(m, version, algorithm);
	for (size_t i = 0; i < MAX_STEPS; i++) {
		const struct step *s = &c->steps[i];

		switch (s->kind) {
		case END:
			return;
		case USER_ID:
			add_user_id(m, "Ann <ann@example.org>");
			break;
		case SUBKEY:
			add_subkey(m, PGP_X25519, 32);
			break;
		case SIGNATURE:
			add_signature(m, &s->says);
			break;
		}
	}
}

static void
check(const char *by, const struct vet_case *c, int rc,
    const struct pgp_cert *got, const struct err *err)
{
	if ((rc < 0) != c->refused)
		fail_msg("%s, %s: %s", by, c->name,
		    rc < 0 ? err->text : "was taken");
	if (rc < 0) {
		if (err->kind != ERR_PERM)
			fail_msg("%s, %s: kind %d", by, c->name, err->kind);
		return;
	}
	if (got->subkey_count != c->subkeys)
		fail_msg("%s, %s: %zu subkeys", by, c->name, got->subkey_count);
	if (c->subkeys > 0 && (got->subkeys[0].revoked != c->revoked ||
				  got->subkeys[0].expires != c->expires ||
				  got->subkeys[0].seipd2 != c->seipd2))
		fail_msg("%s, %s: revoked %d, expires %lld, seipd2 %d", by,
		    c->name, got->subkeys[0].revoked,
		    (long long)got->subkeys[0].expires, got->subkeys[0].seipd2);
}

static void
run_by_ourselves(const char *by, const struct crypt *crypt,
    const struct maker *m, const struct vet_case *c)
{
	struct keyblock *kb = NULL;
	struct pgp_cert *got = pgp_cert_new();
	struct err err = { 0 };

	assert_non_null(got);
	assert_int_equal(keyblock_read(m->out.data, m->out.len, &kb, &err), 0);

	int rc = selfsig_vet(crypt, kb, got, &err);

	check(by, c, rc, got, &err);
	keyblock_free(&kb);
	pgp_cert_free(&got);
}

static void
run_whole(const char *by, const struct maker *m, const struct vet_case *c)
{
	struct pgp_cert *got = NULL;
	struct err err = { 0 };
	int rc = pgp_vet_again(m->out.data, m->out.len, NOW, &got, &err);

	check(by, c, rc, got, &err);
	pgp_cert_free(&got);
}

static void
run_cases(const char *by, uint8_t version, uint8_t algorithm,
    const struct vet_case *cases, size_t count)
{
	struct crypt *crypt = NULL;
	struct err err;

	assert_int_equal(crypt_open(&crypt, &err), 0);
	for (size_t i = 0; i < count; i++) {
		struct maker m;

		make(&m, version, algorithm, &cases[i]);
		run_by_ourselves(by, crypt, &m, &cases[i]);
		if (!cases[i].ours_only)
			run_whole(by, &m, &cases[i]);
		free_maker(&m);
	}
	crypt_close(&crypt);
}

static void
test_known_to_gpg(void **state)
{
	(void)state;
	run_cases("EdDSA", 4, EDDSA_LEGACY, v4_cases, countof(v4_cases));
}

static void
test_primary_unknown_to_gpg(void **state)
{
	(void)state;
	run_cases("Ed25519", 4, ED25519, v4_cases, countof(v4_cases));
}

static void
test_version_6(void **state)
{
	(void)state;
	run_cases("version 6", 6, ED25519, v6_cases, countof(v6_cases));
}

/* RFC 9580, appendix A.3. */
static const char sample[] =
    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    "\n"
    "xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf\n"
    "GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy\n"
    "KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw\n"
    "gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE\n"
    "QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn\n"
    "+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh\n"
    "BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8\n"
    "j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805\n"
    "I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==\n"
    "-----END PGP PUBLIC KEY BLOCK-----\n";

static void
test_sample(void **state)
{
	struct pgp_cert *c = NULL;
	char warning[ERR_TEXT_SIZE];
	char hex[PGP_FINGERPRINT_HEX_SIZE];
	struct err err;

	(void)state;
	if (pgp_vet((const uint8_t *)sample, strlen(sample), "ann@example.org",
		NOW, &c, warning, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(
	    pgp_fingerprint_hex(c->fingerprint, c->fingerprint_len, hex),
	    "CB186C4F0609A697E4D52DFA6C722B0C"
	    "1F1E27C18A56708F6525EC27BAD9ACC9");
	assert_int_equal(c->created, 0x63877fe3);
	assert_int_equal(c->subkey_count, 1);
	assert_string_equal(pgp_fingerprint_hex(c->subkeys[0].fingerprint,
				c->subkeys[0].fingerprint_len, hex),
	    "12C83F1E706F6308FE151A417743A1F0"
	    "33790E93E9978488D1DB378DA9930885");
	assert_int_equal(c->subkeys[0].algorithm, PGP_X25519);
	assert_int_equal(c->subkeys[0].version, 6);
	assert_true(c->subkeys[0].seipd2);
	assert_non_null(strstr(warning, "no user ID"));
	pgp_cert_free(&c);
}

/* How many subkeys a damaged certificate still has; all must be of `whole`. */
static size_t
vet_damaged(const struct crypt *crypt, const uint8_t *data, size_t n,
    const struct pgp_cert *whole)
{
	struct keyblock *kb = NULL;
	struct pgp_cert *got = pgp_cert_new();
	struct err err = { 0 };
	size_t count = 0;

	assert_non_null(got);
	if (keyblock_read(data, n, &kb, &err) < 0 ||
	    selfsig_vet(crypt, kb, got, &err) < 0)
		assert_int_equal(err.kind, ERR_PERM);
	else
		count = got->subkey_count;
	for (size_t i = 0; i < count; i++) {
		bool found = false;

		for (size_t j = 0; j < whole->subkey_count; j++)
			found =
			    found || (got->subkeys[i].packet_len ==
					     whole->subkeys[j].packet_len &&
					 memcmp(got->subkeys[i].packet,
					     whole->subkeys[j].packet,
					     got->subkeys[i].packet_len) == 0);
		assert_true(found);
	}
	keyblock_free(&kb);
	pgp_cert_free(&got);
	return count;
}

enum { FLIPS = 2000 };

static void
damage(uint8_t version, uint8_t algorithm, const struct vet_case *c)
{
	struct crypt *crypt = NULL;
	struct maker m;
	struct keyblock *kb = NULL;
	struct pgp_cert *whole = pgp_cert_new();
	struct err err;
	uint32_t random = 1;

	assert_int_equal(crypt_open(&crypt, &err), 0);
	make(&m, version, algorithm, c);
	assert_int_equal(keyblock_read(m.out.data, m.out.len, &kb, &err), 0);
	assert_int_equal(selfsig_vet(crypt, kb, whole, &err), 0);
	for (size_t n = 0; n < m.out.len; n++)
		assert_true(vet_damaged(crypt, m.out.data, n, whole) <
			    whole->subkey_count);
	for (size_t i = 0; i < FLIPS; i++) {
		random = random * 1664525 + 1013904223;

		size_t at = (random >> 8) % m.out.len;
		uint8_t flip = (uint8_t)(1U << (i % 8));

		m.out.data[at] ^= flip;
		(void)vet_damaged(crypt, m.out.data, m.out.len, whole);
		m.out.data[at] ^= flip;
	}
	keyblock_free(&kb);
	pgp_cert_free(&whole);
	free_maker(&m);
	crypt_close(&crypt);
}

static void
test_damage(void **state)
{
	static const struct vet_case two = { .name = "two subkeys",
		.steps = { DIRECT, UID, CERTIFIED, SUB, BOUND, SUB, BOUND } };

	(void)state;
	damage(4, EDDSA_LEGACY, &two);
	damage(4, ED25519, &two);
	damage(6, ED25519, &two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_to_gpg),
		cmocka_unit_test(test_primary_unknown_to_gpg),
		cmocka_unit_test(test_version_6),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
