/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "postfix_list.h"

static const struct {
	const char *name, *list, *entry;
	int at; /* -1: is not there */
} finds[] = {
	{ "alone", "sqlite:a", "sqlite:a", 0 },
	{ "last", "x, sqlite:a", "sqlite:a", 3 },
	{ "blanks only", "x sqlite:a\ty", "sqlite:a", 2 },
	{ "begins a longer one", "sqlite:a.old", "sqlite:a", -1 },
	{ "ends a longer one", "proxy:sqlite:a", "sqlite:a", -1 },
	{ "longer one first", "sqlite:ab, sqlite:a", "sqlite:a", 11 },
	{ "in braces", "pipemap:{x, sqlite:a, y}", "sqlite:a", -1 },
	{ "behind braces", "inline:{ a=b, c=d } sqlite:a", "sqlite:a", 20 },
	{ "brace left open", "inline:{ a, sqlite:a", "sqlite:a", -1 },
	{ "two words", "a, check b, c", "check b", 3 },
	{ "two words, longer", "check bc", "check b", -1 },
	{ "empty", "", "sqlite:a", -1 },
	{ "separators", " , ,", "sqlite:a", -1 },
};

static void
finding(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(finds); i++) {
		char list[100];

		(void)snprintf(list, sizeof list, "%s", finds[i].list);
		const char *found = list_find(list, finds[i].entry);
		int at = found == NULL ? -1 : (int)(found - list);

		if (at != finds[i].at)
			fail_msg("%s: %d", finds[i].name, at);
		if (list_begins_with(list, finds[i].entry) != (at == 0))
			fail_msg("%s: the first?", finds[i].name);
	}
}

static const struct {
	const char *list, *entry, *left;
} cuts[] = {
	{ "a", "a", "" },
	{ "a, b, c", "a", "b, c" },
	{ "a, b, c", "b", "a, c" },
	{ "a b c", "c", "a b" },
	{ "ab a", "a", "ab" },
	{ "check b, c", "check b", "c" },
};

static void
cutting(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cuts); i++) {
		char list[100];

		(void)snprintf(list, sizeof list, "%s", cuts[i].list);
		char *at = list_find(list, cuts[i].entry);

		assert_non_null(at);
		list_cut(list, at, strlen(cuts[i].entry));
		assert_string_equal(list, cuts[i].left);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_true(list_has_name("mx.example, One.Example", "one.example"));
	assert_false(list_has_name("one.example.org", "one.example"));
	assert_false(list_has_name("x.one.example", "one.example"));
	assert_false(list_has_name("{ one.example }", "one.example"));
	assert_false(list_has_name("", "one.example"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finding),
		cmocka_unit_test(cutting),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
