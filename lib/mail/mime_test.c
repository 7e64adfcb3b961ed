/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"

/* out: "word|name=value|..." and "~" when not exact; NULL: no value. */
static const struct {
	const char *name, *in, *out;
} values[] = {
	{ "word", " 7bit", "7bit" },
	{ "type", " Text/PLAIN", "text/plain" },
	{ "blanks behind", "text/plain \t", "text/plain" },
	{ "parameter", "text/plain; charset=UTF-8",
	    "text/plain|charset=UTF-8" },
	{ "upper-case name", "text/plain; CharSet=x", "text/plain|charset=x" },
	{ "quoted", "a/b; c=\"d e\"", "a/b|c=d e" },
	{ "quoted with escapes", "a/b; c=\"d\\\"e\\\\\"", "a/b|c=d\"e\\" },
	{ "quoted and empty", "a/b; c=\"\"", "a/b|c=" },
	{ "quoted, 8 bit", "a/b; c=\"\xc3\xa9\"", "a/b|c=\xc3\xa9" },
	{ "quoted semicolon", "a/b; c=\";d=e\"; f=g", "a/b|c=;d=e|f=g" },
	{ "folded", "a/b;\r\n\tc=d;\r\n e=\"f\r\n g\"", "a/b|c=d|e=f g" },
	{ "no blank", "a/b;c=d;e=f", "a/b|c=d|e=f" },
	{ "blanks around", "a/b ; c = d ; e = f", "a/b|c=d|e=f" },
	{ "final semicolon", "a/b; c=d; ", "a/b|c=d" },
	{ "semicolon alone", "a/b;", "a/b" },
	{ "comment", "a/b (c (d) \\) e); f=g (h)", "a/b|f=g~" },
	{ "comment in quotes is none", "a/b; c=\"(d)\"", "a/b|c=(d)" },
	{ "language form", "a/b; c*=utf-8''d", "a/b|c*=utf-8''d~" },
	{ "continuation", "a/b; c*0=d; c*1=e", "a/b|c*0=d|c*1=e~" },
	{ "nothing", "", NULL },
	{ "blank", " \r\n ", NULL },
	{ "no subtype", "a/", NULL },
	{ "no type", "/b", NULL },
	{ "two slashes", "a/b/c", NULL },
	{ "blank in the type", "a /b", NULL },
	{ "8 bit in the type", "a/\xe9", NULL },
	{ "text behind", "a/b c", NULL },
	{ "two semicolons", "a/b;; c=d", NULL },
	{ "no value", "a/b; c", NULL },
	{ "no value behind =", "a/b; c=", NULL },
	{ "no name", "a/b; =d", NULL },
	{ "twice", "a/b; c=d; C=e", NULL },
	{ "quote open", "a/b; c=\"d", NULL },
	{ "escape at the end", "a/b; c=\"d\\", NULL },
	{ "text behind the quote", "a/b; c=\"d\"e", NULL },
	{ "comment open", "a/b (c", NULL },
	{ "comment open at escape", "a/b (c\\", NULL },
	{ "comments too deep", "a/b (((((((((c)))))))))", NULL },
	{ "control byte", "a/b; c=\"\x01\"", NULL },
	{ "escaped control byte", "a/b; c=\"\\\x7f\"", NULL },
	{ "not a token", "a/b; c=d@e", NULL },
};

static void
put_shown(const struct mime_value *v, struct buf *out)
{
	assert_int_equal(buf_puts(out, v->word, NULL), 0);
	for (size_t i = 0; i < v->param_count; i++)
		assert_int_equal(buf_putf(out, NULL, "|%s=%s",
				     v->params[i].name, v->params[i].value),
		    0);
	if (!v->exact)
		assert_int_equal(buf_putc(out, '~', NULL), 0);
}

static void
values_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(values); i++) {
		cleanup(mime_value_free) struct mime_value *v = NULL;
		cleanup(buf_reset) struct buf out = { .limit = 1000 };
		struct err err = { 0 };
		int rc = mime_value_parse(
		    values[i].in, strlen(values[i].in), &v, &err);

		print_message("%s\n", values[i].name);
		assert_int_equal(rc, values[i].out != NULL);
		if (rc == 0) {
			assert_null(v);
			continue;
		}
		put_shown(v, &out);
		assert_string_equal(buf_str(&out, &err), values[i].out);
	}
}

static void
cut_values_are_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(values); i++) {
		for (size_t n = 0; n < strlen(values[i].in); n++) {
			cleanup(mime_value_free) struct mime_value *v = NULL;
			cleanup(free_bytes) uint8_t *cut = malloc(n);

			if (n > 0)
				memcpy(cut, values[i].in, n);
			assert_true(mime_value_parse(cut, n, &v, NULL) >= 0);
		}
	}
}

static void
nul_is_refused(void **state)
{
	static const char in[] = "a/b; c=\"d\0e\"";
	cleanup(mime_value_free) struct mime_value *v = NULL;

	(void)state;
	assert_int_equal(mime_value_parse(in, sizeof in - 1, &v, NULL), 0);
	assert_int_equal(mime_value_parse("a/b\0c", 5, &v, NULL), 0);
}

static int
parse_repeated(const char *piece, size_t times, const char *end)
{
	cleanup(mime_value_free) struct mime_value *v = NULL;
	cleanup(buf_reset) struct buf in = { .limit = 1 << 20 };

	assert_int_equal(buf_puts(&in, "a/b; c=\"", NULL), 0);
	for (size_t i = 0; i < times; i++)
		assert_int_equal(buf_puts(&in, piece, NULL), 0);
	assert_int_equal(buf_puts(&in, end, NULL), 0);
	return mime_value_parse(in.data, in.len, &v, NULL);
}

static void
limits_are_kept(void **state)
{
	cleanup(buf_reset) struct buf in = { .limit = 1 << 20 };
	cleanup(mime_value_free) struct mime_value *v = NULL;

	(void)state;
	assert_int_equal(parse_repeated("d", LIMIT_MIME_PARAMETER, "\""), 1);
	assert_int_equal(
	    parse_repeated("d", LIMIT_MIME_PARAMETER + 1, "\""), 0);
	assert_int_equal(parse_repeated("\r\n", LIMIT_MIME_VALUE, "\""), 0);
	assert_int_equal(buf_puts(&in, "a/b", NULL), 0);
	for (int i = 0; i <= LIMIT_MIME_PARAMETERS; i++) {
		assert_int_equal(
		    mime_value_parse(in.data, in.len, &v, NULL), 1);
		mime_value_free(&v);
		assert_int_equal(buf_putf(&in, NULL, ";p%d=x", i), 0);
	}
	assert_int_equal(mime_value_parse(in.data, in.len, &v, NULL), 0);
}

static void
parameters_are_found(void **state)
{
	static const char in[] = "a/b; c=d; e=f";
	cleanup(mime_value_free) struct mime_value *v = NULL;

	(void)state;
	assert_int_equal(mime_value_parse(in, strlen(in), &v, NULL), 1);
	assert_string_equal(mime_value_param(v, "e"), "f");
	assert_null(mime_value_param(v, "f"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_parsed),
		cmocka_unit_test(cut_values_are_safe),
		cmocka_unit_test(nul_is_refused),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(parameters_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
