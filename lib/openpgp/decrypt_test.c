/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/decrypt.h"

#include "openpgp/gpg_testing.h"

#define KEY     "$g --quick-gen-key ann@example.org future-default default never;"
#define ENCRYPT "$g --encrypt -r ann@example.org"

enum { BIG = 1 << 20 };

static int
start(void **state)
{
	struct test_gpg *g = calloc(1, sizeof *g);

	*state = g;
	test_gpg_start(g);
	test_gpg_run(g,
	    KEY "$g --quick-gen-key bob@example.org "
		"future-default default never; printf Hello > hello; "
		"head -c 1048576 /dev/urandom > big",
	    NULL);
	return 0;
}

static int
stop(void **state)
{
	test_gpg_stop(*state);
	free(*state);
	return 0;
}

struct good_case {
	const char *name;
	const char *command;
	const char *text;
};

static const struct good_case good_cases[] = {
	{ "binary", ENCRYPT " < hello", "Hello" },
	{ "armored", ENCRYPT " --armor < hello", "Hello" },
	{ "empty", ENCRYPT " < /dev/null", "" },
	{ "compressed", ENCRYPT " --compress-algo zip < hello", "Hello" },
	{ "signed too", ENCRYPT " --sign -u ann@example.org < hello", "Hello" },
	{ "two recipients", ENCRYPT " -r bob@example.org < hello", "Hello" },
	{ "hidden recipient", "$g --encrypt -R ann@example.org < hello",
	    "Hello" },
};

static void
test_good(void **state)
{
	const struct test_gpg *g = *state;

	for (size_t i = 0; i < countof(good_cases); i++) {
		const struct good_case *c = &good_cases[i];
		struct buf sealed = { .limit = TEST_OUTPUT_MAX };
		struct buf out = { .limit = TEST_OUTPUT_MAX, .secret = true };
		struct err err = { 0 };

		test_gpg_run(g, c->command, &sealed);
		if (pgp_decrypt(g->home, sealed.data, sealed.len, &out, &err) <
		    0)
			fail_msg("%s: %s", c->name, err.text);
		if (out.len != strlen(c->text) ||
		    memcmp(out.data == NULL ? (const void *)"" : out.data,
			c->text, out.len) != 0)
			fail_msg("%s: %zu octets", c->name, out.len);
		buf_reset(&sealed);
		buf_reset(&out);
	}
}

static void
test_big(void **state)
{
	const struct test_gpg *g = *state;
	struct buf plain = { .limit = TEST_OUTPUT_MAX };
	struct buf sealed = { .limit = TEST_OUTPUT_MAX };
	struct buf out = { .limit = BIG, .secret = true };
	struct buf small = { .limit = BIG - 1, .secret = true };
	struct err err = { 0 };

	test_gpg_run(g, "cat big", &plain);
	test_gpg_run(g, ENCRYPT " < big", &sealed);
	if (pgp_decrypt(g->home, sealed.data, sealed.len, &out, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(out.len, plain.len);
	assert_memory_equal(out.data, plain.data, plain.len);
	assert_int_equal(
	    pgp_decrypt(g->home, sealed.data, sealed.len, &small, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(small.len, 0);
	buf_reset(&plain);
	buf_reset(&sealed);
	buf_reset(&out);
}

struct bad_case {
	const char *name;
	const char *command;
	enum err_kind kind; /* ERR_NONE: one or the other */
	const char *says;
};

static const struct bad_case bad_cases[] = {
	{ "empty", "true", ERR_PERM, "no encrypted OpenPGP message" },
	{ "text", "cat hello", ERR_PERM, "no encrypted OpenPGP message" },
	{ "for someone else",
	    "$g --encrypt -r bob@example.org < hello > a; $g "
	    "--yes --batch --delete-secret-keys "
	    "$($g --list-keys --with-colons "
	    "bob@example.org | awk -F: "
	    "'/^fpr/{print $10; exit}'); cat a",
	    ERR_PERM, "no secret key" },
	{ "signed alone", "$g --sign -u ann@example.org < hello", ERR_PERM,
	    "no encrypted" },
	{ "stored in the clear", "$g --store < hello", ERR_PERM,
	    "no encrypted" },
	{ "clear text, then encrypted",
	    "$g --store --compress-algo none < hello; " ENCRYPT " < hello",
	    ERR_PERM, NULL },
	{ "encrypted, then clear text",
	    ENCRYPT " < hello; $g --store --compress-algo none < hello",
	    ERR_PERM, NULL },
	{ "two messages", ENCRYPT " < hello; " ENCRYPT " < hello", ERR_PERM,
	    NULL },
	{ "two messages in one armor",
	    "{ " ENCRYPT " < hello; " ENCRYPT " < hello; } > a; gpg --enarmor "
	    "< a | sed 's/ARMORED FILE/MESSAGE/'",
	    ERR_PERM, NULL },
	{ "no integrity code",
	    "$g --rfc2440 --cipher-algo AES256 --disable-mdc --encrypt -r "
	    "ann@example.org < hello > a; gpg --list-packets --list-only a | "
	    "grep -q tag=9 && cat a || printf '\\311'",
	    ERR_PERM, NULL },
	{ "cut", ENCRYPT " < big | head -c 500000", ERR_PERM, NULL },
	{ "cut in the armor", ENCRYPT " --armor < big | head -n 1000", ERR_PERM,
	    NULL },
	{ "cut in the integrity code", ENCRYPT " < big | head -c -3", ERR_PERM,
	    NULL },
	{ "a flipped octet",
	    ENCRYPT " --compress-algo none < big > a; printf XY | dd of=a "
		    "bs=1 seek=700000 conv=notrunc status=none; cat a",
	    ERR_PERM, "damaged" },
	/* sometimes gpg dies without a verdict: then it may have been killed */
	{ "a flipped octet, compressed",
	    ENCRYPT " --compress-algo zip < big > a; printf XY | dd of=a "
		    "bs=1 seek=700000 conv=notrunc status=none; cat a",
	    ERR_NONE, NULL },
	{ "a flipped session key",
	    ENCRYPT " < big > a; printf XY | dd of=a bs=1 seek=60 "
		    "conv=notrunc status=none; cat a",
	    ERR_PERM, NULL },
};

static void
check_bad(const struct test_gpg *g, const struct bad_case *c)
{
	struct buf sealed = { .limit = TEST_OUTPUT_MAX };
	struct buf out = { .limit = TEST_OUTPUT_MAX, .secret = true };
	struct err err = { 0 };

	test_gpg_run(g, c->command, &sealed);
	if (pgp_decrypt(g->home, sealed.data, sealed.len, &out, &err) == 0)
		fail_msg("%s: was decrypted", c->name);
	if (out.len != 0 || out.data != NULL)
		fail_msg("%s: something came out", c->name);
	if ((c->kind != ERR_NONE && err.kind != c->kind) ||
	    (c->says != NULL && strstr(err.text, c->says) == NULL))
		fail_msg("%s: kind %d, \"%s\"", c->name, err.kind, err.text);
	buf_reset(&sealed);
}

static void
test_bad(void **state)
{
	for (size_t i = 0; i < countof(bad_cases); i++)
		check_bad(*state, &bad_cases[i]);
}

/* A passphrase is asked for, and refused; or nobody is there to ask. */
static void
test_no_passphrase(void **state)
{
	static const char *const pinentries[] = {
		/* whoever is asked closes the window */
		"#!/bin/bash\\necho OK\\nwhile read -r c; do case $c in "
		"GETPIN*) echo ERR 83886179 cancelled;; BYE*) echo OK; exit;; "
		"*) echo OK;; esac; done\\n",
		/* no window can be opened */
		"#!/bin/bash\\nexit 1\\n",
		/* the wrong one, each time */
		"#!/bin/bash\\necho OK\\nwhile read -r c; do case $c in "
		"GETPIN*) echo D wrong; echo OK;; BYE*) echo OK; exit;; *) "
		"echo OK;; esac; done\\n",
	};

	(void)state;
	for (size_t i = 0; i < countof(pinentries); i++) {
		struct test_gpg g;
		struct buf sealed = { .limit = TEST_OUTPUT_MAX };
		struct buf out = { .limit = BIG, .secret = true };
		struct err err = { 0 };
		char command[1000];

		test_gpg_start(&g);
		(void)snprintf(command, sizeof command,
		    "printf '%s' > pin; chmod 700 pin; echo "
		    "pinentry-program $GNUPGHOME/pin > gpg-agent.conf; gpg "
		    "--quiet --batch --pinentry-mode loopback --passphrase "
		    "right --quick-gen-key ann@example.org future-default "
		    "default never; gpgconf --kill gpg-agent; printf Hello | "
		    "gpg --quiet --batch --trust-model always -er "
		    "ann@example.org",
		    pinentries[i]);
		test_gpg_run(&g, command, &sealed);
		assert_int_equal(
		    pgp_decrypt(g.home, sealed.data, sealed.len, &out, &err),
		    -1);
		if (err.kind != ERR_TEMP)
			fail_msg(
			    "pinentry %zu: kind %d, %s", i, err.kind, err.text);
		assert_int_equal(out.len, 0);
		buf_reset(&sealed);
		test_gpg_stop(&g);
	}
}

/* Nothing may come out when gpg does this. */
static const char *const broken[] = {
	"exit 2",
	"exit 0",
	"kill -9 $$",
	/* all of the text, and not a word about it */
	("for a; do [ \"$p\" = --status-fd ] && n=$a; p=$a; done; "
	 "eval \"exec $n>/dev/null\"; exec $gpg \"$@\""),
};

static void
test_broken_gpg(void **state)
{
	const struct test_gpg *g = *state;
	struct buf sealed = { .limit = TEST_OUTPUT_MAX };

	test_gpg_run(g, ENCRYPT " < big", &sealed);
	for (size_t i = 0; i < countof(broken); i++) {
		struct buf out = { .limit = TEST_OUTPUT_MAX, .secret = true };
		struct err err = { 0 };

		test_gpg_replace(g, broken[i]);
		if (pgp_decrypt(g->home, sealed.data, sealed.len, &out, &err) ==
		    0)
			fail_msg("%s: was decrypted", broken[i]);
		if (err.kind != ERR_TEMP)
			fail_msg(
			    "%s: kind %d, %s", broken[i], err.kind, err.text);
		assert_int_equal(out.len, 0);
	}
	test_gpg_replace(g, NULL);
	buf_reset(&sealed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_no_passphrase),
		cmocka_unit_test(test_broken_gpg),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
