/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/imap_capability.h"

static const struct {
	const char *in;
	int kind; /* -1 = none */
	uint32_t number;
	const char *word, *code, *rest;
} cases[] = {
	{ "+ idling", IMAP_CONTINUE, 0, "", NULL, "idling" },
	{ "+", IMAP_CONTINUE, 0, "", NULL, "" },
	{ "a1 OK [CAPABILITY IMAP4rev1] in", IMAP_TAGGED, 0, "OK",
	    "CAPABILITY IMAP4rev1", "in" },
	{ "a1 NO no", IMAP_TAGGED, 0, "NO", NULL, "no" },
	{ "a1 NO [x no", IMAP_TAGGED, 0, "NO", NULL, "[x no" },
	{ "* OK [UIDVALIDITY 7] v", IMAP_STATUS, 0, "OK", "UIDVALIDITY 7",
	    "v" },
	{ "* BYE", IMAP_STATUS, 0, "BYE", NULL, "" },
	{ "* 12 EXISTS", IMAP_DATA, 12, "EXISTS", NULL, "" },
	{ "* 12 FETCH (UID 4)", IMAP_DATA, 12, "FETCH", NULL, "(UID 4)" },
	{ "* SEARCH 1 2", IMAP_DATA, 0, "SEARCH", NULL, "1 2" },
	{ "* 12", -1, 0, NULL, NULL, NULL },
	{ "*", -1, 0, NULL, NULL, NULL },
	{ "", -1, 0, NULL, NULL, NULL },
	{ "a1", -1, 0, NULL, NULL, NULL },
	{ "a1 FETCH", -1, 0, NULL, NULL, NULL },
};

static void
equals(const uint8_t *is, size_t n, const char *should)
{
	if (should == NULL) {
		assert_null(is);
		return;
	}
	assert_int_equal(n, strlen(should));
	assert_memory_equal(is, should, n);
}

static void
kinds_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct imap_response r;
		int rc = imap_response_parse(
		    cases[i].in, strlen(cases[i].in), &r, NULL);

		print_message("%s\n", cases[i].in);
		assert_int_equal(rc, cases[i].kind < 0 ? -1 : 0);
		if (rc < 0)
			continue;
		assert_int_equal(r.kind, cases[i].kind);
		assert_int_equal(r.number, cases[i].number);
		if (cases[i].word[0] != '\0')
			equals(r.word, r.word_len, cases[i].word);
		equals(r.code, r.code_len, cases[i].code);
		equals(r.rest, r.rest_len, cases[i].rest);
	}
}

static void
fetch_items_are_walked(void **state)
{
	static const char in[] = "* 3 FETCH (UID 7 FLAGS (\\Seen)"
				 " BODY[HEADER.FIELDS (A)]<0> {4}\r\n)(\r\n"
				 " ENVELOPE (NIL \"(\") X NIL)";
	static const char *const names[] = { "UID", "FLAGS",
		"BODY[HEADER.FIELDS (A)]<0>", "ENVELOPE", "X" };
	struct imap_response r;
	struct imap_cursor items;
	struct imap_value name, value;

	(void)state;
	assert_int_equal(imap_response_parse(in, strlen(in), &r, NULL), 0);
	assert_int_equal(imap_fetch_open(&r, &items, NULL), 0);
	for (size_t i = 0; i < countof(names); i++) {
		assert_int_equal(
		    imap_fetch_next(&items, &name, &value, NULL), 1);
		assert_true(imap_is(&name, names[i]));
		if (i == 2)
			equals(value.data, value.len, ")(\r\n");
	}
	assert_int_equal(imap_fetch_next(&items, &name, &value, NULL), 0);
}

static void
capabilities_are_filtered(void **state)
{
	static const struct {
		const char *in, *out;
	} lists[] = {
		{ "", "LITERAL+" },
		{ "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT "
		  "SORT=DISPLAY THREAD=REFS MULTIAPPEND URL-PARTIAL CATENATE "
		  "UNSELECT UIDPLUS CONTEXT=SEARCH BINARY MOVE PREVIEW=FUZZY "
		  "STATUS=SIZE LITERAL+ NOTIFY SPECIAL-USE COMPRESS=DEFLATE "
		  "UTF8=ACCEPT IMAP4rev2 AUTH=PLAIN STARTTLS X-FUTURE",
		    "IMAP4rev1 SASL-IR ID ENABLE IDLE MULTIAPPEND UNSELECT "
		    "UIDPLUS MOVE SPECIAL-USE LITERAL+" },
		{ "imap4rev1 quota QUOTA=RES-STORAGE RIGHTS=texk rights",
		    "imap4rev1 quota QUOTA=RES-STORAGE RIGHTS=texk LITERAL+" },
		{ "APPENDLIMIT=1065536 APPENDLIMIT=10 APPENDLIMIT",
		    "APPENDLIMIT=700000 APPENDLIMIT=0 LITERAL+" },
	};

	(void)state;
	for (size_t i = 0; i < countof(lists); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 9999 };

		assert_int_equal(imap_capability_filter(lists[i].in,
				     strlen(lists[i].in), &out, NULL),
		    0);
		assert_string_equal(buf_str(&out, NULL), lists[i].out);
	}
	assert_true(imap_capability_has("A LITERAL+ B", 12, "literal+"));
	assert_false(imap_capability_has("A LITERAL+ B", 12, "LITERAL"));
	assert_true(imap_enable_passes("qresync", 7));
	assert_false(imap_enable_passes("UTF8=ACCEPT", 11));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(fetch_items_are_walked),
		cmocka_unit_test(capabilities_are_filtered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
