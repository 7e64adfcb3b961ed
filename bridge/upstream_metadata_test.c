/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "upstream_private.h"
#include "upstream_smtp.h"

#define ENTRY "/private/vendor/vendor.sealpost/vault"

static const struct {
	const char *name, *in;
	int rc;
	const char *value;
} cases[] = {
	{ "literal", "* METADATA \"\" (" ENTRY " {5}\r\na\r\nb))", 1,
	    "a\r\nb)" },
	{ "quoted", "* METADATA \"\" (" ENTRY " \"a\\\"b\\\\\")", 1,
	    "a\"b\\" },
	{ "atom", "* metadata INBOX (" ENTRY " abc)", 1, "abc" },
	{ "other case", "* METADATA \"\" (/Private/vendor/vendor.sealpost/"
			"VAULT \"x\")", 1, "x" },
	{ "second", "* METADATA {0}\r\n (/private/x {1}\r\n) " ENTRY
		    " \"y\")", 1, "y" },
	{ "binary", "* METADATA \"\" (" ENTRY " ~{2}\r\nab)", 1, "ab" },
	{ "nil", "* METADATA \"\" (" ENTRY " NIL)", 0, "" },
	{ "not there", "* METADATA \"\" (/private/x \"y\")", 0, "" },
	{ "changed", "* METADATA \"\" " ENTRY, 0, "" },
	{ "another response", "* 3 EXISTS", 0, "" },
	{ "empty", "", 0, "" },
	{ "cut literal", "* METADATA \"\" (" ENTRY " {5}\r\nabc)", -1, "" },
	{ "huge literal", "* METADATA \"\" (" ENTRY
			  " {99999999999999999999}\r\nabc)", -1, "" },
	{ "open quote", "* METADATA \"\" (" ENTRY " \"abc", -1, "" },
	{ "open escape", "* METADATA \"\" (" ENTRY " \"abc\\", -1, "" },
	{ "no value", "* METADATA \"\" (" ENTRY ")", -1, "" },
	{ "nothing", "* METADATA \"\" (", -1, "" },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(buf_reset) struct buf in = { .limit = 1000 };
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(buf_puts(&in, cases[i].in, NULL), 0);

		int rc = imap_metadata_value(&in, ENTRY, &out, NULL);

		if (rc != cases[i].rc ||
		    (rc == 1 &&
		        (out.len != strlen(cases[i].value) ||
		            memcmp(out.data, cases[i].value, out.len) != 0)))
			fail_msg("%s: %d \"%.*s\"", cases[i].name, rc,
			    (int)out.len, (const char *)out.data);
	}
}

/* Cut anywhere, it is never a value that is not the whole one. */
static void
test_cut(void **state)
{
	const char *whole = cases[0].in;

	(void)state;
	for (size_t n = 0; n < strlen(whole) - 1; n++) {
		cleanup(buf_reset) struct buf in = { .limit = 1000 };
		cleanup(buf_reset) struct buf out = { .limit = 1000 };

		assert_int_equal(buf_put(&in, whole, n, NULL), 0);
		if (imap_metadata_value(&in, ENTRY, &out, NULL) == 1)
			fail_msg("cut at %zu it has a value", n);
	}
}

static const struct {
	const char *in;
	int rc;
	bool is_sent;
	const char *name;
} lists[] = {
	{ "* LIST (\\HasNoChildren \\Sent) \"/\" Sent", 1, true, "Sent" },
	{ "* LIST () NIL \"a b\"", 1, false, "a b" },
	{ "* LIST (\\Sentinel) \".\" {3}\r\na\"b", 1, false, "a\"b" },
	{ "* list (\\sent) \"/\" \"x\\\"y\"", 1, true, "x\"y" },
	{ "* LSUB () \"/\" a", 0, false, "" },
	{ "* LIST (\\Sent \"/\" a", -1, false, "" },
	{ "* LIST (\\Sent", -1, false, "" },
	{ "* LIST (\\Sent) \"/\"", -1, false, "" },
	{ "* LIST (\\Sent)", -1, false, "" },
};

static void
test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(lists); i++) {
		cleanup(buf_reset) struct buf in = { .limit = 1000 };
		cleanup(buf_reset) struct buf name = { .limit = 1000 };
		bool is_sent = false;

		assert_int_equal(buf_puts(&in, lists[i].in, NULL), 0);

		int rc = imap_list_entry(&in, &is_sent, &name, NULL);

		if (rc != lists[i].rc ||
		    (rc == 1 &&
		        (is_sent != lists[i].is_sent ||
		            strcmp(buf_str(&name, NULL), lists[i].name) !=
		                0)))
			fail_msg("%s: %d", lists[i].in, rc);
	}
}

static void
test_words(void **state)
{
	(void)state;
	assert_true(upstream_has_word("A AUTH=PLAIN B", "auth=plain"));
	assert_true(upstream_has_word("AUTH=PLAIN", "AUTH=PLAIN"));
	assert_false(upstream_has_word("AUTH=PLAINER", "AUTH=PLAIN"));
	assert_false(upstream_has_word("XAUTH=PLAIN", "AUTH=PLAIN"));
	assert_false(upstream_has_word("", "AUTH=PLAIN"));
}

static void
test_keywords(void **state)
{
	static const char ehlo[] = "PIPELINING\nSIZE 1000\nauth PLAIN LOGIN\n"
				   "AUTH=PLAIN\nSIZEX\nDSN\n";
	size_t len = 9;
	const char *p = smtp_keyword(ehlo, "SIZE", &len);

	(void)state;
	assert_non_null(p);
	assert_int_equal(len, 4);
	assert_memory_equal(p, "1000", 4);
	p = smtp_keyword(ehlo, "AUTH", &len);
	assert_non_null(p);
	assert_int_equal(len, 11);
	assert_memory_equal(p, "PLAIN LOGIN", 11);
	assert_non_null(smtp_keyword(ehlo, "DSN", &len));
	assert_int_equal(len, 0);
	assert_null(smtp_keyword(ehlo, "CHUNKING", &len));
	assert_null(smtp_keyword("", "DSN", &len));
}

static void
test_base64(void **state)
{
	cleanup(buf_reset) struct buf out = { .limit = 100 };

	(void)state;
	assert_int_equal(upstream_put_decoded("YWI=", &out, NULL), 0);
	assert_int_equal(out.len, 2);
	assert_int_equal(upstream_put_decoded("", &out, NULL), 0);
	assert_int_equal(upstream_put_decoded("=", &out, NULL), 0);
	assert_int_equal(out.len, 2);
	assert_int_equal(upstream_put_decoded("YW", &out, NULL), -1);
	assert_int_equal(upstream_put_decoded("Y\"==", &out, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
