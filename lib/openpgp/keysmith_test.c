/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/keysmith.h"

#include "openpgp/gpg_testing.h"

#include <time.h>

#include "base/limits.h"
#include "openpgp/gpgme_door.h"
#include "openpgp/secret.h"
#include "openpgp/vault.h"
#include "openpgp/vet.h"

#define ADDRESS "b\xc3\xb8.ann@example.org"

static struct crypt_bytes
bytes(const char *s)
{
	return (struct crypt_bytes){ .data = s, .len = strlen(s) };
}

static void
must(int is, int wanted, const struct err *err)
{
	if (is != wanted)
		fail_msg("%d, not %d: %s", is, wanted, err->text);
}

/* Is it the vault of the certificate, and does this open it? */
static int
opens(const struct buf *public, const struct buf *private,
    const char *passphrase)
{
	cleanup(crypt_close) struct crypt *crypt = NULL;
	cleanup(pgp_secret_free) struct pgp_secret *secret = NULL;
	cleanup(pgp_cert_free) struct pgp_cert *cert = NULL;
	char warning[ERR_TEXT_SIZE];
	struct err err = { 0 };

	must(crypt_open(&crypt, &err), 0, &err);
	must(pgp_vet(public->data, public->len, ADDRESS, time(NULL), &cert,
	         warning, &err),
	    0, &err);
	assert_string_equal(warning, "");
	must(pgp_vault_check(cert, (const char *)private->data, private->len,
	         &err),
	    0, &err);

	int rc = pgp_secret_unlock(crypt, private->data, private->len,
	    passphrase, strlen(passphrase), &secret, &err);

	if (rc < 0)
		fail_msg("%s", err.text);
	if (rc == 1)
		assert_true(pgp_secret_was_protected(secret));
	return rc;
}

static void
generate(const char *algorithm, struct buf *public, struct buf *private)
{
	cleanup(keysmith_free) struct keysmith *k = NULL;
	struct err err = { 0 };

	must(keysmith_new(&k, &err), 0, &err);
	must(keysmith_generate(k, ADDRESS, algorithm, bytes("one"), &err), 0,
	    &err);
	must(keysmith_public(k, public, &err), 0, &err);
	must(keysmith_private(k, bytes("one"), private, &err), 0, &err);
}

static void
test_generate(void **state)
{
	/* RSA of 4,096 bits takes too long for a test */
	static const char *const names[] = { "curve25519", "nistp256",
		"nistp384", "rsa3072" };

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		cleanup(buf_reset) struct buf public = { .limit = 100000 };
		cleanup(buf_reset) struct buf private = { .limit = 100000 };

		generate(names[i], &public, &private);
		assert_int_equal(opens(&public, &private, "one"), 1);
		assert_int_equal(opens(&public, &private, "two"), 0);
	}
}

static void
test_unknown_algorithm(void **state)
{
	cleanup(keysmith_free) struct keysmith *k = NULL;
	struct err err = { 0 };

	(void)state;
	must(keysmith_new(&k, &err), 0, &err);
	assert_int_equal(
	    keysmith_generate(k, ADDRESS, "dsa1024", bytes("one"), &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
}

static void
test_change(void **state)
{
	cleanup(buf_reset) struct buf public = { .limit = 100000 };
	cleanup(buf_reset) struct buf one = { .limit = 100000 };
	cleanup(buf_reset) struct buf two = { .limit = 100000 };
	cleanup(keysmith_free) struct keysmith *k = NULL;
	struct err err = { 0 };

	(void)state;
	generate("curve25519", &public, &one);
	must(keysmith_new(&k, &err), 0, &err);
	must(keysmith_import(k, one.data, one.len, &err), 0, &err);
	must(keysmith_change_passphrase(
	         k, bytes("wrong"), bytes("two"), &err),
	    0, &err);
	must(keysmith_change_passphrase(k, bytes("one"), bytes("two"), &err),
	    1, &err);
	must(keysmith_private(k, bytes("two"), &two, &err), 0, &err);
	assert_int_equal(opens(&public, &two, "two"), 1);
	assert_int_equal(opens(&public, &two, "one"), 0);
	buf_clear(&two);
	assert_int_equal(keysmith_private(k, bytes("one"), &two, &err), -1);
}

static void
test_import_refuses(void **state)
{
	cleanup(buf_reset) struct buf public = { .limit = 100000 };
	cleanup(buf_reset) struct buf private = { .limit = 100000 };
	struct err err = { 0 };

	(void)state;
	generate("curve25519", &public, &private);

	const struct {
		const void *data;
		size_t n;
	} bad[] = { { "hello", 5 }, { public.data, public.len },
		{ private.data, private.len / 2 } };

	for (size_t i = 0; i < countof(bad); i++) {
		cleanup(keysmith_free) struct keysmith *k = NULL;

		must(keysmith_new(&k, &err), 0, &err);
		assert_int_equal(
		    keysmith_import(k, bad[i].data, bad[i].n, &err), -1);
	}
}

/* All that a smith does. */
struct made {
	struct buf public, one, two;
};

static void
made_reset(struct made *m)
{
	buf_reset(&m->public);
	buf_reset(&m->one);
	buf_reset(&m->two);
}

static int
make_all(struct made *m, struct err *err)
{
	cleanup(keysmith_free) struct keysmith *k = NULL;

	m->public.limit = m->one.limit = m->two.limit = 100000;
	if (keysmith_new(&k, err) < 0 ||
	    keysmith_generate(k, ADDRESS, "curve25519", bytes("one"), err) <
	        0 ||
	    keysmith_public(k, &m->public, err) < 0 ||
	    keysmith_private(k, bytes("one"), &m->one, err) < 0 ||
	    keysmith_change_passphrase(k, bytes("one"), bytes("two"), err) !=
	        1 ||
	    keysmith_private(k, bytes("two"), &m->two, err) < 0)
		return -1;
	return 0;
}

/* gpg fails, or is killed, at its first, second, ... run: no false success. */
static void
test_gpg_fails(void **state)
{
	static const char *const ways[] = { "exit 2", "kill -9 $$" };
	char folder[] = "/tmp/sealpost-test.XXXXXX";
	struct test_gpg g;

	(void)state;
	test_gpg_start(&g);
	assert_non_null(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	for (size_t way = 0; way < countof(ways); way++) {
		int rc = -1;
		unsigned n = 1;

		for (; rc < 0; n++) {
			cleanup(made_reset) struct made m = { 0 };
			char script[400];
			struct err err = { 0 };

			(void)snprintf(script, sizeof script,
			    "n=$(cat %s/n 2>/dev/null || echo 0); n=$((n + 1))"
			    "; echo $n > %s/n; [ $n = %u ] && %s; exec $gpg "
			    "\"$@\"",
			    g.home, g.home, n, ways[way]);
			test_gpg_run(&g, "rm -f n", NULL);
			test_gpg_replace(&g, script);
			rc = make_all(&m, &err);
			test_gpg_replace(&g, NULL);
			if (rc == 0) {
				assert_int_equal(
				    opens(&m.public, &m.one, "one"), 1);
				assert_int_equal(
				    opens(&m.public, &m.two, "two"), 1);
			}
			assert_true(rc == 0 || err.text[0] != '\0');
			assert_int_equal(rmdir(folder), 0);
			assert_int_equal(mkdir(folder, 0700), 0);
		}
		assert_true(n > 6);
	}
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(rmdir(folder), 0);
	test_gpg_stop(&g);
}

/* The folder is gone, and so is the agent. */
static void
test_leaves_nothing(void **state)
{
	char folder[] = "/tmp/sealpost-test.XXXXXX";
	struct keysmith *k = NULL;
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	must(keysmith_new(&k, &err), 0, &err);
	must(keysmith_generate(k, ADDRESS, "curve25519", bytes("one"), &err),
	    0, &err);
	assert_true(test_process_with(folder) != 0);
	keysmith_free(&k);
	assert_null(k);
	unsetenv("XDG_RUNTIME_DIR");
	for (int tries = 0; test_process_with(folder) != 0; tries++) {
		assert_true(tries < 1000);
		usleep(10000); /* it has said that it goes */
	}
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_unknown_algorithm),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_import_refuses),
		cmocka_unit_test(test_gpg_fails),
		cmocka_unit_test(test_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
