/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The milter from callback to edit, its decisions and its counters. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "kit.h"
#include "milter/settings.h"
#include "site.h"
#include "store/stats.h"

#define MAIL                                                              \
	"Received: by first\r\n"                                          \
	"Subject: canary-subject\r\n"                                     \
	"Content-Type: text/plain;\r\n\tname=canary-type\r\n"             \
	"From: a@example.com\r\n"                                         \
	"X-Sealpost: forged\r\n"                                          \
	"Content-Type: second\r\n"                                        \
	"\r\n"                                                            \
	"canary-body\r\n"

static const char *const ann[] = { "<ann@example.org>", NULL };
static const char *const bob[] = { "<Bob+lists@EXAMPLE.org>", NULL };
static const char *const eve[] = { "<eve@example.org>", NULL };
static const char *const kim[] = { "<kim@example.org>", NULL };
static const char *const shy[] = { "<shy@example.org>", NULL };
static const char *const nobody[] = { "<nobody@example.org>", NULL };
static const char *const two[] = { "<ann@example.org>", "<bob@example.org>",
	NULL };

static int
begin_default(void **state)
{
	(void)state;
	site_begin("");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	site_end();
	return 0;
}

static struct stats_counters
counted(const char *address)
{
	cleanup(stats_close) struct stats *s = NULL;
	struct stats_counters c = { 0 };
	struct err err = { 0 };

	assert_int_equal(stats_open(site_path("stats.db"), STORE_READ, &s,
			     &err), 0);
	assert_int_equal(stats_sum(s, address, 0, &c, &err), 0);
	return c;
}

static void
expect_sealed(const char *const *to, const char *text, size_t n, size_t piece)
{
	cleanup(buf_reset) struct buf stored = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf back = { .limit = SIZE_MAX / 2 };

	assert_int_equal(fake_send(to, text, n, piece, &stored),
	    SMFIS_CONTINUE);
	assert_memory_equal(stored.data, "X-Sealpost: v=1; at-rest; body=", 31);
	assert_null(memmem(stored.data, stored.len, "canary-body", 11));
	assert_null(memmem(stored.data, stored.len, "canary-type", 11));
	assert_null(memmem(stored.data, stored.len, "forged", 6));
	kit_unseal(stored.data, stored.len, &back);
	assert_int_equal(back.len, n);
	assert_memory_equal(back.data, text, n);
}

static void
seals(void **state)
{
	(void)state;
	expect_sealed(ann, MAIL, strlen(MAIL), 65535);
	expect_sealed(ann, MAIL, strlen(MAIL), 1);
	expect_sealed(bob, MAIL, strlen(MAIL), 7);
	expect_sealed(ann, "\r\n", 2, 1);
	expect_sealed(ann, "\r\ncanary-body", 13, 65535);
	assert_int_equal(counted("ann@example.org").sealed, 4);
	assert_int_equal(counted("ann@example.org").received, 4);
	assert_int_equal(counted("bob@example.org").sealed, 1);
}

static void
seals_large_header_and_body(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++)
		assert_int_equal(buf_putf(&m, &err, "X-Field-%d: value\r\n", i),
		    0);
	assert_int_equal(buf_puts(&m, "Content-Description: ", &err), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_putc(&m, 'd', &err), 0);
	assert_int_equal(buf_puts(&m, "\r\nSubject: s\r\n\r\n", &err), 0);
	for (int i = 0; i < 300000; i++)
		assert_int_equal(buf_puts(&m, "canary-body ", &err), 0);
	expect_sealed(ann, (const char *)m.data, m.len, 65535);
	expect_sealed(bob, (const char *)m.data, m.len, 65535);
}

static void
protects_the_subject(void **state)
{
	cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };

	(void)state;
	assert_int_equal(fake_send(shy, MAIL, strlen(MAIL), 65535, &stored),
	    SMFIS_CONTINUE);
	assert_null(memmem(stored.data, stored.len, "canary", 6));
	expect_sealed(shy, MAIL, strlen(MAIL), 65535);
}

static void
passes_what_is_sealed_but_not_a_forged_marker(void **state)
{
	cleanup(buf_reset) struct buf once = { .limit = 1 << 20 };
	cleanup(buf_reset) struct buf again = { .limit = 1 << 20 };
	cleanup(buf_reset) struct buf other = { .limit = 1 << 20 };

	(void)state;
	assert_int_equal(fake_send(ann, MAIL, strlen(MAIL), 9, &once),
	    SMFIS_CONTINUE);
	assert_int_equal(fake_send(ann, once.data, once.len, 9, &again),
	    SMFIS_CONTINUE);
	assert_null(memmem(again.data, again.len, "X-Sealpost", 10));
	assert_int_equal(counted("ann@example.org").already_sealed, 1);
	assert_memory_equal(again.data + again.len - 100,
	    once.data + once.len - 100, 100);
	/* bob's key is the same here, shy's account protects the subject */
	assert_int_equal(fake_send(shy, again.data, again.len, 9, &other),
	    SMFIS_CONTINUE);
	assert_int_equal(counted("shy@example.org").already_sealed, 1);
}

struct refusal {
	const char *name;
	const char *settings;
	const char *const *to;
	sfsistat status;
	const char *reply;
};

static const struct refusal refusals[] = {
	{ "expired, defer", "", eve, SMFIS_TEMPFAIL, "451 4.7.1" },
	{ "expired, reject", "missing_key = reject", eve, SMFIS_REJECT,
	    "550 5.7.1" },
	{ "no certificate", "unenrolled = pass", kim, SMFIS_TEMPFAIL,
	    "451 4.7.1" },
	{ "no account, defer", "", nobody, SMFIS_TEMPFAIL, "451 4.7.1" },
	{ "no account, reject", "unenrolled = reject", nobody, SMFIS_REJECT,
	    "550 5.7.1" },
	{ "two recipients", "unenrolled = pass", two, SMFIS_TEMPFAIL,
	    "451 4.7.1" },
};

static void
refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refusals); i++) {
		const struct refusal *r = &refusals[i];
		cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };

		site_begin(r->settings);
		print_message("%s\n", r->name);
		assert_int_equal(fake_send(r->to, MAIL, strlen(MAIL), 9,
				     &stored), r->status);
		assert_int_equal(stored.len, 0);
		assert_memory_equal(fake_reply(), r->reply, 9);
		assert_int_equal(r->status == SMFIS_REJECT
			? counted(NULL).refused
			: counted(NULL).deferred, 1);
		assert_int_equal(counted(NULL).received, 0);
		site_end();
	}
}

static void
passes_plaintext_only_when_told(void **state)
{
	cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };

	(void)state;
	site_begin("unenrolled = pass");
	assert_int_equal(fake_send(nobody, MAIL, strlen(MAIL), 9, &stored),
	    SMFIS_CONTINUE);
	assert_non_null(memmem(stored.data, stored.len, "canary-body", 11));
	assert_null(memmem(stored.data, stored.len, "X-Sealpost", 10));
	assert_int_equal(counted(NULL).plaintext, 1);
	site_end();
}

/* Postfix and Dovecot may cut at another delimiter than we do. */
static void
does_not_pass_a_second_spelling(void **state)
{
	static const char *const spellings[] = { "<ann+list@example.org>",
		"<ANN+@example.org>" };

	(void)state;
	site_begin("unenrolled = pass\n[accounts]\n"
		   "recipient_delimiter = =");
	for (size_t i = 0; i < countof(spellings); i++) {
		const char *const to[] = { spellings[i], NULL };
		cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };

		assert_int_equal(fake_send(to, MAIL, strlen(MAIL), 9, &stored),
		    SMFIS_TEMPFAIL);
		assert_int_equal(stored.len, 0);
	}
	site_end();
}

static void
defers_without_its_database(void **state)
{
	cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };

	(void)state;
	site_begin("unenrolled = pass");
	assert_int_equal(remove(site_path("directory.db")), 0);
	assert_int_equal(fake_send(ann, MAIL, strlen(MAIL), 9, &stored),
	    SMFIS_TEMPFAIL);
	FILE *f = fopen(site_path("directory.db"), "w");
	assert_non_null(f);
	fputs("this is not a database, but it is long enough to be read", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(fake_send(nobody, MAIL, strlen(MAIL), 9, &stored),
	    SMFIS_TEMPFAIL);
	assert_int_equal(stored.len, 0);
	site_end();
}

static void
delivers_without_its_counters(void **state)
{
	(void)state;
	site_begin("");
	assert_int_equal(remove(site_path("stats.db")), 0);
	expect_sealed(ann, MAIL, strlen(MAIL), 9);
	site_end();
}

static void
reload_takes_effect_and_a_bad_one_does_not(void **state)
{
	cleanup(buf_reset) struct buf stored = { .limit = 1 << 20 };
	struct err err = { 0 };
	char path[320];
	FILE *f;

	(void)state;
	site_begin("");
	(void)snprintf(path, sizeof path, "%s", site_path("sealpost.conf"));
	f = fopen(path, "a");
	assert_non_null(f);
	fputs("unenrolled = reject\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(settings_load(path, &err), 0);
	assert_int_equal(fake_send(nobody, MAIL, strlen(MAIL), 9, &stored),
	    SMFIS_REJECT);
	f = fopen(path, "a");
	assert_non_null(f);
	fputs("nonsense\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(settings_load(path, &err), -1);
	assert_int_equal(fake_send(nobody, MAIL, strlen(MAIL), 9, &stored),
	    SMFIS_REJECT);
	site_end();
}

static void
insists_on_what_it_needs(void **state)
{
	const unsigned long all = SMFIF_ADDHDRS | SMFIF_CHGHDRS |
	    SMFIF_CHGBODY;

	(void)state;
	assert_int_equal(fake_negotiate(all, SMFIP_HDR_LEADSPC),
	    SMFIS_CONTINUE);
	assert_int_equal(fake_negotiate(all, 0), SMFIS_REJECT);
	assert_int_equal(fake_negotiate(SMFIF_ADDHDRS, SMFIP_HDR_LEADSPC),
	    SMFIS_REJECT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(seals, begin_default, end),
		cmocka_unit_test_setup_teardown(seals_large_header_and_body,
		    begin_default, end),
		cmocka_unit_test_setup_teardown(protects_the_subject,
		    begin_default, end),
		cmocka_unit_test_setup_teardown(
		    passes_what_is_sealed_but_not_a_forged_marker,
		    begin_default, end),
		cmocka_unit_test(refuses),
		cmocka_unit_test(passes_plaintext_only_when_told),
		cmocka_unit_test(does_not_pass_a_second_spelling),
		cmocka_unit_test(defers_without_its_database),
		cmocka_unit_test(delivers_without_its_counters),
		cmocka_unit_test(reload_takes_effect_and_a_bad_one_does_not),
		cmocka_unit_test_setup_teardown(insists_on_what_it_needs,
		    begin_default, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
