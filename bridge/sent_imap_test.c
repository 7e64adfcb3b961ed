/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sent_imap.h"

static const struct {
	const char *line;
	uint32_t uidvalidity, uid;
} cases[] = {
	{ "S OK [APPENDUID 38505 3955] done", 38505, 3955 },
	{ "S OK [appenduid 1 4294967295] done", 1, 4294967295 },
	{ "S OK [APPENDUID 1 4294967296] done", 0, 0 },
	{ "S OK [APPENDUID 1 0] done", 0, 0 },
	{ "S OK [APPENDUID 1 99999999999] done", 0, 0 },
	{ "S OK [APPENDUID 1 2:3] done", 0, 0 },
	{ "S OK [APPENDUID 1", 0, 0 },
	{ "S OK [APPENDUID ", 0, 0 },
	{ "S OK done", 0, 0 },
	{ "", 0, 0 },
};

static void
test_appenduid(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct sent_place p = sent_read_appenduid(cases[i].line);

		if (p.uidvalidity != cases[i].uidvalidity ||
		    p.uid != cases[i].uid)
			fail_msg("%s: %u %u", cases[i].line, p.uidvalidity,
			    p.uid);
	}
}

static void
test_place(void **state)
{
	struct sent_place p = { 0 };

	(void)state;
	sent_note_place("* OK [UIDVALIDITY 7] UIDs valid", &p);
	sent_note_place("* 3 EXISTS", &p);
	sent_note_place("* SEARCH", &p);
	assert_int_equal(p.uidvalidity, 7);
	assert_int_equal(p.uid, 0);
	sent_note_place("* SEARCH 4294967296", &p);
	assert_int_equal(p.uid, 0);
	sent_note_place("* search 3 5", &p);
	assert_int_equal(p.uid, 5);
}

static void
test_missing(void **state)
{
	static const struct {
		const char *line;
		int missing;
	} answers[] = {
		{ "S NO [NONEXISTENT] no such folder", 1 },
		{ "S NO [nonexistent] no such folder", 1 },
		{ "S NO [TRYCREATE] no such folder", 1 },
		{ "S NO Mailbox doesn't exist: x", 0 },
		{ "S NO [UNAVAILABLE] later", -1 },
		{ "S NO [INUSE] later", -1 },
		{ "S NO [SERVERBUG] Internal error", -1 },
		{ "S BAD [NONEXISTENT] what?", -1 },
		{ "S OK [READ-ONLY] selected", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(answers); i++)
		if (sent_says_missing(answers[i].line) != answers[i].missing)
			fail_msg("%s", answers[i].line);
}

static void
test_listed(void **state)
{
	static const struct {
		const char *line;
		bool folder;
	} answers[] = {
		{ "* LIST () \"/\" Sent", true },
		{ "* LIST (\\HasNoChildren \\Sent) \"/\" Sent", true },
		{ "* LIST (\\Noselect \\HasChildren) \"/\" Sent", false },
		{ "* LIST (\\NonExistent) \"/\" Sent", false },
		{ "* LIST () \"/\" \"(x) \\\\Noselect\"", true },
		{ "* LIST (", false },
		{ "* 3 EXISTS", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(answers); i++)
		if (sent_is_folder(answers[i].line) != answers[i].folder)
			fail_msg("%s", answers[i].line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appenduid),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
