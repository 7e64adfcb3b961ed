/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/enrolment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define REST                                                              \
	"\"created\": \"c\", \"fingerprint\": \"F\", \"certificate\": "   \
	"\"C\\n\", \"verifier\": \"v\", \"vault\": \"V\""
#define FORMAT "\"format\": \"sealpost enrolment\", "
#define GOOD                                                              \
	"{" FORMAT "\"version\": 1, \"address\": \"b\\u00f8b@x\", " REST "}"

static const struct parse_case {
	const char *name;
	const char *text;
	const char *why; /* NULL: it is read */
} cases[] = {
	{ "good", GOOD, NULL },
	{ "white space", " \r\n\t" GOOD "\n\n", NULL },
	{ "empty", "", "not one JSON object" },
	{ "no JSON", "hello", "not one JSON object" },
	{ "cut", "{" FORMAT "\"version\": 1", "not one JSON object" },
	{ "two", GOOD GOOD, "not one JSON object" },
	{ "array", "[" GOOD "]", "not one JSON object" },
	{ "text", "\"x\"", "not one JSON object" },
	{ "JSON5: single quotes", "{'format': 'sealpost enrolment'}",
	    "not one JSON object" },
	{ "JSON5: comment", "/* */" GOOD, "not one JSON object" },
	{ "comma too many", "{" FORMAT "}", "not one JSON object" },
	{ "another object", "{}", "no enrolment file" },
	{ "another format", "{\"format\": \"x\"}", "no enrolment file" },
	{ "format is no text", "{\"format\": 1}", "\"format\" is no text" },
	{ "no version", "{" FORMAT "\"address\": \"a@x\", " REST "}",
	    "\"version\" is missing" },
	{ "newer",
	    "{" FORMAT "\"version\": 2, \"address\": \"a@x\", " REST "}",
	    "a newer program" },
	{ "version is text", "{" FORMAT "\"version\": \"1\"}",
	    "\"version\" is no number" },
	{ "version is 0", "{" FORMAT "\"version\": 0}",
	    "\"version\" is no number" },
	{ "version twice", "{" FORMAT "\"version\": 1, \"version\": 1}",
	    "\"version\" stands twice" },
	{ "address twice",
	    "{" FORMAT "\"address\": \"a@x\", \"address\": \"b@x\"}",
	    "\"address\" stands twice" },
	{ "address twice, once in disguise",
	    "{" FORMAT "\"address\": \"a@x\", \"addr\\u0065ss\": \"b@x\"}",
	    "\"addr" },
	{ "no address", "{" FORMAT "\"version\": 1, " REST "}",
	    "\"address\" is missing" },
	{ "unknown", "{" FORMAT "\"admin\": true}", "\"admin\" is unknown" },
	{ "null", "{" FORMAT "\"address\": null}", "\"address\" is no text" },
	{ "nested", "{" FORMAT "\"address\": {\"a\": \"b\"}}",
	    "\"address\" is no text" },
	{ "NUL", "{" FORMAT "\"address\": \"a\\u0000b\"}", "not UTF-8" },
	{ "half a pair", "{" FORMAT "\"address\": \"\\ud800\"}",
	    "not UTF-8" },
	{ "Latin 1", "{" FORMAT "\"address\": \"b\xf8"
		     "b\"}",
	    "not UTF-8" },
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct parse_case *c = &cases[i];
		struct enrolment *e = NULL;
		struct err err = { 0 };
		int rc = enrolment_parse(c->text, strlen(c->text), &e, &err);

		if (c->why == NULL && rc < 0)
			fail_msg("%s: %s", c->name, err.text);
		if (c->why != NULL && (rc == 0 || err.kind != ERR_PERM ||
		                          strstr(err.text, c->why) == NULL))
			fail_msg("%s: \"%s\" expected, not \"%s\"", c->name,
			    c->why, err.text);
		assert_true((rc == 0) == (e != NULL));
		enrolment_free(&e);
	}
}

static void
test_members(void **state)
{
	struct enrolment *e = NULL;

	(void)state;
	assert_int_equal(enrolment_parse(GOOD, strlen(GOOD), &e, NULL), 0);
	assert_string_equal(e->address, "b\xc3\xb8"
	                                "b@x");
	assert_string_equal(e->created, "c");
	assert_string_equal(e->fingerprint, "F");
	assert_string_equal(e->certificate, "C\n");
	assert_string_equal(e->verifier, "v");
	assert_string_equal(e->vault, "V");
	enrolment_free(&e);
	assert_null(e);
}

static void
test_sizes(void **state)
{
	static char text[LIMIT_ENROLMENT + 2];
	struct err err = { 0 };
	struct enrolment *e = NULL;

	(void)state;
	memset(text, ' ', sizeof text);
	assert_int_equal(enrolment_parse(text, sizeof text, &e, &err), -1);
	assert_non_null(strstr(err.text, "too large"));
	memset(text, '[', sizeof text);
	assert_int_equal(enrolment_parse(text, LIMIT_ENROLMENT, &e, &err), -1);

	int n = snprintf(text, sizeof text, "{" FORMAT "\"address\": \"");

	memset(text + n, 'a', LIMIT_ADDRESS + 1);
	memcpy(text + n + LIMIT_ADDRESS + 1, "\"}", 2);
	assert_int_equal(enrolment_parse(text,
	                     (size_t)n + LIMIT_ADDRESS + 3, &e, &err),
	    -1);
	assert_non_null(strstr(err.text, "too long"));
}

/* Cut anywhere it is refused; broken anywhere nothing breaks. */
static void
test_damage(void **state)
{
	char text[] = GOOD;
	struct enrolment *e = NULL;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(enrolment_parse(text, n, &e, NULL), -1);
	for (size_t i = 0; i < strlen(GOOD) * 8; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		(void)!enrolment_parse(text, strlen(GOOD), &e, NULL);
		enrolment_free(&e);
		text[i / 8] = GOOD[i / 8];
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
