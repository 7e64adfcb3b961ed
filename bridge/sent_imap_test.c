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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appenduid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
