/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/imap_command.h"
#include "proto/imap_set.h"

static const struct {
	const char *in, *out; /* type letter and data of each, | behind it */
	bool refused;
} values[] = {
	{ "", "", false },
	{ "  ", "", false },
	{ "a b  c", "Aa|Ab|Ac|", false },
	{ "\"\" \"a b\" \"\\\"\\\\\"", "Q|Qa b|Q\\\"\\\\|", false },
	{ "{3}\r\na b x", "La b|Ax|", false },
	{ "~{3+}\r\n(((", "L(((|", false },
	{ "(a (b \")\") {1}\r\n)) c", "(a (b \")\") {1}\r\n)|Ac|", false },
	{ "()", "(|", false },
	{ "INBOX[x] \\Seen %", "AINBOX[x]|A\\Seen|A%|", false },
	{ "a\"b\"", "Aa|Qb|", false },
	{ "(a", "", true },
	{ "a)", "Aa|", true },
	{ "\"a", "", true },
	{ "\"a\\\"", "", true },
	{ "\"a\\", "", true },
	{ "{4}\r\nabc", "", true },
	{ "{3}abc", "", true },
	{ "{99999999999999999999}\r\n", "", true },
	{ "{", "", true },
	{ "a\r\nb", "Aa|", true },
};

static void
values_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(values); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 999 };
		struct imap_cursor c =
		    imap_cursor(values[i].in, strlen(values[i].in));
		struct imap_value v;
		int rc;

		print_message("%s\n", values[i].in);
		while ((rc = imap_next(&c, &v, NULL)) > 0) {
			assert_int_equal(
			    buf_putc(&out, (uint8_t) "AQL("[v.type], NULL), 0);
			assert_int_equal(buf_put(&out, v.data, v.len, NULL), 0);
			assert_int_equal(buf_putc(&out, '|', NULL), 0);
		}
		assert_string_equal(buf_str(&out, NULL), values[i].out);
		assert_int_equal(rc < 0, values[i].refused);
	}
}

static void
item_names_hold_brackets(void **state)
{
	static const char in[] =
	    "UID BODY[HEADER.FIELDS (A \"]\" {1}\r\n] B)]<0> x)";
	struct imap_cursor c = imap_cursor(in, strlen(in));
	struct imap_value v;

	(void)state;
	assert_int_equal(imap_next_item(&c, &v, NULL), 1);
	assert_true(imap_is(&v, "uid"));
	assert_int_equal(imap_next_item(&c, &v, NULL), 1);
	assert_int_equal(v.len, strlen(in) - 7);
	assert_int_equal(imap_next_item(&c, &v, NULL), 1);
	assert_int_equal(imap_next_item(&c, &v, NULL), -1);
	c = imap_cursor("BODY[", 5);
	assert_int_equal(imap_next_item(&c, &v, NULL), -1);
}

static void
strings_come_and_go(void **state)
{
	static const struct {
		const char *octets, *written;
	} strings[] = {
		{ "", "\"\"" },
		{ "a b", "\"a b\"" },
		{ "a\"\\", "\"a\\\"\\\\\"" },
		{ "a\r\n", "{3}\r\na\r\n" },
		{ "\xc3\xa4", "{2}\r\n\xc3\xa4" },
	};

	(void)state;
	for (size_t i = 0; i < countof(strings); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 99 };
		cleanup(buf_reset) struct buf back = { .limit = 99 };
		struct imap_cursor c;
		struct imap_value v;

		assert_int_equal(imap_put_string(strings[i].octets,
				     strlen(strings[i].octets), &out, NULL),
		    0);
		assert_string_equal(buf_str(&out, NULL), strings[i].written);
		c = imap_cursor(out.data, out.len);
		assert_int_equal(imap_next(&c, &v, NULL), 1);
		assert_int_equal(imap_put_octets(&v, &back, NULL), 0);
		assert_string_equal(buf_str(&back, NULL), strings[i].octets);
	}
}

static void
sets_are_checked(void **state)
{
	static const struct {
		const char *set;
		bool valid;
	} sets[] = {
		{ "1", true },
		{ "1:*", true },
		{ "*:4", true },
		{ "*", true },
		{ "1,2:3,9:7", true },
		{ "$", true },
		{ "4294967295", true },
		{ "", false },
		{ "0", false },
		{ "1,", false },
		{ ",1", false },
		{ "1:", false },
		{ "1:2:3", false },
		{ "a", false },
		{ "4294967296", false },
		{ "1 2", false },
		{ "1,,2", false },
		{ "$,1", false },
		{ "-1", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(sets); i++) {
		print_message("%s\n", sets[i].set);
		assert_int_equal(
		    imap_set_valid(sets[i].set, strlen(sets[i].set)),
		    sets[i].valid);
	}
}

static void
sets_are_written(void **state)
{
	static const uint32_t numbers[] = { 1, 2, 3, 7, 9, 8, 100, 101 };
	cleanup(buf_reset) struct buf out = { .limit = 999 };
	size_t used, done = 0;

	(void)state;
	assert_int_equal(
	    imap_set_put(numbers, countof(numbers), 999, &out, &used, NULL), 0);
	assert_int_equal(used, countof(numbers));
	assert_string_equal(buf_str(&out, NULL), "1:3,7,9,8,100:101");
	while (done < countof(numbers)) {
		buf_clear(&out);
		assert_int_equal(
		    imap_set_put(numbers + done, countof(numbers) - done, 1,
			&out, &used, NULL),
		    0);
		assert_true(used > 0);
		done += used;
	}
}

static void
commands_are_read(void **state)
{
	static const struct {
		const char *in, *tag, *name;
		bool uid;
		const char *arguments;
	} commands[] = {
		{ "a1 noop", "a1", "NOOP", false, "" },
		{ "a1 UID fetch 1 x", "a1", "FETCH", true, "1 x" },
		{ ". LOGIN  a b", ".", "LOGIN", false, " a b" },
		{ "a", "a", NULL, false, NULL },
		{ "a uid", "a", NULL, false, NULL },
		{ "", "*", NULL, false, NULL },
		{ "* NOOP", "*", NULL, false, NULL },
		{ "a+ NOOP", "*", NULL, false, NULL },
		{ "a\x80 NOOP", "*", NULL, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct imap_command c;
		int rc = imap_command_parse(
		    commands[i].in, strlen(commands[i].in), &c, NULL);

		assert_string_equal(c.tag, commands[i].tag);
		assert_int_equal(rc, commands[i].name == NULL ? -1 : 0);
		if (rc < 0)
			continue;
		assert_true(imap_command_is(&c, commands[i].name));
		assert_int_equal(c.uid, commands[i].uid);
		assert_int_equal(
		    c.arguments_len, strlen(commands[i].arguments));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(item_names_hold_brackets),
		cmocka_unit_test(strings_come_and_go),
		cmocka_unit_test(sets_are_checked),
		cmocka_unit_test(sets_are_written),
		cmocka_unit_test(commands_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
