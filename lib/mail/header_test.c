/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

struct split_case {
	const char *name;
	const char *in;
	const char *fields; /* raw fields, each followed by '|' */
	const char *body;
	bool separated;
};

static const struct split_case cases[] = {
	{ "usual", "A: 1\r\nB: 2\r\n\r\nbody\r\n", "A: 1\r\n|B: 2\r\n|",
	    "body\r\n", true },
	{ "folded", "A: 1\r\n 2\r\n\t3\r\n\r\n", "A: 1\r\n 2\r\n\t3\r\n|", "",
	    true },
	{ "no header", "\r\nbody", "", "body", true },
	{ "empty", "", "", "", false },
	{ "no body, no empty line", "A: 1\r\n", "A: 1\r\n|", "", false },
	{ "no final line end", "A: 1\r\nB: 2", "A: 1\r\n|", "B: 2", false },
	{ "unfinished fold", "A: 1\r\n fold", "A: 1\r\n|", " fold", false },
	{ "garbage line", "A: 1\r\ngarbage\r\n\r\nb", "A: 1\r\n|",
	    "garbage\r\n\r\nb", false },
	{ "only a body", "hello\r\n\r\nyou\r\n", "", "hello\r\n\r\nyou\r\n",
	    false },
	{ "fold first", " fold\r\nA: 1\r\n\r\n", "", " fold\r\nA: 1\r\n\r\n",
	    false },
	{ "blank before colon", "A : 1\r\n\r\n", "A : 1\r\n|", "", true },
	{ "empty value", "A:\r\nB:\r\n\r\n", "A:\r\n|B:\r\n|", "", true },
	{ "bare LF in a value", "A: 1\nB: 2\r\n\r\n", "A: 1\nB: 2\r\n|", "",
	    true },
	{ "bare CR in a value", "A: 1\rB: 2\r\n\r\n", "A: 1\rB: 2\r\n|", "",
	    true },
	{ "8-bit name", "\xc3\xa4: 1\r\n\r\n", "", "\xc3\xa4: 1\r\n\r\n",
	    false },
	{ "8-bit value", "A: \xc3\xa4\r\n\r\n", "A: \xc3\xa4\r\n|", "", true },
	{ "no name", ": 1\r\n\r\n", "", ": 1\r\n\r\n", false },
	{ "CR CR LF", "A: 1\r\r\n\r\n", "A: 1\r\r\n|", "", true },
};

static void
put_fields(const struct header *h, struct buf *out)
{
	struct err err = { 0 };

	for (size_t i = 0; i < h->count; i++) {
		assert_int_equal(
		    buf_put(out, h->fields[i].raw, h->fields[i].raw_len, &err),
		    0);
		assert_int_equal(buf_puts(out, "|", &err), 0);
	}
}

/* Reads the case in pieces of `step` octets. */
static void
check_split(const struct split_case *c, size_t step)
{
	cleanup(header_reset) struct header h = { 0 };
	cleanup(header_reader_reset) struct header_reader r;
	cleanup(buf_reset) struct buf fields = { .limit = 1 << 20 };
	cleanup(buf_reset) struct buf body = { .limit = 1 << 20 };
	struct err err = { 0 };
	size_t n = strlen(c->in), used, rest;

	header_reader_init(&r, &h);
	for (size_t at = 0; at < n; at += step) {
		size_t piece = n - at < step ? n - at : step;
		bool was_done = r.done;

		assert_int_equal(header_reader_feed(&r, c->in + at, piece,
				     &used, &err), 0);
		if (!was_done && r.done) {
			const uint8_t *held = header_reader_rest(&r, &rest);

			assert_int_equal(buf_put(&body, held, rest, &err), 0);
		}
		assert_int_equal(buf_put(&body, c->in + at + used,
				     piece - used, &err), 0);
	}
	if (!r.done) {
		assert_int_equal(header_reader_finish(&r, &err), 0);
		const uint8_t *held = header_reader_rest(&r, &rest);
		assert_int_equal(buf_put(&body, held, rest, &err), 0);
	}
	put_fields(&h, &fields);
	if (strcmp(buf_str(&fields, &err), c->fields) != 0 ||
	    strcmp(buf_str(&body, &err), c->body) != 0 ||
	    r.separated != c->separated)
		fail_msg("%s, step %zu: fields \"%s\", body \"%s\"", c->name,
		    step, buf_str(&fields, &err), buf_str(&body, &err));
}

/* The same at once. */
static void
splits_what_is_in_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct split_case *c = &cases[i];
		cleanup(message_parts_reset) struct message_parts p = { 0 };
		cleanup(buf_reset) struct buf fields = { .limit = 1 << 20 };
		struct err err = { 0 };
		size_t n = strlen(c->in);

		assert_int_equal(header_split(c->in, n, &p, &err), 0);
		put_fields(&p.header, &fields);
		if (strcmp(buf_str(&fields, &err), c->fields) != 0 ||
		    p.separated != c->separated)
			fail_msg("%s: fields \"%s\"", c->name,
			    buf_str(&fields, &err));
		assert_ptr_equal(p.message, c->in);
		assert_int_equal(p.message_len, n);
		/* within the message, up to its end */
		assert_ptr_equal(p.body + p.body_len, c->in + n);
		assert_int_equal(p.body_len, strlen(c->body));
	}
}

static void
splits_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++)
			check_split(&cases[i], step);
}

static void
refuses_what_is_no_field(void **state)
{
	static const char *const bad[] = { "", "A: 1", "A: 1\n", "A\r\n",
		": x\r\n", " A: 1\r\n", "\r\n" };
	cleanup(header_reset) struct header h = { 0 };

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct err err = { 0 };

		assert_int_equal(
		    header_add_raw(&h, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.kind, ERR_PROTO);
	}
	assert_int_equal(h.count, 0);
}

static void
names_are_compared_without_case(void **state)
{
	cleanup(header_reset) struct header h = { 0 };
	struct err err = { 0 };
	size_t count, n;

	(void)state;
	assert_int_equal(header_add_raw(&h, "content-TYPE : a\r\n", 18, &err),
	    0);
	assert_int_equal(header_add_raw(&h, "Content-Type:b\r\n", 16, &err), 0);
	const struct header_field *f = header_find(&h, "Content-Type", &count);

	assert_int_equal(count, 2);
	assert_ptr_equal(f, &h.fields[0]);
	assert_true(header_field_begins(f, "Content-"));
	assert_false(header_field_begins(f, "Content-Type-"));
	assert_false(header_field_is(f, "Content"));
	assert_memory_equal(header_field_value(f, &n), " a", 2);
	assert_int_equal(n, 2);
}

static void
limits_hold(void **state)
{
	cleanup(header_reset) struct header h = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < LIMIT_HEADER_FIELDS; i++)
		assert_int_equal(header_add_raw(&h, "A: 1\r\n", 6, &err), 0);
	assert_int_equal(header_add_raw(&h, "A: 1\r\n", 6, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_at_every_cut),
		cmocka_unit_test(splits_what_is_in_memory),
		cmocka_unit_test(refuses_what_is_no_field),
		cmocka_unit_test(names_are_compared_without_case),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
