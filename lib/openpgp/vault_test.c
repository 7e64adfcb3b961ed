/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/vault.h"

#include "openpgp/gpg_testing.h"

#include <time.h>

#include "base/limits.h"
#include "openpgp/vet.h"

enum { FLIPS = 400 };

#define ADDRESS "ann@example.org"
#define PROTECT "--passphrase secret "
#define ANN     PROTECT "--quick-gen-key ann@example.org "
#define EXPORT  "$g " PROTECT "--armor --export-secret-keys "
#define FPR \
	"$($g --list-keys --with-colons | awk -F: '/^fpr/{print $10; exit}')"

/* A vault (on standard output) beside the certificate of ann@example.org. */
static const struct vault_case {
	const char *name;
	const char *make;  /* the keys */
	const char *vault;
	const char *why; /* a part of the sentence; NULL = it is good */
} cases[] = {
	{ "Curve25519", "$g " ANN "future-default default never",
	    EXPORT ADDRESS, NULL },
	{ "CRLF", "$g " ANN "future-default default never",
	    EXPORT ADDRESS " | sed 's/$/\\r/'", NULL },
	{ "RSA",
	    "$g " ANN "rsa2048 cert never; $g " PROTECT
	    "--quick-add-key " FPR " rsa2048 encr never",
	    EXPORT ADDRESS, NULL },
	{ "P-256",
	    "$g " ANN "nistp256 cert never; $g " PROTECT
	    "--quick-add-key " FPR " nistp256 encr never",
	    EXPORT ADDRESS, NULL },
	{ "no passphrase",
	    "$g --quick-gen-key ann@example.org future-default default never",
	    "$g --armor --export-secret-keys ann@example.org",
	    "not protected" },
	{ "public", "$g " ANN "future-default default never",
	    "$g --armor --export " ADDRESS, "does not begin a private key" },
	{ "binary", "$g " ANN "future-default default never",
	    "$g " PROTECT "--export-secret-keys " ADDRESS,
	    "not armored" },
	{ "of somebody else",
	    "$g " ANN "future-default default never; $g " PROTECT
	    "--quick-gen-key bob@example.org future-default default never",
	    EXPORT "bob@example.org", "not that of the certificate" },
	{ "two keys in one armor",
	    "$g " ANN "future-default default never; $g " PROTECT
	    "--quick-gen-key bob@example.org future-default default never",
	    EXPORT, "more than one private key" },
	{ "two armors", "$g " ANN "future-default default never",
	    EXPORT ADDRESS "; " EXPORT ADDRESS, "a second key begins" },
	{ "without the encryption subkey",
	    "$g " ANN "future-default default never",
	    EXPORT FPR "!",
	    "encryption subkey" },
	{ "the primary key is a stub",
	    "$g " ANN "future-default default never",
	    "$g " PROTECT "--armor --export-secret-subkeys " ADDRESS,
	    "not protected" },
	{ "cut", "$g " ANN "future-default default never",
	    EXPORT ADDRESS " | head -5", "cut off" },
	{ "empty", "$g " ANN "future-default default never", ":",
	    "empty" },
};

static struct pgp_cert *
certificate(const struct test_gpg *g)
{
	struct buf b = { .limit = LIMIT_CERTIFICATE };
	char warning[ERR_TEXT_SIZE];
	struct pgp_cert *cert = NULL;
	struct err err = { 0 };

	test_gpg_run(g, "$g --export " ADDRESS, &b);
	if (pgp_vet(b.data, b.len, ADDRESS, time(NULL), &cert, warning, &err) <
	    0)
		fail_msg("%s", err.text);
	buf_reset(&b);
	return cert;
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct vault_case *c = &cases[i];
		struct buf vault = { .limit = LIMIT_VAULT };
		struct test_gpg g;
		struct err err = { 0 };

		test_gpg_start(&g);
		test_gpg_run(&g, c->make, NULL);

		struct pgp_cert *cert = certificate(&g);

		test_gpg_run(&g, c->vault, &vault);

		int rc = pgp_vault_check(cert, vault.len == 0 ? ""
		                                 : (char *)vault.data,
		    vault.len, &err);

		if (c->why == NULL && rc < 0)
			fail_msg("%s: %s", c->name, err.text);
		if (c->why != NULL && (rc == 0 || err.kind != ERR_PERM ||
		                          strstr(err.text, c->why) == NULL))
			fail_msg("%s: \"%s\" expected, not \"%s\"", c->name,
			    c->why, err.text);
		pgp_cert_free(&cert);
		buf_reset(&vault);
		test_gpg_stop(&g);
	}
}

/* Whatever is broken in it, it is refused or it still is protected. */
static void
test_damage(void **state)
{
	struct buf vault = { .limit = LIMIT_VAULT };
	struct test_gpg g;

	(void)state;
	test_gpg_start(&g);
	test_gpg_run(&g, "$g " ANN "future-default default never", NULL);
	test_gpg_run(&g, EXPORT ADDRESS, &vault);

	struct pgp_cert *cert = certificate(&g);

	for (size_t cut = 0; cut < vault.len - 2; cut += 7)
		assert_int_equal(pgp_vault_check(cert, (char *)vault.data, cut,
		                     &(struct err){ 0 }),
		    -1);
	for (unsigned i = 0; i < FLIPS; i++) {
		size_t at = (size_t)i * 7919 % vault.len;
		uint8_t was = vault.data[at];

		vault.data[at] = (uint8_t)(was ^ (1U << i % 8));
		(void)!pgp_vault_check(cert, (char *)vault.data, vault.len,
		    &(struct err){ 0 });
		vault.data[at] = was;
	}
	pgp_cert_free(&cert);
	buf_reset(&vault);
	test_gpg_stop(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
