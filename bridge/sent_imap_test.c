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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appenduid),
		cmocka_unit_test(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
