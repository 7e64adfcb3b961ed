/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "account.h"

#define HOSTS "imap_host = imap.example.org\nsmtp_host = smtp.example.org\n"
#define ANN "[account ann@example.org]\n" HOSTS

static int
load(const char *text, struct bridge_conf **c, struct err *err)
{
	char path[] = "/tmp/sealpost-config-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);

	int rc = bridge_conf_load(path, c, err);

	unlink(path);
	return rc;
}

static void
test_defaults(void **state)
{
	cleanup(bridge_conf_free) struct bridge_conf *c = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(setenv("XDG_STATE_HOME", "/s", 1), 0);
	assert_int_equal(load(ANN, &c, &err), 0);
	assert_string_equal(c->imap_listen, "inet:127.0.0.1:1143");
	assert_string_equal(c->imaps_listen, "");
	assert_string_equal(c->state_directory, "/s/sealpost");
	assert_int_equal(c->max_message, 64 << 20);
	assert_int_equal(c->timeout, 60);

	const struct account *a = bridge_conf_account(c, "Ann@EXAMPLE.org");

	assert_non_null(a);
	assert_string_equal(a->user, "ann@example.org");
	assert_true(a->login_secret && a->decrypt_foreign);
	assert_int_equal(a->imap.port, 993);
	assert_int_equal(a->imap.tls, SERVER_TLS);
	assert_null(bridge_conf_account(c, "bob@example.org"));
	assert_null(bridge_conf_account(c, ""));
}

static void
test_all(void **state)
{
	cleanup(bridge_conf_free) struct bridge_conf *c = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(
	    load("# two\n[bridge]\nimap_listen = inet:127.0.0.1:1 inet:[::1]:1"
		 "\ntimeout = 5s\nmax_message = 2M\nstate_directory = /x\n" ANN
		 "login = password\nkey = file\nkey_file = /k\n"
		 "foreign = pass\nimap_tls = starttls\nimap_port = 143\n"
		 "user = ann\n[account bob@example.org]\n" HOSTS,
	        &c, &err),
	    0);
	assert_int_equal(c->account_count, 2);
	assert_int_equal(c->timeout, 5);
	assert_int_equal(c->max_message, 2 << 20);
	assert_string_equal(c->state_directory, "/x");

	const struct account *a = bridge_conf_account(c, "ann@example.org");

	assert_non_null(a);
	assert_false(a->login_secret || a->decrypt_foreign);
	assert_int_equal(a->key, KEY_FILE);
	assert_int_equal(a->imap.tls, SERVER_STARTTLS);
	assert_int_equal(a->imap.port, 143);
	assert_string_equal(a->user, "ann");
	assert_true(bridge_conf_account(c, "bob@example.org")->login_secret);
}

static void
test_wrong(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "no [account" },
		{ "timeout = 5s\n", ":1: timeout stands before" },
		{ "[other]\n", ":1: there is no section" },
		{ "[bridge]\n[bridge]\n", ":2: [bridge] stands here twice" },
		{ "[bridge]\ntimeout = 5\n", "not a time" },
		{ "[bridge]\ntimeout = 0s\n", "from 1 to 3600" },
		{ "[bridge]\nmax_message = 99999999999\n", "from" },
		{ "[bridge]\nmax_message = 5000000000G\n", "from" },
		{ "[bridge]\nimap_listen = localhost\n", "inet:host:port" },
		{ "[bridge]\npassword = x\n", "no setting \"password\"" },
		{ ANN ANN, "already" },
		{ ANN "key = none\n", "none of vault, file, keyring" },
		{ ANN "key = file\n", "go together" },
		{ ANN "imap_tls = none\n", "none of tls, starttls" },
		{ "[bridge]\ncertificate_file = /c\n" ANN, "go together" },
		{ "[bridge]\ncertificate_key_file = /c\n" ANN,
		    "go together" },
		{ "[bridge]\ncertificate_file = c\n" ANN,
		    "not an absolute path" },
		{ ANN "imap_port = 65536\n", "from 1 to 65535" },
		{ ANN "login = secret\nlogin = secret\n", "already" },
		{ "[account ann@example.org]\n", "imap_host" },
		{ "[account ann]\n" HOSTS, ":1: " },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct bridge_conf *c = NULL;
		struct err err = { 0 };

		assert_int_equal(load(cases[i].text, &c, &err), -1);
		assert_null(c);
		assert_int_equal(err.kind, ERR_PERM);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
