/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Headers are planned, stored as the milter would store them, and rebuilt;
 * encryption is left out: the record goes into the marker as it is.
 */

#include "mail/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define TRACE "Return-Path: <a@example.org>\r\n"

static void
add(struct header *h, const char *raw)
{
	struct err err = { 0 };

	if (header_add_raw(h, raw, strlen(raw), &err) < 0)
		fail_msg("%s: %s", raw, err.text);
}

static void
copy_field(struct header *to, const struct header_field *f)
{
	struct err err = { 0 };

	assert_int_equal(header_add_raw(to, f->raw, f->raw_len, &err), 0);
}

static void
copy_all(struct header *to, const struct header *from)
{
	for (size_t i = 0; i < from->count; i++)
		copy_field(to, &from->fields[i]);
}

/* The stored header: a trace field, the marker, what stays, what is added. */
static void
store(const struct header *original, const struct sealed_plan *plan,
    struct header *stored)
{
	cleanup(header_reset) struct header marker = { 0 };
	struct err err = { 0 };

	assert_int_equal(sealed_put_marker(4711, plan->head.data,
			     plan->head.len, &marker, &err), 0);
	add(stored, TRACE);
	copy_all(stored, &marker);
	for (size_t i = 0; i < original->count; i++)
		if (!plan->taken[i])
			copy_field(stored, &original->fields[i]);
	copy_all(stored, &plan->added);
}

static void
rebuild(const struct header *stored, struct buf *out)
{
	cleanup(sealed_marker_reset) struct sealed_marker m = { 0 };
	struct err err = { 0 };

	assert_int_equal(sealed_find_marker(stored, &m, &err), 1);
	assert_int_equal(m.first, 1);
	assert_int_equal(m.body_octets, 4711);
	if (sealed_rebuild_header(stored, &m, m.head.data, m.head.len, out,
		&err) < 0)
		fail_msg("%s", err.text);
}

static void
put_expected(const struct header *original, bool unseparated, struct buf *out)
{
	struct err err = { 0 };

	assert_int_equal(buf_puts(out, TRACE, &err), 0);
	for (size_t i = 0; i < original->count; i++)
		assert_int_equal(buf_put(out, original->fields[i].raw,
				     original->fields[i].raw_len, &err), 0);
	if (!unseparated)
		assert_int_equal(buf_puts(out, "\r\n", &err), 0);
}

static void
check_round_trip(const struct header *original, struct sealed_options o)
{
	cleanup(sealed_plan_reset) struct sealed_plan plan = { 0 };
	cleanup(header_reset) struct header stored = { 0 };
	cleanup(buf_reset) struct buf expected = { .limit = LIMIT_HEADER * 2 };
	cleanup(buf_reset) struct buf got = { .limit = LIMIT_HEADER * 2 };
	struct err err = { 0 };

	assert_int_equal(sealed_plan_make(original, &o, &plan, &err), 0);
	store(original, &plan, &stored);
	rebuild(&stored, &got);
	put_expected(original, o.unseparated, &expected);
	if (got.len != expected.len ||
	    memcmp(got.data, expected.data, got.len) != 0)
		fail_msg("expected\n%s\ngot\n%s", buf_str(&expected, &err),
		    buf_str(&got, &err));
}

static const char *const field_pool[] = {
	"Received: from a by b;\r\n\tFri, 20 Nov 2026 10:00:00 +0000\r\n",
	"From: a@example.org\r\n",
	"To: b@example.net\r\n",
	"Subject: hello\r\n",
	"subject: =?utf-8?q?encrypt=3Apw=3Ahi?=\r\n",
	"Thread-Topic: hello\r\n",
	"MIME-Version: 1.0\r\n",
	"Mime-Version: 1.0 (by hand)\r\n",
	"Content-Type: text/plain; charset=utf-8\r\n",
	"content-type:multipart/mixed;\r\n boundary=\"x\";\r\n",
	"Content-Transfer-Encoding: 8bit\r\n",
	"CONTENT-Disposition : inline\r\n",
	"Content-Type: multipart/encrypted\r\n",
	"X-Sealpost: v=1; at-rest; body=1; head=AAAA\r\n",
	"X-Sealpost-More: AAAA\r\n",
	"Subject: ...\r\n",
	"X-Empty:\r\n",
	"X-Odd: a\rb\nc\xff\r\n",
	"DKIM-Signature: v=1; a=rsa-sha256; h=from:subject;\r\n b=abc\r\n",
};

static void
any_header_comes_back(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		cleanup(header_reset) struct header h = { 0 };
		struct sealed_options o = {
			.protect_subject = rand_r(&seed) % 2,
			.unseparated = rand_r(&seed) % 4 == 0,
		};

		for (int n = rand_r(&seed) % 16; n > 0; n--)
			add(&h, field_pool[(unsigned)rand_r(&seed) %
				    countof(field_pool)]);
		check_round_trip(&h, o);
	}
}

static void
large_fields_and_many_fields_come_back(void **state)
{
	cleanup(header_reset) struct header h = { 0 };
	cleanup(buf_reset) struct buf raw = { .limit = 1 << 20 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_puts(&raw, "Content-Description: ", &err), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_putc(&raw, (uint8_t)('a' + i % 26), &err),
		    0);
	add(&h, buf_puts(&raw, "\r\n", &err) == 0 ? buf_str(&raw, &err) : "");
	for (int i = 0; i < 2000; i++)
		add(&h, field_pool[(size_t)i % countof(field_pool)]);
	check_round_trip(&h, (struct sealed_options){ 0 });
}

static void
no_marker_field_is_long_enough_to_be_cut(void **state)
{
	cleanup(header_reset) struct header marker = { 0 };
	static uint8_t head[200000];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(sealed_put_marker(UINT64_MAX, head, sizeof head,
			     &marker, &err), 0);
	assert_int_equal(marker.count, 7);
	for (size_t i = 0; i < marker.count; i++)
		assert_true(marker.fields[i].raw_len < 50000);
}

/* What stays outside, and what goes into the entity. */
struct plan_case {
	const char *name;
	const char *fields[6];
	bool protect;
	const char *outside; /* kept and added, without the boundary's line */
	const char *entity;
};

#define TYPE                                                              \
	"Content-Type: multipart/encrypted;\r\n"                          \
	"\tprotocol=\"application/pgp-encrypted\";\r\n"                   \
	"\tboundary=\"=_sealpost_00000000000000000000000000000000\"\r\n"

static const struct plan_case plans[] = {
	{ "no MIME", { "From: a\r\n", "Subject: s\r\n" }, false,
	    "From: a\r\nSubject: s\r\nMIME-Version: 1.0\r\n" TYPE, "\r\n" },
	{ "MIME", { "MIME-Version: 1.0\r\n", "Content-Type: a/b\r\n",
		      "Subject: s\r\n", "Content-X: y\r\n" }, false,
	    "MIME-Version: 1.0\r\nSubject: s\r\n" TYPE,
	    "Content-Type: a/b\r\nContent-X: y\r\n\r\n" },
	{ "protected", { "Subject: s\r\n", "Content-Type: a/b\r\n",
			   "Thread-Topic: s\r\n" }, true,
	    "MIME-Version: 1.0\r\n" TYPE "Subject: ...\r\n",
	    "Subject: s\r\nContent-Type: a/b;\r\n"
	    " protected-headers=\"v1\"; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: ...\r\n\r\n" },
	{ "protected, no type", { "Subject: s\r\n" }, true,
	    "MIME-Version: 1.0\r\n" TYPE "Subject: ...\r\n",
	    "Subject: s\r\nContent-Type: text/plain; charset=us-ascii;\r\n"
	    " protected-headers=\"v1\"; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: ...\r\n\r\n" },
	{ "trailing semicolon", { "Subject: s\r\n",
				    "Content-Type: a/b; \r\n" }, true,
	    "MIME-Version: 1.0\r\n" TYPE "Subject: ...\r\n",
	    "Subject: s\r\nContent-Type: a/b;\r\n"
	    " protected-headers=\"v1\"; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: ...\r\n\r\n" },
	{ "password", { "Subject: Re: encrypt:pw:s\r\n",
			  "Thread-Topic: encrypt:pw:s\r\n" }, false,
	    "MIME-Version: 1.0\r\n" TYPE "Subject: ...\r\n",
	    "Subject: Re: encrypt:pw:s\r\n"
	    "Content-Type: text/plain; charset=us-ascii;\r\n"
	    " protected-headers=\"v1\"; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: ...\r\n\r\n" },
	{ "password in Thread-Topic alone", { "Subject: s\r\n",
			  "thread-topic: encrypt:pw:s\r\n" }, false,
	    "MIME-Version: 1.0\r\n" TYPE "Subject: ...\r\n",
	    "Subject: s\r\n"
	    "Content-Type: text/plain; charset=us-ascii;\r\n"
	    " protected-headers=\"v1\"; hp=\"cipher\"\r\n"
	    "HP-Outer: Subject: ...\r\n\r\n" },
	{ "password in other fields", { "Subject: s\r\n",
			  "Comments: Re: encrypt:pw:s\r\n",
			  "X-Mailer: m\r\n", "encrypt:pw:s\r\n",
			  "X-Old: =?utf-8?q?encrypt=3Apw?=\r\n" }, false,
	    "Subject: s\r\nX-Mailer: m\r\nMIME-Version: 1.0\r\n" TYPE,
	    "\r\n" },
	{ "nothing to protect", { "From: a\r\n" }, true,
	    "From: a\r\nMIME-Version: 1.0\r\n" TYPE, "\r\n" },
	{ "forged marker", { "X-Sealpost: v=1\r\n", "X-Sealpost-A: b\r\n",
			       "X-Sealed: c\r\n" }, false,
	    "X-Sealed: c\r\nMIME-Version: 1.0\r\n" TYPE, "\r\n" },
};

static void
check_plan(const struct plan_case *c)
{
	cleanup(header_reset) struct header h = { 0 };
	cleanup(sealed_plan_reset) struct sealed_plan plan = { 0 };
	cleanup(buf_reset) struct buf outside = { .limit = 1 << 16 };
	struct sealed_options o = { .protect_subject = c->protect };
	struct err err = { 0 };

	for (size_t i = 0; i < countof(c->fields) && c->fields[i] != NULL; i++)
		add(&h, c->fields[i]);
	assert_int_equal(sealed_plan_make(&h, &o, &plan, &err), 0);
	for (size_t i = 0; i < h.count; i++)
		if (!plan.taken[i])
			assert_int_equal(buf_put(&outside, h.fields[i].raw,
					     h.fields[i].raw_len, &err), 0);
	for (size_t i = 0; i < plan.added.count; i++)
		assert_int_equal(buf_put(&outside, plan.added.fields[i].raw,
				     plan.added.fields[i].raw_len, &err), 0);
	print_message("%s\n", c->name);
	assert_string_equal(buf_str(&outside, &err), c->outside);
	assert_string_equal(buf_str(&plan.entity, &err), c->entity);
}

static void
plans_are_as_designed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(plans); i++)
		check_plan(&plans[i]);
}

/* Sieve and the like may have edited the outer header since. */
static void
edited_headers_still_come_back(void **state)
{
	cleanup(header_reset) struct header h = { 0 };
	cleanup(header_reset) struct header stored = { 0 };
	cleanup(header_reset) struct header edited = { 0 };
	cleanup(sealed_plan_reset) struct sealed_plan plan = { 0 };
	cleanup(buf_reset) struct buf got = { .limit = 1 << 16 };
	struct sealed_options o = { 0 };
	struct err err = { 0 };

	(void)state;
	add(&h, "From: a\r\n");
	add(&h, "X-Spam: no\r\n");
	add(&h, "Content-Type: a/b\r\n");
	add(&h, "To: b\r\n");
	assert_int_equal(sealed_plan_make(&h, &o, &plan, &err), 0);
	store(&h, &plan, &stored);
	for (size_t i = 0; i < stored.count; i++)
		if (!header_field_is(&stored.fields[i], "X-Spam"))
			copy_field(&edited, &stored.fields[i]);
	rebuild(&edited, &got);
	assert_string_equal(buf_str(&got, &err),
	    TRACE "From: a\r\nContent-Type: a/b\r\nTo: b\r\n\r\n");
}

static void
damaged_records_are_refused(void **state)
{
	static const char good[] =
	    "sealpost-head 1\r\ntaken 2 6\r\nA: 1\r\ntaken 0 6\r\nB: 2\r\n"
	    "added 6\r\nC: 3\r\nunseparated\r\nend\r\n";
	cleanup(header_reset) struct header stored = { 0 };
	struct sealed_marker m = { .first = 0, .count = 1 };

	(void)state;
	add(&stored, "X-Sealpost: x\r\n");
	add(&stored, "C: 3\r\n");
	for (size_t n = 0; n <= strlen(good); n++) {
		cleanup(buf_reset) struct buf out = { .limit = 4096 };
		struct err err = { 0 };
		int rc = sealed_rebuild_header(&stored, &m, good, n, &out,
		    &err);

		assert_int_equal(rc, n == strlen(good) ? 0 : -1);
		assert_int_equal(err.kind, rc == 0 ? ERR_NONE : ERR_PERM);
		assert_int_equal(out.len, rc == 0 ? 12 : 0);
	}
}

static void
random_records_do_no_harm(void **state)
{
	static const char *const words[] = { "sealpost-head 1\r\n", "taken ",
		"added ", "unseparated\r\n", "end\r\n", "0", "9", " ", "\r\n",
		"A: 1\r\n", "99999999999999999999", "6" };
	cleanup(header_reset) struct header stored = { 0 };
	struct sealed_marker m = { .first = 0, .count = 1 };
	unsigned seed = 7;

	(void)state;
	add(&stored, "X-Sealpost: x\r\n");
	for (int round = 0; round < 50000; round++) {
		cleanup(buf_reset) struct buf record = { .limit = 4096 };
		cleanup(buf_reset) struct buf out = { .limit = 4096 };
		struct err err = { 0 };

		(void)!buf_puts(&record, words[0], &err);
		for (int n = rand_r(&seed) % 12; n > 0; n--)
			(void)!buf_puts(&record, words[(unsigned)rand_r(&seed) %
					    countof(words)], &err);
		if (sealed_rebuild_header(&stored, &m, record.data, record.len,
			&out, &err) < 0)
			assert_int_equal(err.kind, ERR_PERM);
	}
}

static void
markers_that_are_none(void **state)
{
	static const char *const bad[] = {
		"X-Sealpost: v=2; at-rest; body=1; head=AAAA\r\n",
		"X-Sealpost: v=1; body=1; head=AAAA\r\n",
		"X-Sealpost: v=1; at-rest; body=; head=AAAA\r\n",
		"X-Sealpost: v=1; at-rest; body=-1; head=AAAA\r\n",
		"X-Sealpost: v=1; at-rest; body=1; head=\r\n",
		"X-Sealpost: v=1; at-rest; body=1; head=AAA\r\n",
		"X-Sealpost: v=1; at-rest; body=1; head=A%AA\r\n",
		"X-Sealpost: v=1; at-rest; body=1; more=1; head=AAAA\r\n",
		("X-Sealpost: v=1; at-rest; body=99999999999999999999; "
		 "head=AAAA\r\n"),
		"X-Sealpost-More: v=1; at-rest; body=1; head=AAAA\r\n",
	};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		cleanup(header_reset) struct header h = { 0 };
		cleanup(sealed_marker_reset) struct sealed_marker m = { 0 };
		struct err err = { 0 };

		add(&h, bad[i]);
		assert_int_equal(sealed_find_marker(&h, &m, &err), 0);
	}
}

static void
a_boundary_tells_its_seed(void **state)
{
	static const struct {
		const char *type;
		bool found;
	} cases[] = {
		{ "multipart/encrypted; boundary=\"=_sealpost_"
		  "000102030405060708090a0b0c0d0eff\"", true },
		{ "=_sealpost_000102030405060708090a0b0c0d0eff", true },
		{ "x; boundary==_sealpost_000102030405060708090a0b0c0d0ef",
		    false },
		{ "x; boundary==_sealpost_000102030405060708090a0b0c0d0eFF",
		    false },
		{ "x; boundary=sealpost_000102030405060708090a0b0c0d0eff",
		    false },
		{ "=_sealpost_", false },
		{ "", false },
	};
	static const uint8_t seed[SEALED_SEED_SIZE] = { 0, 1, 2, 3, 4, 5, 6,
		7, 8, 9, 10, 11, 12, 13, 14, 255 };
	uint8_t found[SEALED_SEED_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(sealed_boundary_seed(cases[i].type, found),
		    cases[i].found);
		if (cases[i].found)
			assert_memory_equal(found, seed, sizeof seed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_are_as_designed),
		cmocka_unit_test(any_header_comes_back),
		cmocka_unit_test(large_fields_and_many_fields_come_back),
		cmocka_unit_test(no_marker_field_is_long_enough_to_be_cut),
		cmocka_unit_test(edited_headers_still_come_back),
		cmocka_unit_test(damaged_records_are_refused),
		cmocka_unit_test(random_records_do_no_harm),
		cmocka_unit_test(markers_that_are_none),
		cmocka_unit_test(a_boundary_tells_its_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
