/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

/*
 * Messages 2 and 5 are sealed and hold "in" in their Subject; 3 is sealed and
 * does not; 1 and 9 are plain.
 */
static const struct {
	const char *name, *in;
	enum search_needs needs;
	const char *candidates, *program;
} programs[] = {
	{ "nothing blind", "UNSEEN", SEARCH_NEEDS_NOTHING, "ALL UNSEEN",
	    "UID 1:3,5,9 UNSEEN" },
	{ "a blind key", "SUBJECT in", SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 OR UID 2,5 (UID 1,9 SUBJECT in)" },
	{ "a key that none has", "SUBJECT out", SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 (UID 1,9 SUBJECT out)" },
	{ "a key that all have", "LARGER 0", SEARCH_NEEDS_SIZE, "ALL",
	    "UID 1:3,5,9 OR UID 2:5 (UID 1,9 LARGER 0)" },
	{ "body", "BODY x", SEARCH_NEEDS_BODY, "ALL",
	    "UID 1:3,5,9 OR UID 3 (UID 1,9 BODY x)" },
	{ "with the server's keys", "unseen subject in 1:* uid 7:*",
	    SEARCH_NEEDS_HEADER, "ALL UNSEEN 1:* UID 7:*",
	    "UID 1:3,5,9 UNSEEN OR UID 2,5 (UID 1,9 SUBJECT in) 1:* UID 7:*" },
	{ "not", "NOT (SUBJECT in SEEN)", SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 NOT (OR UID 2,5 (UID 1,9 SUBJECT in) SEEN)" },
	{ "not, not", "NOT NOT SUBJECT in", SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 NOT NOT OR UID 2,5 (UID 1,9 SUBJECT in)" },
	{ "or", "OR SEEN OR DELETED NOT SUBJECT in", SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 OR SEEN OR DELETED NOT OR UID 2,5 "
	    "(UID 1,9 SUBJECT in)" },
	{ "or in a list", "(DRAFT OR SEEN DELETED) TEXT \"\"",
	    SEARCH_NEEDS_BODY, "ALL (DRAFT OR SEEN DELETED)",
	    "UID 1:3,5,9 (DRAFT OR SEEN DELETED) "
	    "OR UID 2:5 (UID 1,9 TEXT \"\")" },
	{ "RETURN and CHARSET", "RETURN (SAVE MIN) CHARSET utf-8 SUBJECT in",
	    SEARCH_NEEDS_HEADER, "CHARSET utf-8 ALL",
	    "RETURN (SAVE MIN) CHARSET utf-8 UID 1:3,5,9 OR UID 2,5 "
	    "(UID 1,9 SUBJECT in)" },
	{ "saved result", "$ SUBJECT \"in\"", SEARCH_NEEDS_HEADER, "ALL $",
	    "UID 1:3,5,9 $ OR UID 2,5 (UID 1,9 SUBJECT \"in\")" },
	{ "hidden fields", "HEADER content-TYPE x HEADER From y",
	    SEARCH_NEEDS_HEADER, "ALL HEADER From y",
	    "UID 1:3,5,9 (UID 1,9 HEADER content-TYPE x) HEADER From y" },
	{ "the marker is never seen", "HEADER X-Sealpost \"\"",
	    SEARCH_NEEDS_HEADER, "ALL",
	    "UID 1:3,5,9 (UID 1,9 HEADER X-Sealpost \"\")" },
	{ "a literal", "FROM {3}\r\na\"b SUBJECT {2+}\r\nin",
	    SEARCH_NEEDS_HEADER, "ALL FROM \"a\\\"b\"",
	    "UID 1:3,5,9 FROM \"a\\\"b\" "
	    "OR UID 2,5 (UID 1,9 SUBJECT \"in\")" },
	{ "8 bit", "FROM {2}\r\n\xc3\xa9 LARGER 1", SEARCH_NEEDS_SIZE,
	    "ALL FROM {2}\r\n\xc3\xa9",
	    "UID 1:3,5,9 FROM {2}\r\n\xc3\xa9 OR UID 2:5 (UID 1,9 LARGER 1)" },
	{ "MODSEQ", "MODSEQ \"/flags/\\\\draft\" all 7 SMALLER 0",
	    SEARCH_NEEDS_SIZE, "ALL MODSEQ \"/flags/\\\\draft\" all 7",
	    "UID 1:3,5,9 MODSEQ \"/flags/\\\\draft\" all 7 "
	    "(UID 1,9 SMALLER 0)" },
};

static const struct {
	const char *name, *in;
	enum err_kind kind;
} refused[] = {
	{ "nothing", "", ERR_PROTO },
	{ "blank", " ", ERR_PROTO },
	{ "unknown key", "SEEN FUZZY BODY x", ERR_PROTO },
	{ "no argument", "SUBJECT", ERR_PROTO },
	{ "no second key", "OR SEEN", ERR_PROTO },
	{ "no key", "NOT", ERR_PROTO },
	{ "an empty list", "()", ERR_PROTO },
	{ "open", "(SEEN", ERR_PROTO },
	{ "closed twice", "(SEEN))", ERR_PROTO },
	{ "quote open", "SUBJECT \"x", ERR_PROTO },
	{ "two blanks", "SEEN  SEEN", ERR_PROTO },
	{ "literal cut", "SUBJECT {5}\r\nabcd", ERR_PROTO },
	{ "literal without an end", "SUBJECT {5", ERR_PROTO },
	{ "literal that is huge", "SUBJECT {99999999999999999999}\r\n",
	    ERR_PROTO },
	{ "size", "LARGER 1x", ERR_PROTO },
	{ "size too large", "LARGER 18446744073709551616", ERR_PROTO },
	{ "not in its charset", "SUBJECT {1}\r\n\xe9", ERR_PROTO },
	{ "unknown charset", "CHARSET x-none SEEN", ERR_PERM },
	{ "the server would search on", "RETURN (UPDATE) SUBJECT x",
	    ERR_PROTO },
	{ "RETURN without a list", "RETURN ALL SEEN", ERR_PROTO },
};

struct sealed {
	const char *message;
	unsigned sizes, headers, messages; /* how often it was asked for */
};

static int
get_size(void *ctx, uint64_t *octets, struct err *err)
{
	struct sealed *s = ctx;

	(void)err;
	s->sizes++;
	*octets = strlen(s->message);
	return 0;
}

static int
get_header(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	struct sealed *s = ctx;

	(void)err;
	s->headers++;
	*data = (const uint8_t *)s->message;
	*n = (size_t)(strstr(s->message, "\r\n\r\n") + 4 - s->message);
	return 0;
}

static int
get_message(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	struct sealed *s = ctx;

	(void)err;
	s->messages++;
	*data = (const uint8_t *)s->message;
	*n = strlen(s->message);
	return 0;
}

static int
look(struct search *s, uint32_t uid, struct sealed *m, struct err *err)
{
	struct search_message from = { m, get_size, get_header, get_message };

	return search_sealed(s, uid, &from, err);
}

static void
look_at_all(struct search *s)
{
	struct sealed in = { .message = "Subject: begin\r\n\r\n" };
	struct sealed none = { .message = "Subject: end\r\n\r\nx\r\n" };

	assert_int_equal(look(s, 5, &in, NULL), 0);
	assert_int_equal(search_plain(s, 9, NULL), 0);
	assert_int_equal(look(s, 3, &none, NULL), 0);
	assert_int_equal(search_plain(s, 1, NULL), 0);
	assert_int_equal(look(s, 2, &in, NULL), 0);
}

static void
assert_command(const struct buf *c, const char *expected, const char *name)
{
	if (c->len != strlen(expected) ||
	    memcmp(c->data, expected, c->len) != 0)
		fail_msg("%s: \"%.*s\", expected \"%s\"", name, (int)c->len,
		    (const char *)c->data, expected);
}

static void
programs_are_written_anew(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(programs); i++) {
		cleanup(search_free) struct search *s = NULL;
		cleanup(buf_reset) struct buf a = { 0 };
		cleanup(buf_reset) struct buf b = { 0 };
		struct err err = { 0 };

		if (search_parse(
			programs[i].in, strlen(programs[i].in), &s, &err) < 0)
			fail_msg("%s: %s", programs[i].name, err.text);
		assert_int_equal(search_needs(s), programs[i].needs);
		assert_int_equal(search_put_candidates(s, &a, NULL), 0);
		assert_command(&a, programs[i].candidates, programs[i].name);
		look_at_all(s);
		assert_int_equal(search_put_program(s, &b, NULL), 0);
		assert_command(&b, programs[i].program, programs[i].name);
	}
}

static void
programs_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refused); i++) {
		struct search *s = NULL;
		struct err err = { 0 };

		if (search_parse(
			refused[i].in, strlen(refused[i].in), &s, &err) == 0 ||
		    err.kind != refused[i].kind)
			fail_msg("%s: %s", refused[i].name, err.text);
		assert_null(s);
	}
}

static void
nothing_looked_at_finds_nothing(void **state)
{
	cleanup(search_free) struct search *s = NULL;
	cleanup(buf_reset) struct buf c = { 0 };

	(void)state;
	assert_int_equal(search_parse("NOT BODY x", 10, &s, NULL), 0);
	assert_int_equal(search_put_program(s, &c, NULL), 0);
	assert_command(&c, "NOT ALL", "nothing looked at");
}

/* What decides no more is not asked for. */
static void
bodies_are_spared(void **state)
{
	static const struct {
		const char *in;
		unsigned sizes, headers, messages;
	} cases[] = {
		{ "BODY x SUBJECT none", 0, 1, 0 },
		{ "BODY x SUBJECT begin", 0, 1, 1 },
		{ "OR BODY x SUBJECT begin", 0, 1, 0 },
		{ "OR BODY x NOT SUBJECT begin", 0, 1, 1 },
		{ "BODY x SUBJECT begin SMALLER 1", 1, 0, 0 },
		{ "BODY x TEXT y BODY z", 0, 0, 1 },
		{ "SEEN OR (BODY x SUBJECT none) LARGER 1", 1, 0, 0 },
		{ "BODY \"\"", 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(search_free) struct search *s = NULL;
		struct sealed m = { .message = "Subject: begin\r\n\r\n" };

		assert_int_equal(
		    search_parse(cases[i].in, strlen(cases[i].in), &s, NULL),
		    0);
		assert_int_equal(look(s, 1, &m, NULL), 0);
		if (m.sizes != cases[i].sizes ||
		    m.headers != cases[i].headers ||
		    m.messages != cases[i].messages)
			fail_msg("%s: %u sizes, %u headers, %u messages",
			    cases[i].in, m.sizes, m.headers, m.messages);
	}
}

static int
fail_to_get(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	(void)ctx;
	(void)data;
	(void)n;
	return err_set(err, ERR_TEMP, "the key is locked");
}

static void
a_message_that_cannot_be_opened_fails(void **state)
{
	cleanup(search_free) struct search *s = NULL;
	struct sealed m = { .message = "\r\n\r\n" };
	struct search_message from = { &m, get_size, fail_to_get, fail_to_get };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(search_parse("NOT BODY x", 10, &s, NULL), 0);
	assert_int_equal(search_sealed(s, 1, &from, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text, "the key is locked");
}

/* Sets that a server would not take are told, and asked in parts. */
static void
programs_are_bounded(void **state)
{
	cleanup(search_free) struct search *s = NULL;
	cleanup(buf_reset) struct buf c = { 0 };
	struct sealed yes = { .message = "Subject: in\r\n\r\n" };
	struct sealed no = { .message = "Subject: x\r\n\r\n" };
	struct err err = { 0 };
	size_t done = 0, parts = 0;

	(void)state;
	assert_int_equal(search_parse("SUBJECT in", 10, &s, NULL), 0);
	/* all of them are one range, and every second one is a set */
	for (uint32_t uid = 1000001; uid < 1007000; uid++)
		assert_int_equal(look(s, uid, uid % 2 ? &yes : &no, NULL), 0);
	assert_int_equal(search_put_program(s, &c, NULL), 0);
	assert_in_range(c.len, 20000, LIMIT_SEARCH_PROGRAM);
	buf_reset(&c);
	for (uint32_t uid = 2000001; uid < 2020000; uid++)
		assert_int_equal(look(s, uid, uid % 2 ? &yes : &no, NULL), 0);
	assert_int_equal(search_put_program(s, &c, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	while (search_put_part(s, LIMIT_SEARCH_PROGRAM, &done, &c, NULL) == 1) {
		assert_in_range(c.len, 8, LIMIT_SEARCH_PROGRAM);
		parts++;
	}
	assert_int_equal(done, 6999 + 19999);
	assert_in_range(parts, 2, 4);
}

static void
parts_are_written(void **state)
{
	static const char *const expected[] = {
		"UID 1:2 OR UID 2 (UID 1 SUBJECT in) SEEN",
		"NOT ALL",
		"UID 5,9 OR UID 5 (UID 9 SUBJECT in) SEEN",
	};
	static const char in[] = "SUBJECT in SEEN";
	cleanup(search_free) struct search *s = NULL;
	cleanup(buf_reset) struct buf c = { 0 };
	size_t done = 0;

	(void)state;
	assert_int_equal(search_parse(in, sizeof in - 1, &s, NULL), 0);
	look_at_all(s);
	for (size_t i = 0; i < countof(expected); i++) {
		assert_int_equal(search_put_part(s, 40, &done, &c, NULL), 1);
		assert_command(&c, expected[i], "part");
	}
	assert_int_equal(search_put_part(s, 40, &done, &c, NULL), 0);
}

static void
what_the_server_alone_knows_is_not_asked_in_parts(void **state)
{
	static const char *const programs_of[] = { "MODSEQ 7 BODY x",
		"RETURN (PARTIAL 1:5) BODY x" };

	(void)state;
	for (size_t i = 0; i < countof(programs_of); i++) {
		cleanup(search_free) struct search *s = NULL;
		cleanup(buf_reset) struct buf c = { 0 };
		struct err err = { 0 };
		size_t done = 0;

		assert_int_equal(search_parse(programs_of[i],
				     strlen(programs_of[i]), &s, NULL),
		    0);
		look_at_all(s);
		assert_int_equal(search_put_part(s, 100, &done, &c, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
	}
}

/* What is told, and what is saved in pieces of at most five octets. */
static const struct {
	const char *in, *answer, *saved;
	size_t count; /* of 2, 3, 4, 7 */
	bool by_uid;
} answers[] = {
	{ "BODY x", "* SEARCH 2 3 4 7\r\n", "", 4, false },
	{ "BODY x", "* SEARCH\r\n", "", 0, true },
	{ "RETURN () BODY x", "* ESEARCH (TAG \"t1\") ALL 2:4,7\r\n", "", 4,
	    false },
	{ "RETURN (MIN MAX COUNT) BODY x",
	    "* ESEARCH (TAG \"t1\") UID MIN 2 MAX 7 COUNT 4\r\n", "", 4, true },
	{ "RETURN (MIN MAX ALL COUNT) BODY x",
	    "* ESEARCH (TAG \"t1\") COUNT 0\r\n", "", 0, false },
	{ "RETURN (SAVE) BODY x", "",
	    "RETURN (SAVE) UID 2:4|RETURN (SAVE) OR $ UID 7|", 4, true },
	{ "RETURN (SAVE) BODY x", "", "RETURN (SAVE) NOT ALL|", 0, true },
	{ "RETURN (SAVE MIN) BODY x", "* ESEARCH (TAG \"t1\") MIN 2\r\n",
	    "RETURN (SAVE) 2|", 4, false },
	{ "RETURN (SAVE MIN MAX) BODY x",
	    "* ESEARCH (TAG \"t1\") MIN 2 MAX 7\r\n",
	    "RETURN (SAVE) 2|RETURN (SAVE) OR $ 7|", 4, false },
	{ "RETURN (SAVE COUNT) BODY x", "* ESEARCH (TAG \"t1\") COUNT 1\r\n",
	    "RETURN (SAVE) 2|", 1, false },
};

static void
answers_are_written(void **state)
{
	static const uint32_t numbers[] = { 2, 3, 4, 7 };

	(void)state;
	for (size_t i = 0; i < countof(answers); i++) {
		cleanup(search_free) struct search *s = NULL;
		cleanup(buf_reset) struct buf out = { .limit = 1000 };
		cleanup(buf_reset) struct buf saved = { .limit = 1000 };
		const char *in = answers[i].in;
		size_t done = 0, count = answers[i].count;
		bool by_uid = answers[i].by_uid;

		assert_int_equal(search_parse(in, strlen(in), &s, NULL), 0);
		assert_int_equal(search_put_answer(s, "t1", by_uid, numbers,
				     count, &out, NULL),
		    0);
		while (search_put_save(s, by_uid, 3, numbers, count, &done,
			   &saved, NULL) == 1)
			assert_int_equal(buf_putc(&saved, '|', NULL), 0);
		assert_non_null(buf_str(&out, NULL));
		assert_non_null(buf_str(&saved, NULL));
		assert_string_equal((char *)out.data, answers[i].answer);
		assert_string_equal((char *)saved.data, answers[i].saved);
	}
}

static void
cut_and_damaged_programs_are_parsed(void **state)
{
	static const char octets[] = "(){}\"\\ 0$*\r\n\xe9NOTR";
	unsigned seed = 1;

	(void)state;
	for (size_t i = 0; i < countof(programs); i++) {
		size_t n = strlen(programs[i].in);

		for (size_t round = 0; round < 200 + n; round++) {
			cleanup(search_free) struct search *s = NULL;
			cleanup(free_str) char *in =
			    strndup(programs[i].in, round < n ? round : n);

			assert_non_null(in);
			size_t len = strlen(in);
			for (int k = rand_r(&seed) % 3; round >= n && k >= 0;
			     k--)
				in[(size_t)rand_r(&seed) % len] =
				    octets[(size_t)rand_r(&seed) %
					   (sizeof octets - 1)];
			if (search_parse(in, len, &s, NULL) < 0)
				continue;
			cleanup(buf_reset) struct buf c = { 0 };
			look_at_all(s);
			assert_int_equal(search_put_program(s, &c, NULL), 0);
		}
	}
}

static void
depth_is_bounded(void **state)
{
	cleanup(buf_reset) struct buf deep = { .limit = LIMIT_SEARCH_PROGRAM };
	cleanup(buf_reset) struct buf many = { .limit = LIMIT_SEARCH_PROGRAM };
	struct search *s = NULL;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(buf_puts(&deep, "NOT ", NULL), 0);
		assert_int_equal(buf_puts(&many, "SEEN ", NULL), 0);
	}
	assert_int_equal(search_parse(deep.data, deep.len, &s, NULL), -1);
	assert_int_equal(search_parse(many.data, many.len, &s, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_written_anew),
		cmocka_unit_test(programs_are_refused),
		cmocka_unit_test(nothing_looked_at_finds_nothing),
		cmocka_unit_test(bodies_are_spared),
		cmocka_unit_test(a_message_that_cannot_be_opened_fails),
		cmocka_unit_test(programs_are_bounded),
		cmocka_unit_test(parts_are_written),
		cmocka_unit_test(
		    what_the_server_alone_knows_is_not_asked_in_parts),
		cmocka_unit_test(answers_are_written),
		cmocka_unit_test(cut_and_damaged_programs_are_parsed),
		cmocka_unit_test(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
