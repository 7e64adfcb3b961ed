/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ARGS_MAX = 8 };

struct seen {
	bool json;
	const char *key;
};

/* The last argument is NULL, as in argv. */
static int
parse(char **argv, int min, int max, struct seen *seen, char *errors,
    size_t size)
{
	FILE *f = fmemopen(errors, size, "w");
	struct ctl ctl = { .errors = f, .command = "sealpost x" };
	const struct ctl_option options[] = {
		{ "--json", &seen->json, NULL },
		{ "--key", NULL, &seen->key },
	};
	int argc = 0;

	errors[0] = '\0';
	while (argv[argc] != NULL)
		argc++;

	int rc = ctl_arguments(&ctl, argc, argv, options, countof(options),
	    min, max);

	fclose(f);
	return rc;
}

static char a0[] = "x", a1[] = "one", a2[] = "two", json[] = "--json",
	    key[] = "--key", key_is[] = "--key=f=g", key_empty[] = "--key=",
	    dashes[] = "--", dash[] = "-", json_is[] = "--json=1",
	    other[] = "--jso", bad[] = "--a\nb";

static const struct {
	char *argv[ARGS_MAX];
	int rc;
	const char *first; /* of the arguments left */
	bool json;
	const char *key;
	const char *error;
} cases[] = {
	{ { a0, a1, a2 }, 2, a1, false, NULL, "" },
	{ { a0, json, a1 }, 1, a1, true, NULL, "" },
	{ { a0, a1, json }, 1, a1, true, NULL, "" },
	{ { a0, json, a1, json }, 1, a1, true, NULL, "" },
	{ { a0, a1, key, a2 }, 1, a1, false, a2, "" },
	{ { a0, key_is, a1 }, 1, a1, false, "f=g", "" },
	{ { a0, key_empty, a1 }, 1, a1, false, "", "" },
	{ { a0, dashes, json }, 1, json, false, NULL, "" },
	{ { a0, dash }, 1, dash, false, NULL, "" },
	{ { a0, key, dashes, a1 }, 1, a1, false, dashes, "" },
	{ { a0, a1, key }, -1, NULL, false, NULL,
	    "sealpost x: --key lacks its value; see sealpost x --help\n" },
	{ { a0, key, a1, key, a2 }, -1, NULL, false, NULL,
	    "sealpost x: --key is given twice; see sealpost x --help\n" },
	{ { a0, json_is, a1 }, -1, NULL, false, NULL,
	    "sealpost x: --json takes no value; see sealpost x --help\n" },
	{ { a0, other, a1 }, -1, NULL, false, NULL,
	    "sealpost x: --jso is no option of this command; see sealpost x "
	    "--help\n" },
	{ { a0, bad, a1 }, -1, NULL, false, NULL,
	    "sealpost x: --a?b is no option of this command; see sealpost x "
	    "--help\n" },
	{ { a0 }, -1, NULL, false, NULL,
	    "sealpost x: an argument is missing; see sealpost x --help\n" },
	{ { a0, a1, a2, a1 }, -1, NULL, false, NULL,
	    "sealpost x: too many arguments; see sealpost x --help\n" },
};

static void
test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char *argv[ARGS_MAX];
		char errors[500];
		struct seen seen = { .json = false };

		memcpy(argv, cases[i].argv, sizeof argv);

		int rc = parse(argv, 1, 2, &seen, errors, sizeof errors);

		if (rc != cases[i].rc)
			fail_msg("case %zu: rc %d, %s", i, rc, errors);
		assert_string_equal(errors, cases[i].error);
		if (rc < 0)
			continue;
		assert_ptr_equal(argv[1], cases[i].first);
		assert_null(argv[rc + 1]);
		assert_int_equal(seen.json, cases[i].json);
		assert_int_equal(seen.key == NULL, cases[i].key == NULL);
		if (seen.key != NULL)
			assert_string_equal(seen.key, cases[i].key);
	}
}

static void
test_kinds(void **state)
{
	char text[500];
	FILE *f = fmemopen(text, sizeof text, "w");
	struct ctl ctl = { .errors = f, .command = "sealpost x" };
	struct err err;

	(void)state;
	err_set(&err, ERR_TEMP, "locked");
	assert_int_equal(ctl_fail(&ctl, &err), CTL_TRY_AGAIN);
	err_set(&err, ERR_PERM, "no");
	assert_int_equal(ctl_fail(&ctl, &err), CTL_FAILED);
	err_set(&err, ERR_PROTO, "no");
	assert_int_equal(ctl_fail(&ctl, &err), CTL_FAILED);
	ctl_warn(&ctl, "old\n%s", "key");
	fclose(f);
	assert_string_equal(text,
	    "sealpost: locked\nsealpost: no\nsealpost: no\n"
	    "sealpost: warning: old?key\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
