/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/vet.h"

#include "openpgp/gpg_testing.h"

#include <dirent.h>
#include <time.h>

#include "base/limits.h"
#include "openpgp/packet.h"
#include "openpgp/selfsig.h"

enum { DAY = 86400, FLIPS = 100 };

#define ADDRESS "ann@example.org"
#define ANN     "'Ann <ann@example.org>'"
#define FPR \
	"$($g --list-keys --with-colons | awk -F: '/^fpr/{print $10; exit}')"
#define ADD "$g --quick-add-key " FPR " "
#define GEN "$g --quick-gen-key " ANN " "

static struct pgp_cert *
vet_ok(const char *name, const struct buf *b, const char *address,
    char warning[ERR_TEXT_SIZE])
{
	struct pgp_cert *c = NULL;
	struct err err = { 0 };

	if (pgp_vet(b->data, b->len, address, time(NULL), &c, warning, &err) <
	    0)
		fail_msg("%s: %s", name, err.text);
	assert_non_null(c);
	assert_true(c->data_len > 0);
	return c;
}

/* What the certificate is, as made by a command in a fresh GNUPGHOME. */
struct good_case {
	const char *name;
	const char *command; /* the certificate on its standard output */
	size_t subkeys;
	uint8_t algorithm; /* of the newest */
	bool expires;
	const char *warning; /* a part of it; "" = there is none */
};

static const struct good_case good_cases[] = {
	{ "Curve25519", GEN "future-default default never; $g --export", 1,
	    PGP_ECDH, false, "" },
	{ "armored", GEN "future-default default never; $g --armor --export", 1,
	    PGP_ECDH, false, "" },
	{ "armored, CRLF, text around",
	    GEN "future-default default never; echo Hello; $g --armor "
		"--export | sed 's/$/\\r/'; echo Bye",
	    1, PGP_ECDH, false, "" },
	{ "expires", GEN "future-default default 1y; $g --export", 1, PGP_ECDH,
	    true, "" },
	{ "subkey alone expires",
	    GEN "ed25519 cert never;" ADD "cv25519 encr 10d; $g --export", 1,
	    PGP_ECDH, true, "" },
	{ "RSA",
	    GEN "rsa2048 cert never;" ADD "rsa2048 encr never; $g --export", 1,
	    PGP_RSA, false, "" },
	{ "RSA, the primary key encrypts",
	    "printf 'Key-Type: RSA\\nKey-Length: 2048\\nKey-Usage: "
	    "sign,encrypt\\nName-Email: ann@example.org\\n"
	    "%%no-protection\\n' | $g --gen-key; $g --export",
	    1, PGP_RSA, false, "" },
	{ "P-384",
	    GEN "nistp384 cert never;" ADD "nistp384 encr never; $g --export",
	    1, PGP_ECDH, false, "" },
	{ "brainpool",
	    GEN "brainpoolP256r1 cert never;" ADD
		"brainpoolP256r1 encr never; $g --export",
	    1, PGP_ECDH, false, "" },
	{ "two, of which one is weak",
	    GEN "ed25519 cert never;" ADD "rsa1024 encr never;" ADD
		"cv25519 encr never; $g --export",
	    1, PGP_ECDH, false, "" },
	{ "two",
	    GEN "ed25519 cert never;" ADD "cv25519 encr never;" ADD
		"nistp256 encr never; $g --export",
	    2, PGP_ECDH, false, "" },
	{ "one expired, one not",
	    "$g --faked-system-time 20200101T000000 --quick-gen-key " ANN
	    " ed25519 cert never; $g --faked-system-time 20200101T120000 "
	    "--quick-add-key " FPR " cv25519 encr 1y;" ADD
	    "nistp256 encr never; $g --export",
	    2, PGP_ECDH, false, "" },
	{ "address in other case",
	    "$g --quick-gen-key 'Ann <Ann@EXAMPLE.org>' future-default default "
	    "never; $g --export",
	    1, PGP_ECDH, false, "" },
	{ "address alone",
	    "$g --quick-gen-key ann@example.org future-default default never; "
	    "$g "
	    "--export",
	    1, PGP_ECDH, false, "" },
	{ "second user ID names it",
	    "$g --quick-gen-key 'Bob <bob@example.org>' ed25519 cert never;" ADD
	    "cv25519 encr never; $g --quick-add-uid bob@example.org " ANN
	    "; $g --export",
	    1, PGP_ECDH, false, "" },
	{ "someone else's",
	    "$g --quick-gen-key 'Bob <bob@example.org>' future-default default "
	    "never; $g --export",
	    1, PGP_ECDH, false,
	    "names ann@example.org; the first is \"Bob <bob@example.org>\"" },
	{ "the naming user ID is revoked",
	    "$g --quick-gen-key 'Bob <bob@example.org>' ed25519 cert never;" ADD
	    "cv25519 encr never; $g --quick-add-uid bob@example.org " ANN
	    "; $g --quick-revoke-uid bob@example.org " ANN "; $g --export",
	    1, PGP_ECDH, false, "no user ID" },
	{ "the naming user ID is not signed",
	    "$g --quick-gen-key 'Bob <bob@example.org>' ed25519 cert never;" ADD
	    "cv25519 encr; $g --export > a; n=$(gpg --list-packets a | sed -n "
	    "'s/^# off=\\([0-9]*\\) .* tag=14 .*/\\1/p'); head -c $n a; "
	    "printf '\\264\\025Ann <ann@example.org>'; tail -c +$((n + 1)) a",
	    1, PGP_ECDH, false, "no user ID" },
	{ "misleading user ID",
	    "$g --quick-gen-key 'ann@example.org <bob@example.org>' ed25519 "
	    "cert never;" ADD "cv25519 encr never; $g --export",
	    1, PGP_ECDH, false, "no user ID" },
};

/* Is every subkey's packet what its fingerprint says, and in `of`? */
static void
check_subkeys(
    const char *name, const struct pgp_cert *c, const struct pgp_cert *of)
{
	for (size_t i = 0; i < c->subkey_count; i++) {
		const struct pgp_subkey *k = &c->subkeys[i];
		bool found = false;

		for (size_t j = 0; j < of->subkey_count; j++)
			found = found ||
				(k->packet_len == of->subkeys[j].packet_len &&
				    memcmp(k->packet, of->subkeys[j].packet,
					k->packet_len) == 0 &&
				    memcmp(k->fingerprint,
					of->subkeys[j].fingerprint,
					k->fingerprint_len) == 0);
		if (!found)
			fail_msg("%s: a subkey from nowhere", name);
	}
}

static void
check_good(
    const struct good_case *c, const struct pgp_cert *got, const char *warning)
{
	if (got->subkey_count != c->subkeys ||
	    got->subkeys[0].algorithm != c->algorithm ||
	    (got->subkeys[0].expires != 0) != c->expires ||
	    got->subkeys[0].version != 4 || got->subkeys[0].seipd2 ||
	    got->revoked || got->subkeys[0].revoked)
		fail_msg("%s: %zu subkeys, algorithm %d, expires %lld", c->name,
		    got->subkey_count, got->subkeys[0].algorithm,
		    (long long)got->subkeys[0].expires);
	if (c->warning[0] == '\0' ? warning[0] != '\0'
				  : strstr(warning, c->warning) == NULL)
		fail_msg("%s: warning \"%s\"", c->name, warning);
	for (size_t i = 1; i < got->subkey_count; i++)
		assert_true(
		    got->subkeys[i - 1].created >= got->subkeys[i].created);
}

/*
 * The same lines in any order: gpg puts the newest user ID first, and which
 * that is depends on the second in which it was made.
 */
static bool
same_lines(const char *a, const char *b)
{
	for (const char *line = a; *line != '\0';) {
		size_t n = strcspn(line, "\n");
		const char *at = b;

		while (*at != '\0' &&
		       (strcspn(at, "\n") != n || memcmp(at, line, n) != 0)) {
			at += strcspn(at, "\n");
			at += *at == '\n';
		}
		if (*at == '\0')
			return false;
		line += n;
		line += *line == '\n';
	}
	return strlen(a) == strlen(b);
}

/* Our own verification must come to gpg's verdict, but for brainpool. */
static void
check_against_selfsig(const char *name, const struct pgp_cert *by_gpg)
{
	struct crypt *crypt = NULL;
	struct keyblock *kb = NULL;
	struct pgp_cert *own = pgp_cert_new();
	struct err err = { 0 };
	size_t found = 0;

	assert_non_null(own);
	assert_int_equal(crypt_open(&crypt, &err), 0);
	assert_int_equal(
	    keyblock_read(by_gpg->data, by_gpg->data_len, &kb, &err), 0);
	if (selfsig_vet(crypt, kb, own, &err) < 0)
		fail_msg("%s, by ourselves: %s", name, err.text);
	for (size_t i = 0; i < by_gpg->subkey_count; i++)
		for (size_t j = 0; j < own->subkey_count; j++) {
			const struct pgp_subkey *a = &by_gpg->subkeys[i];
			const struct pgp_subkey *b = &own->subkeys[j];

			found +=
			    a->packet_len == b->packet_len &&
			    memcmp(a->packet, b->packet, a->packet_len) == 0 &&
			    a->expires == b->expires &&
			    a->revoked == b->revoked &&
			    a->created == b->created;
		}
	if (found != by_gpg->subkey_count ||
	    !same_lines(own->user_ids, by_gpg->user_ids))
		fail_msg("%s, by ourselves: %zu of %zu, user IDs %s", name,
		    found, by_gpg->subkey_count, own->user_ids);
	keyblock_free(&kb);
	pgp_cert_free(&own);
	crypt_close(&crypt);
}

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct test_gpg g;
		struct buf b = { .limit = TEST_OUTPUT_MAX };
		char warning[ERR_TEXT_SIZE];
		struct pgp_cert *again = NULL;
		struct err err;

		test_gpg_start(&g);
		test_gpg_run(&g, c->command, &b);

		struct pgp_cert *got = vet_ok(c->name, &b, ADDRESS, warning);

		check_good(c, got, warning);
		if (pgp_vet_again(
			got->data, got->data_len, time(NULL), &again, &err) < 0)
			fail_msg("%s, again: %s", c->name, err.text);
		assert_int_equal(again->subkey_count, got->subkey_count);
		check_subkeys(c->name, again, got);
		if (strcmp(c->name, "brainpool") != 0)
			check_against_selfsig(c->name, got);
		pgp_cert_free(&again);
		pgp_cert_free(&got);
		buf_reset(&b);
		test_gpg_stop(&g);
	}
}

struct bad_case {
	const char *name;
	const char *command;
	const char *says;
};

#define REVOKE                                                     \
	"sed 's/^:--/--/' $GNUPGHOME/openpgp-revocs.d/*.rev | $g " \
	"--import;"

static const struct bad_case bad_cases[] = {
	{ "empty", "true", "empty" },
	{ "text", "echo Hello", "no OpenPGP certificate" },
	{ "zeros", "head -c 1000 /dev/zero", "no OpenPGP certificate" },
	{ "binary noise", "printf '\\377\\377\\001\\002\\003'",
	    "no OpenPGP certificate" },
	{ "secret key", GEN "future-default default; $g --export-secret-keys",
	    "secret key: never give it to a server" },
	{ "secret key, armored",
	    GEN "future-default default; $g --armor --export-secret-keys",
	    "secret key: never give it to a server" },
	{ "secret key under a public armor",
	    GEN "future-default default; $g --armor --export-secret-keys | sed "
		"'s/PRIVATE/PUBLIC/'",
	    "secret key" },
	{ "public key, then a secret one",
	    GEN "future-default default; $g --export; $g --export-secret-keys",
	    "secret key" },
	{ "secret subkeys alone",
	    GEN "future-default default; $g --export-secret-subkeys",
	    "secret key" },
	{ "two certificates",
	    GEN
	    "future-default default; $g --quick-gen-key bob@x.org; $g --export",
	    "one certificate at a time" },
	{ "two certificates, armored",
	    GEN
	    "future-default default; $g --quick-gen-key bob@x.org; $g --armor "
	    "--export",
	    "one certificate at a time" },
	{ "the same twice, two armors",
	    GEN
	    "future-default default; $g --armor --export; $g --armor --export",
	    "one certificate at a time" },
	{ "signs only", GEN "ed25519 sign; $g --export", "can only sign" },
	{ "RSA that signs only", GEN "rsa2048 sign; $g --export",
	    "no valid encryption subkey" },
	{ "weak subkey",
	    GEN "ed25519 cert never;" ADD "rsa1024 encr never; $g --export",
	    "too weak: a key of 1024 bits" },
	{ "weak ElGamal",
	    GEN "ed25519 cert never;" ADD "elg1024 encr never; $g --export",
	    "too weak: a key of 1024 bits" },
	{ "weak primary",
	    GEN "rsa1024 cert never;" ADD "cv25519 encr never; $g --export",
	    "too weak: a key of 1024 bits" },
	{ "expired",
	    "$g --faked-system-time 20200101T000000 --quick-gen-key " ANN
	    " future-default default 1y; $g --export",
	    "expired on 2020-12-31" },
	{ "subkey expired",
	    "$g --faked-system-time 20200101T000000 --quick-gen-key " ANN
	    " ed25519 cert never; $g --faked-system-time 20200101T120000 "
	    "--quick-add-key " FPR " cv25519 encr 1y; $g --export",
	    "expired on 2020-12-31" },
	{ "from the future",
	    "$g --faked-system-time 20900101T000000 --quick-gen-key " ANN
	    " future-default default never; $g --export",
	    "not valid before 2090-01-01" },
	{ "revoked", GEN "future-default default;" REVOKE "$g --export",
	    "is revoked" },
	{ "subkey revoked",
	    GEN "ed25519 cert never;" ADD
		"cv25519 encr never; printf 'key 1\\nrevkey\\n"
		"y\\n0\\n\\ny\\nsave\\n' | gpg --quiet --no-tty "
		"--pinentry-mode loopback --passphrase= --command-fd 0 "
		"--edit-key ann@example.org >/dev/null; $g --export",
	    "not revoked" },
	{ "binding of another key",
	    GEN "ed25519 cert never;" ADD
		"cv25519 encr never; $g --export > a; $g "
		"--quick-gen-key bob@x.org ed25519 cert; $g --export "
		"bob@x.org > b; cat b; $g --export ann@example.org | tail -c "
		"+$(($($g --export --export-options export-minimal "
		"ann@example.org | gpg --list-packets | sed -n "
		"'s/^# off=\\([0-9]*\\) .* tag=14 .*/\\1/p') + 1))",
	    "no valid encryption subkey" },
	{ "a message",
	    GEN "future-default default; echo Hi | $g -er ann@example.org",
	    "no place in a certificate" },
	{ "an armored message",
	    GEN
	    "future-default default; echo Hi | $g --armor -er ann@example.org",
	    "does not begin a public key" },
	{ "a signature",
	    GEN "future-default default; echo Hi | $g --detach-sign",
	    "no certificate" },
	{ "armor without its end",
	    GEN "future-default default; $g --armor --export | head -n -1",
	    "cut off" },
	{ "armor with a flipped checksum",
	    GEN "future-default default; $g --armor --export | sed "
		"'s/^=..../=AAAA/'",
	    "checksum" },
	{ "armor with a lost line",
	    GEN "future-default default; $g --armor --export | sed 5d",
	    "checksum" },
	{ "armor with foreign characters",
	    GEN "future-default default; $g --armor --export | sed '5s/^./*/'",
	    "not base64" },
	{ "no self-signature",
	    GEN "future-default default; $g --export > a; gpg --list-packets a "
		"| sed "
		"-n 's/^# off=\\([0-9]*\\) .* tag=2 .*/\\1/p' > at; head -c "
		"$(head -1 at) a",
	    "no user ID with a valid signature" },
	{ "too large", "head -c 3000000 /dev/zero | tr '\\0' '\\231'",
	    "too large" },
	{ "too large, text", "yes Hello | head -c 3000000", "too large" },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_cases); i++) {
		const struct bad_case *c = &bad_cases[i];
		struct test_gpg g;
		struct buf b = { .limit = TEST_OUTPUT_MAX };
		char warning[ERR_TEXT_SIZE];
		struct pgp_cert *got = NULL;
		struct err err = { 0 };

		test_gpg_start(&g);
		test_gpg_run(&g, c->command, &b);
		if (pgp_vet(b.data, b.len, ADDRESS, time(NULL), &got, warning,
			&err) == 0)
			fail_msg("%s: was taken", c->name);
		assert_null(got);
		if (err.kind != ERR_PERM || strstr(err.text, c->says) == NULL)
			fail_msg(
			    "%s: kind %d, \"%s\"", c->name, err.kind, err.text);
		buf_reset(&b);
		test_gpg_stop(&g);
	}
}

/* What was good once is no error when it is looked at again. */
struct again_case {
	const char *name;
	const char *command;
	bool revoked;
	size_t subkeys;
	enum pgp_unusable why;
};

static const struct again_case again_cases[] = {
	{ "expired",
	    "$g --faked-system-time 20200101T000000 --quick-gen-key " ANN
	    " future-default default 1y; $g --export",
	    false, 1, PGP_EXPIRED },
	{ "subkey expired",
	    "$g --faked-system-time 20200101T000000 --quick-gen-key " ANN
	    " ed25519 cert never; $g --faked-system-time 20200101T120000 "
	    "--quick-add-key " FPR " cv25519 encr 1y; $g --export",
	    false, 1, PGP_EXPIRED },
	{ "revoked", GEN "future-default default;" REVOKE "$g --export", true,
	    1, PGP_REVOKED },
	{ "from the future",
	    "$g --faked-system-time 20900101T000000 --quick-gen-key " ANN
	    " future-default default never; $g --export",
	    false, 1, PGP_NOT_YET_VALID },
	{ "signs only", GEN "ed25519 sign never; $g --export", false, 0,
	    PGP_NO_ENCRYPTION_SUBKEY },
	{ "weak by today's rules",
	    GEN "rsa1024 cert never;" ADD "rsa1024 encr; $g --export", false, 0,
	    PGP_NO_ENCRYPTION_SUBKEY },
};

static void
test_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(again_cases); i++) {
		const struct again_case *c = &again_cases[i];
		struct test_gpg g;
		struct buf b = { .limit = TEST_OUTPUT_MAX };
		struct pgp_cert *got = NULL;
		const struct pgp_cert *used;
		enum pgp_unusable why;
		struct err err;

		test_gpg_start(&g);
		test_gpg_run(&g, c->command, &b);
		if (pgp_vet_again(b.data, b.len, time(NULL), &got, &err) < 0)
			fail_msg("%s: %s", c->name, err.text);
		assert_null(
		    pgp_usable_subkey(&got, 1, time(NULL), &used, &why));
		if (why != c->why || got->revoked != c->revoked ||
		    got->subkey_count != c->subkeys)
			fail_msg("%s: %s, %zu subkeys", c->name,
			    pgp_unusable_text(why), got->subkey_count);
		pgp_cert_free(&got);
		buf_reset(&b);
		test_gpg_stop(&g);
	}
}

/* A certificate with two subkeys, to be damaged. */
static void
make_sample(struct buf *b, const char *export)
{
	struct test_gpg g;

	test_gpg_start(&g);
	test_gpg_run(&g,
	    GEN "ed25519 cert never;" ADD "cv25519 encr;" ADD "nistp256 encr",
	    NULL);
	test_gpg_run(&g, export, b);
	test_gpg_stop(&g);
}

/*
 * Whatever is left: refused for good, or the subkeys are some of those of the
 * whole. Returns whether it was taken.
 */
static bool
vet_damaged(const char *what, size_t at, const struct buf *b,
    const struct pgp_cert *whole)
{
	char warning[ERR_TEXT_SIZE];
	struct pgp_cert *got = NULL;
	struct err err = { 0 };

	if (pgp_vet(b->data, b->len, ADDRESS, time(NULL), &got, warning, &err) <
	    0) {
		assert_null(got);
		if (err.kind != ERR_PERM || err.text[0] == '\0')
			fail_msg("%s %zu: kind %d, %s", what, at, err.kind,
			    err.text);
		return false;
	}
	check_subkeys(what, got, whole);
	assert_memory_equal(
	    got->fingerprint, whole->fingerprint, PGP_FINGERPRINT_MAX);
	pgp_cert_free(&got);
	return true;
}

static void
test_cut(void **state)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];
	size_t taken = 0;

	(void)state;
	make_sample(&b, "$g --export");

	struct pgp_cert *whole = vet_ok("whole", &b, ADDRESS, warning);

	for (size_t n = 0; n < b.len; n++) {
		struct buf part = { .data = b.data, .len = n };

		taken += vet_damaged("cut at", n, &part, whole);
	}
	/* behind the first subkey's binding, and behind the second key */
	assert_int_equal(taken, 2);
	pgp_cert_free(&whole);
	buf_reset(&b);
}

static void
test_cut_armor(void **state)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];

	(void)state;
	make_sample(&b, "$g --armor --export");

	struct pgp_cert *whole = vet_ok("whole", &b, ADDRESS, warning);

	/* the last octet is the line end behind the END line */
	for (size_t n = 0; n + 1 < b.len; n++) {
		struct buf part = { .data = b.data, .len = n };

		assert_false(vet_damaged("cut at", n, &part, whole));
	}
	pgp_cert_free(&whole);
	buf_reset(&b);
}

static void
test_flip(void **state)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];
	size_t taken = 0;

	(void)state;
	make_sample(&b, "$g --export");

	struct pgp_cert *whole = vet_ok("whole", &b, ADDRESS, warning);

	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = i * b.len / FLIPS;
		uint8_t bit = (uint8_t)(1U << (i % 8));

		b.data[at] ^= bit;
		taken += vet_damaged("flipped at", at, &b, whole);
		b.data[at] ^= bit;
	}
	assert_true(taken < FLIPS);
	pgp_cert_free(&whole);
	buf_reset(&b);
}

static void
count_entries(const char *folder, size_t *count)
{
	DIR *d = opendir(folder);

	assert_non_null(d);
	*count = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		*count += e->d_name[0] != '.';
	closedir(d);
}

/* Neither success nor failure leaves a home, or a process of it, behind. */
static void
test_leaves_nothing(void **state)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];
	char folder[] = "/tmp/sealpost-test.XXXXXX";
	size_t count;

	(void)state;
	make_sample(&b, "$g --export");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("TMPDIR", folder, 1), 0);

	struct pgp_cert *whole = vet_ok("whole", &b, ADDRESS, warning);

	count_entries(folder, &count);
	assert_int_equal(count, 0);
	b.len = b.len / 3;
	assert_false(vet_damaged("cut at", b.len, &b, whole));
	count_entries(folder, &count);
	assert_int_equal(count, 0);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(test_process_with(folder), 0);
	assert_int_equal(rmdir(folder), 0);
	pgp_cert_free(&whole);
	buf_reset(&b);
}

/* Where nothing can be found out, the answer is "later". */
static void
test_no_gpg(void **state)
{
	static const char *const scripts[] = {
		"exit 2",
		"kill -9 $$",
		AFTER_IMPORT "exit 2",
		"[[ $* = *export* ]] && kill -9 $$; exec $gpg \"$@\"",
		"[[ $* = *export* ]] || exec $gpg \"$@\"; $gpg $* | head -c 99",
	};
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	struct test_gpg g;

	(void)state;
	make_sample(&b, "$g --export");
	test_gpg_start(&g);
	for (size_t i = 0; i < countof(scripts); i++) {
		char warning[ERR_TEXT_SIZE];
		struct pgp_cert *got = NULL;
		struct err err = { 0 };

		test_gpg_replace(&g, scripts[i]);
		if (pgp_vet(b.data, b.len, ADDRESS, time(NULL), &got, warning,
			&err) == 0)
			fail_msg("%s: was taken", scripts[i]);
		if (err.kind != ERR_TEMP)
			fail_msg(
			    "%s: kind %d, %s", scripts[i], err.kind, err.text);
		assert_null(got);
	}
	test_gpg_replace(&g, NULL);
	test_gpg_stop(&g);
	buf_reset(&b);
}

static void
test_no_folder(void **state)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];
	struct pgp_cert *got = NULL;
	struct err err = { 0 };

	(void)state;
	make_sample(&b, "$g --export");
	assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
	assert_int_equal(
	    pgp_vet(b.data, b.len, ADDRESS, time(NULL), &got, warning, &err),
	    -1);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text, "/nonexistent"));
	buf_reset(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_armor),
		cmocka_unit_test(test_flip),
		cmocka_unit_test(test_leaves_nothing),
		cmocka_unit_test(test_no_gpg),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
