/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
write_strings(struct json *j, const char *text)
{
	json_begin_object(j, NULL);
	json_string(j, "text", text);
	json_end_object(j);
}

static const struct {
	const char *in;
	const char *out;
} strings[] = {
	{ "", "{\n  \"text\": \"\"\n}\n" },
	{ "a\"b\\c/d", "{\n  \"text\": \"a\\\"b\\\\c/d\"\n}\n" },
	{ "\t\n\r\x01\x1f\x7f",
	    "{\n  \"text\": \"\\u0009\\u000a\\u000d\\u0001\\u001f\\u007f\""
	    "\n}\n" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92",
	    "{\n  \"text\": \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x92\"\n}\n" },
	/* broken UTF-8, and cut at the end */
	{ "a\xffz\xc3", "{\n  \"text\": \"a\\ufffdz\\ufffd\"\n}\n" },
	{ "\xed\xa0\x80",
	    "{\n  \"text\": \"\\ufffd\\ufffd\\ufffd\"\n}\n" },
};

static void
test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		char *text = NULL;
		size_t n = 0;
		struct json j = { .to = open_memstream(&text, &n) };

		write_strings(&j, strings[i].in);
		fclose(j.to);
		assert_string_equal(text, strings[i].out);
		free(text);
	}
}

static void
write_all(struct json *j)
{
	json_begin_object(j, NULL);
	json_begin_array(j, "none");
	json_end_array(j);
	json_begin_array(j, "some");
	json_begin_object(j, NULL);
	json_end_object(j);
	json_begin_object(j, NULL);
	json_bool(j, "yes", true);
	json_bool(j, "no", false);
	json_end_object(j);
	json_number(j, NULL, INT64_MIN);
	json_end_array(j);
	json_count(j, "most", UINT64_MAX);
	json_null(j, "nothing");
	json_end_object(j);
}

static void
test_nesting(void **state)
{
	static const char expected[] = "{\n"
				       "  \"none\": [],\n"
				       "  \"some\": [\n"
				       "    {},\n"
				       "    {\n"
				       "      \"yes\": true,\n"
				       "      \"no\": false\n"
				       "    },\n"
				       "    -9223372036854775808\n"
				       "  ],\n"
				       "  \"most\": 18446744073709551615,\n"
				       "  \"nothing\": null\n"
				       "}\n";
	char *text = NULL;
	size_t n = 0;
	struct json j = { .to = open_memstream(&text, &n) };

	(void)state;
	write_all(&j);
	fclose(j.to);
	assert_string_equal(text, expected);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
