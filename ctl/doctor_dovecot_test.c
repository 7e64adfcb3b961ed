/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_dovecot.h"

#include "doctor_testing.h"

#define CHANGED_23                                                            \
	"# 2.3.19\nauth_mechanisms = plain\n"                                 \
	"passdb {\n  args = /e/sealpost-passdb.conf.ext\n  driver = sql\n}\n" \
	"plugin {\n  quota = count\n  sealpost_directory = "                  \
	"/var/lib/sealpost/directory.db\n  sealpost_seal = yes\n  "           \
	"sealpost_secrets = /var/lib/sealpost/secrets.db\n}\n"                \
	"service lmtp {\n  unix_listener /q {\n    mode = 0600\n  }\n}\n"     \
	"userdb {\n  args = /e/sealpost-userdb.conf.ext\n  driver = sql\n}\n" \
	"protocol imap {\n  mail_plugins = quota sealpost imap_sealpost\n}\n"

#define CHANGED_24                                              \
	"passdb sql {\n  query = SELECT\n  sqlite_path = "      \
	"/var/lib/sealpost/secrets.db\n}\n"                     \
	"sealpost_directory = /var/lib/sealpost/directory.db\n" \
	"sealpost_seal = yes\n"                                 \
	"sealpost_secrets = /var/lib/sealpost/secrets.db\n"     \
	"userdb sql {\n  sqlite_path = /var/lib/sealpost/directory.db\n}\n"

#define VALUES                                                            \
	"ssl = required\ndisable_plaintext_auth = yes\nmail_debug = no\n" \
	"auth_debug_passwords = no\nauth_verbose_passwords = no\n"

#define PASSDB "connect = /var/lib/sealpost/secrets.db\n"
#define USERDB "connect = /var/lib/sealpost/directory.db\n"
#define IMAP   "mail_plugins = quota sealpost imap_sealpost\n"
#define LMTP   "mail_plugins = quota sealpost\n"

static const struct {
	const char *name;
	bool new_version, no_modules;
	const char *from, *to; /* in any of the texts, where it stands first */
	const char *expected;
} cases[] = {
	{ "2.3", false, false, "", "", "" },
	{ "2.4", true, false, "", "", "" },
	{ "no TLS", false, false, "ssl = required", "ssl = yes",
	    "error dovecot.tls" },
	{ "passwords in clear", false, false, "plaintext_auth = yes",
	    "plaintext_auth = no", "error dovecot.tls" },
	{ "debugging", false, false, "mail_debug = no", "mail_debug = yes",
	    "error dovecot.debug" },
	{ "debugging one protocol", false, false, "protocol imap {\n",
	    "protocol imap {\n  mail_debug = yes\n", "error dovecot.debug" },
	{ "debugging nothing", false, false, "protocol imap {\n",
	    "protocol imap {\n  mail_debug = no\n", "" },
	{ "TLS for one address", false, false, "protocol imap {\n",
	    "remote 10.0.0.0/8 {\n  ssl = no\n}\nprotocol imap {\n",
	    "error dovecot.tls" },
	{ "no passdb", false, false, "args = /e/sealpost-passdb.conf.ext",
	    "args = /e/other", "error dovecot.passdb" },
	{ "another before", false, false, "passdb {\n",
	    "passdb {\n  driver = pam\n}\npassdb {\n",
	    "warning dovecot.passdb" },
	{ "another behind", false, false, "service lmtp {",
	    "passdb {\n  driver = pam\n}\nservice lmtp {", "" },
	{ "another database", false, false, "connect = /var/lib/sealpost/s",
	    "connect = /x/s", "error dovecot.passdb" },
	{ "another database for accounts", false, false,
	    "connect = /var/lib/sealpost/d", "connect = /x/d",
	    "error dovecot.userdb" },
	{ "another database, 2.4", true, false,
	    "sqlite_path = /var/lib/sealpost/d", "sqlite_path = /x/d",
	    "error dovecot.userdb" },
	{ "no modules", false, true, "sealpost_seal = yes",
	    "sealpost_seal = no", "warning dovecot.plugin" },
	{ "not sealed on save", false, false, "sealpost_seal = yes",
	    "sealpost_seal = no", "error dovecot.seal_on_save" },
	{ "not sealed on save, 2.4", true, false, "sealpost_seal = yes\n", "",
	    "error dovecot.seal_on_save" },
	{ "the usual database is not printed, 2.4", true, false,
	    "sealpost_directory = /var/lib/sealpost/directory.db\n", "", "" },
	{ "the plugin has another database, 2.4", true, false,
	    "sealpost_directory = /var/lib/sealpost/directory.db\n",
	    "sealpost_directory = /x/d\n", "error dovecot.seal_on_save" },
	{ "the plugin has no database, 2.3", false, false,
	    "sealpost_directory = /var/lib/sealpost/directory.db\n", "",
	    "error dovecot.seal_on_save" },
	{ "a plugin is switched off", true, false,
	    "mail_plugins = quota sealpost imap_sealpost\n",
	    "mail_plugins {\n  sealpost = yes\n  imap_sealpost = no\n}\n",
	    "error dovecot.plugin" },
	{ "plugins of 2.4", true, false,
	    "mail_plugins = quota sealpost imap_sealpost\n",
	    "mail_plugins {\n  sealpost = yes\n}\nmail_plugins {\n  "
	    "imap_sealpost = yes\n}\n",
	    "" },
	{ "imap lacks a plugin", false, false,
	    "mail_plugins = quota sealpost imap_sealpost\n\n",
	    "mail_plugins = quota imap_sealpost\n", "error dovecot.plugin" },
};

static char *
changed(const char *text, const char *from, const char *to)
{
	const char *at = from[0] == '\0' ? NULL : strstr(text, from);
	char *out = NULL;
	int n = at == NULL ? asprintf(&out, "%s", text)
			   : asprintf(&out, "%.*s%s%s", (int)(at - text), text,
				 to, at + strlen(from));

	assert_true(n >= 0);
	return out;
}

static void
run_case(size_t i, const struct conf *conf)
{
	cleanup(doctor_report_reset) struct doctor_report r = { 0 };
	const char *const texts[] = { cases[i].new_version ? CHANGED_24
							   : CHANGED_23,
		VALUES, PASSDB, USERDB, IMAP "\n", LMTP };
	char *t[countof(texts)];
	struct err err;

	for (size_t k = 0; k < countof(texts); k++)
		t[k] = changed(texts[k], cases[i].from, cases[i].to);

	const struct doctor_dovecot d = { .conf = conf,
		.version = cases[i].new_version ? DOVECOT_2_4 : DOVECOT_2_3,
		.file = "/e/dovecot.conf",
		.changed = t[0],
		.values = t[1],
		.passdb_file = t[2],
		.userdb_file = t[3],
		.plugins = { [DOCTOR_IMAP] = t[4], [DOCTOR_LMTP] = t[5] },
		.modules = !cases[i].no_modules,
		.apply = "apply" };

	assert_int_equal(doctor_judge_dovecot(&d, &r, &err), 0);
	testing_expect(&r, cases[i].name, cases[i].expected);
	for (size_t k = 0; k < countof(texts); k++)
		free(t[k]);
}

static void
test_cases(void **state)
{
	cleanup(conf_free) struct conf *conf = NULL;
	struct err err;

	(void)state;
	assert_int_equal(conf_load(NULL, true, &conf, &err), 0);
	for (size_t i = 0; i < countof(cases); i++)
		run_case(i, conf);
}

static void
test_blocks(void **state)
{
	struct doctor_settings all = { .at = "a = 1\nb {\n  c d/e {\n    f =\n"
					     "  }\n  g = 2 3\n}\n}\nh = 4" };
	static const char *const expected[] = { "|a|1", "b / c d/e|f|",
		"b|g|2 3", "|h|4" };
	struct doctor_setting s;

	(void)state;
	for (size_t i = 0; i < countof(expected); i++) {
		char text[500];

		assert_true(doctor_next_setting(&all, &s));
		(void)snprintf(text, sizeof text, "%s|%s|%.*s", s.block, s.name,
		    (int)s.len, s.value);
		assert_string_equal(text, expected[i]);
	}
	assert_false(doctor_next_setting(&all, &s));
}

/* Blocks without end, and more of them than there is room for. */
static void
test_deep_blocks(void **state)
{
	char text[20001] = "";
	struct doctor_settings all = { .at = text };
	struct doctor_setting s;

	(void)state;
	for (size_t i = 0; i < 4000; i++)
		memcpy(text + 5 * i, i < 2000 ? "abc{\n" : "} }}\n", 5);
	assert_false(doctor_next_setting(&all, &s));
	assert_string_equal(all.block, "");
}

static const struct {
	const char *text, *directory, *user;
} places[] = {
	{ "query = \\\n  SELECT '/var/vmail/%Ld/%Ln' AS home, 'vmail' AS uid, "
	  "'mail' AS gid",
	    "/var/vmail", "vmail" },
	{ "SELECT '/m/%{user | domain}/%{user | username}' AS home, \\\n"
	  "  'nobody' AS uid, 'x' AS gid",
	    "/m", "nobody" },
	{ "", NULL, NULL },
	{ "SELECT '/m/%d' AS home", NULL, NULL },
	{ "SELECT '' AS home, '' AS uid", NULL, NULL },
	{ "' AS home SELECT '/%", NULL, NULL },
};

static void
test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(places); i++) {
		struct doctor_mail_place p;
		bool found = doctor_find_mail_place(places[i].text, &p);

		assert_int_equal(found, places[i].directory != NULL);
		if (!found)
			continue;
		assert_string_equal(p.directory, places[i].directory);
		assert_string_equal(p.user, places[i].user);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_deep_blocks),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
