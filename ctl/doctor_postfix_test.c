/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_postfix.h"

#include "doctor_testing.h"

static const char main_wanted[] =
    "# a comment\n"
    "virtual_transport = seal:[127.0.0.1]:10027\n"
    "seal_destination_recipient_limit = 1\n"
    "recipient_delimiter ?= +\n"
    "virtual_alias_maps += proxy:sqlite:/a\n"
    "transport_maps =+ proxy:sqlite:/t\n"
    "local_recipient_maps +?= proxy:sqlite:/m\n"
    "smtpd_recipient_restrictions =+ check_recipient_access proxy:sqlite:/u\n"
    "bounce_size_limit = 1\n";

static const char master_wanted[] =
    "seal      unix  -       -       n       -       -       smtp\n"
    "    -o smtp_tls_security_level=none\n"
    "    -o not_known_here=yes\n"
    "127.0.0.1:10027 inet n      -       n       -       -       smtpd\n"
    "    -o { smtpd_milters = { unix:/m, default_action=tempfail } }\n"
    "    -o content_filter=seal-lmtp:unix:/l\n";

/* As postconf prints them when all is right; each case changes a bit. */
#define MAIN                                                     \
	"virtual_transport = seal:[127.0.0.1]:10027\n"           \
	"seal_destination_recipient_limit = 1\n"                 \
	"recipient_delimiter = +\n"                              \
	"virtual_alias_maps = hash:/x, proxy:sqlite:/a\n"        \
	"transport_maps = proxy:sqlite:/t hash:/y\n"             \
	"local_recipient_maps =\n"                               \
	"smtpd_recipient_restrictions = check_recipient_access " \
	"proxy:sqlite:/u, permit\n"                              \
	"bounce_size_limit = 1\n"                                \
	"smtp_tls_security_level = may\n"                        \
	"smtpd_milters = inet:127.0.0.1:11332\n"                 \
	"content_filter =\n"

#define SERVICES                                   \
	"smtp inet n - y - - smtpd\n"              \
	"smtp unix - - y - - smtp\n"               \
	"submission inet n - n - - smtpd -o x=y\n" \
	"qmgr unix n - n 1000 1 qmgr\n"            \
	"seal unix - - n - - smtp -o y=z\n"        \
	"127.0.0.1:10027 inet n - n - - smtpd\n"

#define OPTIONS                                                     \
	"seal/unix/smtp_tls_security_level = none\n"                \
	"127.0.0.1:10027/inet/smtpd_milters = { unix:/m, "          \
	"default_action=tempfail }\n"                               \
	"127.0.0.1:10027/inet/content_filter = seal-lmtp:unix:/l\n" \
	"submission/inet/smtpd_sasl_auth_enable = yes\n"            \
	"submission/inet/smtpd_tls_security_level = encrypt\n"      \
	"submission/inet/smtpd_sasl_path = inet:127.0.0.1:12345\n"  \
	"submission/inet/smtpd_recipient_restrictions = "           \
	"check_recipient_access proxy:sqlite:/u, reject\n"          \
	"submission/inet/smtpd_end_of_data_restrictions = "         \
	"check_policy_service { inet:127.0.0.1:10028, "             \
	"default_action=DUNNO, timeout=2s }\n"

static const struct {
	const char *name;
	/* which text has its `from` replaced by `to` */
	enum { IN_MAIN, IN_SERVICES, IN_OPTIONS } where;
	const char *from, *to;
	const char *expected;
	const char *mend; /* of the first; NULL: not looked at */
} cases[] = {
	{ "as it must be", IN_MAIN, "", "", "", NULL },
	{ "blanks and commas", IN_OPTIONS, "{ unix:/m, default",
	    "{unix:/m,default", "", NULL },
	{ "transport", IN_MAIN, "seal:[127.0.0.1]:10027", "virtual",
	    "error postfix.transport",
	    "postconf -e 'virtual_transport=seal:[127.0.0.1]:10027' && "
	    "postfix reload" },
	{ "two recipients", IN_MAIN, "recipient_limit = 1\n",
	    "recipient_limit = 2\n", "error postfix.one_recipient", NULL },
	{ "a map before ours", IN_MAIN, "proxy:sqlite:/t hash:/y",
	    "hash:/y proxy:sqlite:/t", "error postfix.transport",
	    "apply && postfix reload" },
	{ "a map that begins alike", IN_MAIN, "proxy:sqlite:/a",
	    "proxy:sqlite:/abc", "error postfix.maps", NULL },
	{ "local recipients", IN_MAIN, "local_recipient_maps =\n",
	    "local_recipient_maps = hash:/l\n", "error postfix.maps", NULL },
	{ "bounces", IN_MAIN, "bounce_size_limit = 1",
	    "bounce_size_limit = 50000", "error postfix.bounce", NULL },
	{ "our milter in front", IN_MAIN, "inet:127.0.0.1:11332",
	    "inet:127.0.0.1:11332, unix:/m", "error postfix.order",
	    "postconf -X 'smtpd_milters' && postfix reload" },
	{ "a filter that delivers", IN_MAIN,
	    "content_filter =", "content_filter = lmtp:unix:/d",
	    "error postfix.content_filter", NULL },
	{ "a filter that comes back", IN_MAIN, "content_filter =",
	    "content_filter = smtp:[127.0.0.1]:10024", "", NULL },
	{ "a filter that is not there", IN_MAIN, "content_filter =",
	    "content_filter = scan:[127.0.0.1]:10024",
	    "error postfix.content_filter",
	    "add scan to master.cf, or: postconf -X 'content_filter' && "
	    "postfix reload" },
	{ "a filter of one service that is not there", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/content_filter = scan\nseal/unix/",
	    "error postfix.content_filter",
	    "add scan to master.cf, or: postconf -PX 'smtp/inet/content_filter'"
	    " && postfix reload" },
	{ "an inet service is no transport", IN_MAIN, "content_filter =",
	    "content_filter = submission:x", "error postfix.content_filter",
	    NULL },
	{ "delimiter", IN_MAIN, "recipient_delimiter = +",
	    "recipient_delimiter = -", "error postfix.delimiter", NULL },
	{ "SASL for all", IN_MAIN, "content_filter =",
	    "smtpd_sasl_auth_enable = yes", "error postfix.sasl",
	    "postconf -e 'smtpd_sasl_auth_enable=no' && postfix reload" },
	{ "policy for all", IN_MAIN, "proxy:sqlite:/u, permit",
	    "proxy:sqlite:/u, check_policy_service inet:127.0.0.1:10028, "
	    "permit",
	    "error postfix.policy",
	    "postconf -e 'smtpd_recipient_restrictions="
	    "check_recipient_access proxy:sqlite:/u permit' && postfix "
	    "reload" },
	{ "no hop", IN_SERVICES, "127.0.0.1:10027 inet", "1.2.3.4:1 inet",
	    "error postfix.hop.service", "apply && postfix reload" },
	{ "another program", IN_SERVICES, "seal unix - - n - - smtp ",
	    "seal unix - - n - - lmtp ", "error postfix.hop.service", NULL },
	{ "accept", IN_OPTIONS, "default_action=tempfail",
	    "default_action=accept", "error postfix.hop.milter",
	    "postconf -P '127.0.0.1:10027/inet/smtpd_milters={unix:/m,"
	    "default_action=tempfail}' && postfix reload" },
	{ "a second milter", IN_OPTIONS, "tempfail }", "tempfail }, inet:1:2",
	    "error postfix.hop.milter", NULL },
	{ "an option is gone", IN_OPTIONS,
	    "seal/unix/smtp_tls_security_level = none\n", "",
	    "error postfix.hop.settings",
	    "postconf -P 'seal/unix/smtp_tls_security_level=none' && postfix "
	    "reload" },
	{ "an option too many", IN_OPTIONS, "seal/unix/",
	    "seal/unix/smtp_foo = bar\nseal/unix/", "warning postfix.hop.extra",
	    "postconf -PX 'seal/unix/smtp_foo' && postfix reload" },
	{ "qmgr has its own limit", IN_OPTIONS, "seal/unix/",
	    "qmgr/unix/seal_destination_recipient_limit = 5\nseal/unix/",
	    "error postfix.one_recipient",
	    "postconf -PX 'qmgr/unix/seal_destination_recipient_limit' && "
	    "postfix reload" },
	{ "port 25 with SASL", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_sasl_auth_enable = yes\nseal/unix/",
	    "error postfix.sasl", NULL },
	{ "port 25 with SASL and TLS", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_sasl_auth_enable = yes\n"
	    "smtp/inet/smtpd_tls_security_level = encrypt\nseal/unix/",
	    "error postfix.sasl",
	    "postconf -PX 'smtp/inet/smtpd_sasl_auth_enable' && postfix "
	    "reload" },
	{ "port 25 counts", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_data_restrictions = check_policy_service "
	    "inet:127.0.0.1:10028\nseal/unix/",
	    "error postfix.policy",
	    "postconf -P 'smtp/inet/smtpd_data_restrictions=' && postfix "
	    "reload" },
	{ "port 25 asks another", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_data_restrictions = check_policy_service "
	    "inet:127.0.0.1:9\nseal/unix/",
	    "", NULL },
	{ "port 25 delivers", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/content_filter = virtual:\nseal/unix/",
	    "error postfix.content_filter", NULL },
	{ "copies", IN_OPTIONS, "seal/unix/",
	    "cleanup/unix/always_bcc = x\nseal/unix/", "warning postfix.copies",
	    NULL },
	{ "submission does not count", IN_OPTIONS,
	    "check_policy_service { inet:127.0.0.1:10028,",
	    "check_policy_service { inet:127.0.0.1:9,", "error postfix.policy",
	    NULL },
	{ "submission stops with policyd", IN_OPTIONS, "default_action=DUNNO,",
	    "", "error postfix.policy", NULL },
	{ "submission takes late bounces", IN_OPTIONS,
	    "check_recipient_access proxy:sqlite:/u, reject", "reject",
	    "warning postfix.unusable", NULL },
	{ "what a filter hands back", IN_OPTIONS, "seal/unix/",
	    "127.0.0.1:10025/inet/smtpd_recipient_restrictions = "
	    "permit_mynetworks,reject\nseal/unix/",
	    "", NULL },
	{ "restrictions with commas", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_recipient_restrictions = "
	    "check_recipient_access,proxy:sqlite:/u,permit_mynetworks\n"
	    "seal/unix/",
	    "", NULL },
	{ "a service with restrictions of its own", IN_OPTIONS, "seal/unix/",
	    "smtp/inet/smtpd_recipient_restrictions = "
	    "permit_mynetworks, reject_unknown\nseal/unix/",
	    "warning postfix.unusable",
	    "postconf -P 'smtp/inet/smtpd_recipient_restrictions="
	    "check_recipient_access,proxy:sqlite:/u,permit_mynetworks,"
	    "reject_unknown' && postfix reload" },
	{ "another auth server", IN_OPTIONS, "inet:127.0.0.1:12345",
	    "private/auth", "warning postfix.sasl_path", NULL },
	{ "no submission", IN_OPTIONS,
	    "submission/inet/smtpd_sasl_auth_enable = yes\n", "",
	    "error postfix.policy; warning postfix.submission", NULL },
};

/* A copy with the replacement made. */
static char *
changed(const char *text, const char *from, const char *to, bool here)
{
	const char *at = here ? strstr(text, from) : NULL;
	char *out = NULL;
	int n = at == NULL ? asprintf(&out, "%s", text)
			   : asprintf(&out, "%.*s%s%s", (int)(at - text), text,
				 to, at + strlen(from));

	assert_true(n >= 0);
	assert_true(!here || at != NULL);
	return out;
}

static void
run_case(size_t i, const struct conf *conf)
{
	cleanup(doctor_report_reset) struct doctor_report r = { 0 };
	cleanup(free_str) char *parameters = changed(
	    MAIN, cases[i].from, cases[i].to, cases[i].where == IN_MAIN);
	cleanup(free_str) char *services = changed(SERVICES, cases[i].from,
	    cases[i].to, cases[i].where == IN_SERVICES);
	cleanup(free_str) char *options = changed(
	    OPTIONS, cases[i].from, cases[i].to, cases[i].where == IN_OPTIONS);
	const struct doctor_postfix p = { .conf = conf,
		.parameters = { parameters, parameters, parameters },
		.services = services,
		.options = options,
		.main_wanted = main_wanted,
		.master_wanted = master_wanted,
		.folder_option = "",
		.apply = "apply" };
	struct err err;

	assert_int_equal(doctor_judge_postfix(&p, &r, &err), 0);
	testing_expect(&r, cases[i].name, cases[i].expected);
	for (size_t k = 0; cases[i].mend != NULL && k < r.count; k++)
		if (r.findings[k].severity != DOCTOR_FINE) {
			assert_string_equal(r.findings[k].mend, cases[i].mend);
			break;
		}
}

static void
test_cases(void **state)
{
	cleanup(conf_free) struct conf *conf = NULL;
	struct err err;

	(void)state;
	assert_int_equal(conf_load(NULL, true, &conf, &err), 0);
	free(conf->milter.listen);
	conf->milter.listen = strdup("unix:/m");
	for (size_t i = 0; i < countof(cases); i++)
		run_case(i, conf);
}

static const struct {
	const char *a, *b;
	bool same;
} values[] = {
	{ "", "", true },
	{ " ", "", true },
	{ "a,b", "a b", true },
	{ "{ a, b }", "{a,b}", true },
	{ "a", "a b", false },
	{ "a b", "ab", false },
	{ "{a}", "a", false },
	{ "", ",", true },
};

static void
test_same_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(values); i++)
		if (doctor_same_value(values[i].a, values[i].b) !=
			values[i].same ||
		    doctor_same_value(values[i].b, values[i].a) !=
			values[i].same)
			fail_msg("\"%s\" and \"%s\"", values[i].a, values[i].b);
}

static const struct {
	const char *list, *entry;
	bool anywhere, first;
} lists[] = {
	{ "a b, c", "a b", true, true },
	{ "a,b,c", "a b", true, true },
	{ "c a b", "a b", true, false },
	{ "c a", "a b", false, false },
	{ "ab", "a", false, false },
	{ "", "a", false, false },
	{ "x { a b }", "a b", true, false },
};

static void
test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(lists); i++) {
		assert_int_equal(
		    doctor_list_has(lists[i].list, lists[i].entry, false),
		    lists[i].anywhere);
		assert_int_equal(
		    doctor_list_has(lists[i].list, lists[i].entry, true),
		    lists[i].first);
	}
}

/* A value cannot end the word of the shell that it stands in. */
static void
test_quotes(void **state)
{
	const struct doctor_postfix p = { .folder_option = "" };
	char out[DOCTOR_COMMAND_SIZE];

	(void)state;
	assert_string_equal(doctor_mend_set(&p, NULL, "a", "x'; reboot '", out),
	    "postconf -e 'a=x'\\''; reboot '\\''' && postfix reload");
}

/* A value is in a command whole, or there is no command. */
static void
test_long_values(void **state)
{
	const struct doctor_postfix p = { .folder_option = "" };
	char out[DOCTOR_COMMAND_SIZE], value[4000];

	(void)state;
	for (size_t n = 0; n < sizeof value; n += 7) {
		memset(value, n % 3 == 0 ? '\'' : 'x', n);
		value[n] = '\0';
		(void)doctor_mend_set(
		    &p, n % 2 == 0 ? NULL : "a/inet", "b", value, out);
		if (strncmp(out, "edit ", 5) == 0)
			assert_true(n > 150);
		else
			assert_non_null(strstr(out, "' && postfix reload"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_same_value),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
