/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "dovecot_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINE "!include_try /etc/dovecot/sealpost.conf"

static const char file[] = "/etc/dovecot/sealpost.conf";

static void
put(struct buf *b, const char *text)
{
	struct err err;

	assert_int_equal(buf_puts(b, text, &err), 0);
}

static void
assert_text(struct buf *b, const char *text)
{
	struct err err;

	assert_string_equal(buf_str(b, &err), text);
	assert_int_equal(b->len, strlen(text));
}

/* ---- the include ---- */

static const struct {
	const char *name, *without, *with;
} includes[] = {
	{ "empty", "", LINE "\n" },
	{ "a line", "a = b\n", "a = b\n" LINE "\n" },
	{ "no end", "a = b", "a = b\n" LINE },
	{ "blank lines", "a = b\n\n\n", "a = b\n\n\n" LINE "\n" },
	{ "blank without end", "a = b\n ", "a = b\n \n" LINE },
	{ "a like line", "#" LINE "\n" LINE "x\n",
	    "#" LINE "\n" LINE "x\n" LINE "\n" },
};

static void
include_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(includes); i++) {
		cleanup(buf_reset) struct buf text = { .limit = 4096 };
		cleanup(buf_reset) struct buf with = { .limit = 4096 };
		cleanup(buf_reset) struct buf back = { .limit = 4096 };
		struct err err;

		print_message("%s\n", includes[i].name);
		put(&text, includes[i].without);
		assert_int_equal(include_put(&text, file, &with, &err), 0);
		assert_text(&with, includes[i].with);
		assert_int_equal(include_take(&with, file, &back, &err), 0);
		assert_text(&back, includes[i].without);
	}
}

static const struct {
	const char *name, *now, *without;
} taken[] = {
	{ "none", "a = b\n", "a = b\n" },
	{ "in the middle", "a = b\n" LINE "\nc = d\n", "a = b\nc = d\n" },
	{ "put behind a line without end, then more", "a = b\n" LINE "\nc",
	    "a = b\nc" },
	{ "twice", LINE "\na = b\n" LINE "\n", "a = b\n" },
	{ "alone without end", LINE, "" },
	{ "indented by somebody", " " LINE "\n", " " LINE "\n" },
};

static void
include_taken_from_changed_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(taken); i++) {
		cleanup(buf_reset) struct buf now = { .limit = 4096 };
		cleanup(buf_reset) struct buf out = { .limit = 4096 };
		struct err err;

		print_message("%s\n", taken[i].name);
		put(&now, taken[i].now);
		assert_int_equal(include_take(&now, file, &out, &err), 0);
		assert_text(&out, taken[i].without);
	}
}

static void
include_within_its_limit(void **state)
{
	cleanup(buf_reset) struct buf text = { .limit = 100 };
	struct err err;

	(void)state;
	put(&text, "a = b\n");
	for (size_t limit = 1; limit < strlen("a = b\n" LINE "\n"); limit++) {
		cleanup(buf_reset) struct buf out = { .limit = limit };

		assert_int_equal(include_put(&text, file, &out, &err), -1);
	}
}

/* ---- notes ---- */

static const struct {
	const char *name, *before, *after, *notes;
} notes[] = {
	{ "nothing", "", "a = b\n", "" },
	{ "the same", "a = b\n", "c = d\na = b\n", "" },
	{ "changed", "a = b c\n", "a = d\n", "a = b c becomes d\n" },
	{ "gone", "mail_debug = yes\n", "",
	    "mail_debug = yes becomes the "
	    "default\n" },
	{ "within a block", "service x {\n  a = b\n}\n", "", "" },
	{ "another that begins alike", "a = b\n", "ab = b\n",
	    "a = b becomes the default\n" },
	{ "comments", "# a = b\n", "", "" },
	{ "2.3", "passdb {\n  args = x\n  driver = pam\n}\n", "",
	    "passdb pam is there and is asked before sealpost's; it is no "
	    "longer asked as root\n" },
	{ "2.4", "userdb passwd {\n}\n", "",
	    "userdb passwd is there and is asked before sealpost's\n" },
	{ "cut off", "passdb {", "",
	    "passdb  is there and is asked before "
	    "sealpost's\n" },
};

static void
notes_name_what_is_replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(notes); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 4096 };
		struct err err;

		print_message("%s\n", notes[i].name);
		assert_int_equal(
		    doveconf_notes(notes[i].before, notes[i].after, &out, &err),
		    0);
		assert_text(&out, notes[i].notes);
	}
}

/* ---- versions ---- */

static void
versions_by_name(void **state)
{
	static const char *const unknown[] = { "", "2", "2.", "2.2", "2.30",
		"2.40.1", "3.0", "x2.3" };
	enum dovecot_version v = DOVECOT_VERSION_COUNT;
	struct err err;

	(void)state;
	assert_int_equal(dovecot_version_find("2.3", &v, &err), 0);
	assert_int_equal(v, DOVECOT_2_3);
	assert_int_equal(dovecot_version_find("2.4.1-4 (7d8)\n", &v, &err), 0);
	assert_int_equal(v, DOVECOT_2_4);
	for (size_t i = 0; i < countof(unknown); i++)
		assert_int_equal(
		    dovecot_version_find(unknown[i], &v, &err), -1);
	assert_string_equal(dovecot_version_name(DOVECOT_2_3), "2.3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(include_there_and_back),
		cmocka_unit_test(include_taken_from_changed_files),
		cmocka_unit_test(include_within_its_limit),
		cmocka_unit_test(notes_name_what_is_replaced),
		cmocka_unit_test(versions_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
