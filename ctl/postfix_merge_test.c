/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "postfix_merge.h"

struct revert_case {
	const char *name;
	const char *before, *after, *current;
	const char *out, *kept;
};

static const struct revert_case reverts[] = {
	{ "nothing else changed", "a = 1\nb = 2\n", "a = 1\nb = 3\nc = 4\n",
	    "a = 1\nb = 3\nc = 4\n", "a = 1\nb = 2\n", "" },
	{ "never applied", "a = 1", "a = 2\n", "a = 1", "a = 1", "" },
	{ "a new line of the admin at the end", "a = 1\n", "a = 1\nb = 2\n",
	    "a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n", "" },
	{ "a new line of the admin among ours", "a = 1\n",
	    "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 2\nx = y\nc = 3\n",
	    "a = 1\nx = y\n", "" },
	{ "the admin changed one of ours", "a = 1\n",
	    "a = 1\nb = 2\nc = 3\nd = 4\n", "a = 1\nb = 2\nc = 5\nd = 4\n",
	    "a = 1\nc = 5\n", "c\n" },
	{ "the admin changed one that we had changed", "a = 1\nb = 2\n",
	    "a = 5\nb = 2\n", "a = 6\nb = 2\n", "a = 6\nb = 2\n", "a\n" },
	{ "the admin removed one of ours", "a = 1\n", "a = 1\nb = 2\nc = 3\n",
	    "a = 1\nc = 3\n", "a = 1\n", "" },
	{ "several lines, comments within", "x =\n\ta,\n# c\n\tb\ny = 1\n",
	    "x = a, b, c\n# c\ny = 1\n", "x = a, b, c\n# c\ny = 2\n",
	    "x =\n\ta,\n# c\n\tb\ny = 2\n", "" },
	{ "several lines, comments within, changed since",
	    "x =\n\ta,\n# c\n\tb\ny = 1\n", "x = a, b, c\n# c\ny = 1\n",
	    "x = a\n# c\ny = 1\n", "x = a\n# c\ny = 1\n", "x\n" },
	{ "no final newline", "a = 1\nb = 2", "a = 1\nb = 2\nc = 3\n",
	    "z = 1\na = 1\nb = 2\nc = 3\n", "z = 1\na = 1\nb = 2", "" },
	{ "no final newline, more behind", "a = 1", "a = 1\nc = 3\n",
	    "a = 1\nc = 3\nd = 4\n", "a = 1\nd = 4\n", "" },
	{ "duplicates dropped", "a = 1\nb = 1\na = 2\nc = 1\n",
	    "a = 3\nb = 1\nc = 1\n", "a = 3\nb = 1\nc = 2\n",
	    "a = 1\nb = 1\na = 2\nc = 2\n", "" },
	{ "a service, its options are one unit", "s inet n\n -o a=b\n",
	    "s inet n\n -o a=b\nh unix n\n    -o c=d\n    -o e=f\n",
	    "s inet n\n -o a=b\nh unix n\n    -o c=x\n    -o e=f\n",
	    "s inet n\n -o a=b\nh unix n\n    -o c=x\n    -o e=f\n",
	    "h unix\n" },
	{ "the same name, another type", "", "h unix n\n", "h inet y\n",
	    "h inet y\n", "" },
	{ "empty", "", "a = 1\n", "", "", "" },
};

static void
put(struct buf *b, const char *s)
{
	struct err err;

	*b = (struct buf){ .limit = 1 << 16 };
	assert_int_equal(buf_puts(b, s, &err), 0);
}

static void
check_revert(const struct revert_case *c)
{
	struct buf before, after, current;
	struct buf out = { .limit = 1 << 16 }, kept = { .limit = 1 << 16 };
	struct err err;

	put(&before, c->before);
	put(&after, c->after);
	put(&current, c->current);
	assert_int_equal(
	    merge_revert(&before, &after, &current, &out, &kept, &err), 0);
	const char *text = buf_str(&out, &err);
	const char *names = buf_str(&kept, &err);

	if (strcmp(text, c->out) != 0 || strcmp(names, c->kept) != 0)
		fail_msg("%s: expected\n%s(%s)\ngot\n%s(%s)", c->name, c->out,
		    c->kept, text, names);
	buf_reset(&before);
	buf_reset(&after);
	buf_reset(&current);
	buf_reset(&out);
	buf_reset(&kept);
}

static void
test_revert(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(reverts); i++)
		check_revert(&reverts[i]);
}

static void
test_print(void **state)
{
	struct buf before, after;
	char text[256] = "";
	struct err err;
	FILE *to = fmemopen(text, sizeof text, "w");

	(void)state;
	put(&before, "a = 1\nb = 2\n  x\n# c\nd = 4");
	put(&after, "a = 1\nb = 3\n# c\nd = 4\ne = 5\n");
	assert_int_equal(merge_print(&before, &after, to, &err), 1);
	assert_int_equal(merge_print(&before, &before, to, &err), 0);
	fclose(to);
	assert_string_equal(
	    text, "-b = 2\n-  x\n+b = 3\n-d = 4\n+d = 4\n+e = 5\n");
	buf_reset(&before);
	buf_reset(&after);
}

static void
test_same_units(void **state)
{
	struct buf a, b;
	struct err err;

	(void)state;
	put(&a, "a = 1\nb = 2\n  x\n\n# c\nd = 4");
	put(&b, "d = 4\n# c\na = 1\n\n\nb = 2\n  x\n");
	assert_int_equal(merge_same_units(&a, &b, &err), 1);
	buf_reset(&b);
	put(&b, "d = 4\n# c\na = 1\nb = 2\n  y\n");
	assert_int_equal(merge_same_units(&a, &b, &err), 0);
	buf_reset(&b);
	put(&b, "d = 4\n# c\na = 1\na = 1\nb = 2\n  x\n");
	assert_int_equal(merge_same_units(&a, &b, &err), 0);
	buf_reset(&a);
	buf_reset(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revert),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_same_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
