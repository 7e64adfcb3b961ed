/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *in, *out; /* "kind request label" of each; NULL = refused */
} cases[] = {
	{ "1 FLAGS", "0 FLAGS FLAGS|" },
	{ "1:* (uid flags modseq)",
	    "0 uid UID|0 flags FLAGS|0 modseq MODSEQ|" },
	{ "1 all", "0 FLAGS FLAGS|0 INTERNALDATE INTERNALDATE|"
		   "1 RFC822.SIZE RFC822.SIZE|2 ENVELOPE ENVELOPE|" },
	{ "1 FULL", "0 FLAGS FLAGS|0 INTERNALDATE INTERNALDATE|"
		    "1 RFC822.SIZE RFC822.SIZE|2 ENVELOPE ENVELOPE|"
		    "3 BODY BODY|" },
	{ "1 body[]", "5 BODY[] BODY[]|" },
	{ "1 (body.peek[]<0.65536>)", "5 BODY.PEEK[]<0.65536> BODY[]<0>|" },
	{ "1 BODY.PEEK[header.fields (date \"Subject\" x-none)]",
	    "5 BODY.PEEK[HEADER.FIELDS (DATE \"SUBJECT\" X-NONE)] "
	    "BODY[HEADER.FIELDS (DATE \"SUBJECT\" X-NONE)]|" },
	{ "1 BODY[1.2.HEADER.FIELDS.NOT ({4}\r\ndate)]",
	    "5 BODY[1.2.HEADER.FIELDS.NOT (\"DATE\")] "
	    "BODY[1.2.HEADER.FIELDS.NOT (\"DATE\")]|" },
	{ "1 (BODY[1.mime] BODY[3.TEXT] BODY[HEADER])",
	    "5 BODY[1.MIME] BODY[1.MIME]|5 BODY[3.TEXT] BODY[3.TEXT]|"
	    "5 BODY[HEADER] BODY[HEADER]|" },
	{ "1 (RFC822 RFC822.HEADER rfc822.text)",
	    "5 RFC822 RFC822|5 RFC822.HEADER RFC822.HEADER|"
	    "5 rfc822.text RFC822.TEXT|" },
	{ "1 (FLAGS) (CHANGEDSINCE 12345678901234567 VANISHED)",
	    "0 FLAGS FLAGS|" },
	{ "1", NULL },
	{ "", NULL },
	{ "1 ()", NULL },
	{ "0 FLAGS", NULL },
	{ "1 (ALL)", NULL },
	{ "1 RFC822.PEEK", NULL },
	{ "1 BINARY[1]", NULL },
	{ "1 (PREVIEW)", NULL },
	{ "1 BODY[0]", NULL },
	{ "1 BODY[1.]", NULL },
	{ "1 BODY[.1]", NULL },
	{ "1 BODY[1", NULL },
	{ "1 BODY[MIME]", NULL },
	{ "1 BODY[TEXTS]", NULL },
	{ "1 BODY[HEADER.FIELDS ()]", NULL },
	{ "1 BODY[HEADER.FIELDS]", NULL },
	{ "1 BODY[]<1>", NULL },
	{ "1 BODY[]<1.0>", NULL },
	{ "1 BODY[]<1.2>x", NULL },
	{ "1 BODY[]<99999999999.2>", NULL },
	{ "1 FLAGS FLAGS", NULL },
	{ "1 FLAGS (X)", NULL },
	{ "1 (FLAGS", NULL },
};

static void
items_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 9999 };
		cleanup(imap_fetch_reset) struct imap_fetch f = { 0 };
		struct err err = { 0 };
		int rc = imap_fetch_parse(
		    cases[i].in, strlen(cases[i].in), &f, &err);

		print_message("%s\n", cases[i].in);
		assert_int_equal(rc, cases[i].out == NULL ? -1 : 0);
		if (rc < 0) {
			assert_int_equal(err.kind, ERR_PROTO);
			continue;
		}
		for (size_t k = 0; k < f.count; k++)
			assert_int_equal(
			    buf_putf(&out, NULL, "%d %s %s|",
				(int)f.items[k].kind, f.items[k].request,
				f.items[k].label),
			    0);
		assert_string_equal(buf_str(&out, NULL), cases[i].out);
	}
}

static void
details_are_kept(void **state)
{
	static const char in[] =
	    "1 (BODY[1.2.HEADER.FIELDS (a \"B\")]<7.9> BODY.PEEK[]) "
	    "(CHANGEDSINCE 4)";
	cleanup(imap_fetch_reset) struct imap_fetch f = { 0 };

	(void)state;
	assert_int_equal(imap_fetch_parse(in, strlen(in), &f, NULL), 0);
	assert_int_equal(f.count, 2);
	assert_true(f.changed_since);
	assert_int_equal(f.items[0].section.kind, SECTION_HEADER_FIELDS);
	assert_int_equal(f.items[0].section.path_len, 2);
	assert_int_equal(f.items[0].section.path[1], 2);
	assert_int_equal(f.items[0].section.field_count, 2);
	assert_string_equal(f.items[0].section.fields[1], "B");
	assert_true(f.items[0].seen && f.items[0].partial);
	assert_int_equal(f.items[0].origin, 7);
	assert_int_equal(f.items[0].count, 9);
	assert_false(f.items[1].seen);
}

/* Whatever is cut off or changed: no crash, and never an unknown item. */
static void
damage_is_borne(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		size_t n = strlen(cases[i].in);

		for (size_t k = 0; k < n * 4; k++) {
			cleanup(imap_fetch_reset) struct imap_fetch f = { 0 };
			cleanup(free_str) char *text = strdup(cases[i].in);

			text[k % n] = "\0[(\""[k / n];
			if (imap_fetch_parse(
				text, k / n == 0 ? k : n, &f, NULL) == 0)
				assert_true(f.count > 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_understood),
		cmocka_unit_test(details_are_kept),
		cmocka_unit_test(damage_is_borne),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
