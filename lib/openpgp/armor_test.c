/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/armor.h"

#include "base/limits.h"
#include "crypt/testing.h"

enum { SIZE_MAX_TESTED = 20000 };

#define BEGIN "-----BEGIN PGP MESSAGE-----"
#define END   "-----END PGP MESSAGE-----"

static void
armor(const uint8_t *data, size_t n, size_t step, struct buf *out)
{
	struct armor_writer *w = NULL;

	assert_int_equal(armor_writer_new(sink_to_buf(out), &w, NULL), 0);

	struct sink to = armor_writer_sink(w);

	for (size_t at = 0; at < n; at += step)
		assert_int_equal(sink_put(&to, data + at,
				     n - at < step ? n - at : step, NULL),
		    0);
	assert_int_equal(armor_writer_finish(w, NULL), 0);
	armor_writer_free(&w);
	assert_null(w);
}

/* 0, or the kind of the error. */
static enum err_kind
dearmor(const char *text, size_t n, size_t step, struct buf *out)
{
	struct armor_reader *r = NULL;
	struct err err = { 0 };
	int rc = 0;

	assert_int_equal(armor_reader_new(sink_to_buf(out), &r, NULL), 0);
	for (size_t at = 0; rc == 0 && at < n; at += step)
		rc = armor_reader_feed(
		    r, text + at, n - at < step ? n - at : step, &err);
	if (rc == 0)
		rc = armor_reader_finish(r, &err);
	else /* what has failed stays failed */
		assert_int_equal(armor_reader_finish(r, NULL), -1);
	armor_reader_free(&r);
	return rc == 0 ? ERR_NONE : err.kind;
}

static const struct {
	const char *name;
	const char *data;
	const char *text;
} good[] = {
	{ "nothing", "", BEGIN "\r\n\r\n=twTO\r\n" END "\r\n" },
	{ "one octet", "a", BEGIN "\r\n\r\nYQ==\r\n=8lcT\r\n" END "\r\n" },
	{ "three octets", "abc", BEGIN "\r\n\r\nYWJj\r\n=uhx7\r\n" END "\r\n" },
	{ "a line and one octet",
	    "0123456789012345678901234567890123456789012345678",
	    BEGIN
	    "\r\n\r\n"
	    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3"
	    "\r\nOA==\r\n=3z8e\r\n" END "\r\n" },
};

static void
test_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		size_t n = strlen(good[i].data);

		for (size_t step = 1; step <= n + 1; step++) {
			cleanup(buf_reset) struct buf b = { .limit = 1000 };

			armor((const uint8_t *)good[i].data, n, step, &b);
			assert_non_null(buf_str(&b, NULL));
			assert_string_equal((char *)b.data, good[i].text);
		}
	}
}

/* Every size, with steps that cut lines everywhere. */
static void
test_round_trip(void **state)
{
	(void)state;
	static uint8_t data[SIZE_MAX_TESTED];
	static const size_t steps[] = { 1, 7, 47, 48, 49, 5000 };

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 17 + (i >> 7));
	for (size_t n = 0; n < sizeof data; n = n < 200 ? n + 1 : n * 3) {
		for (size_t i = 0; i < countof(steps); i++) {
			cleanup(buf_reset) struct buf a = { .limit = 1 << 20 };
			cleanup(buf_reset) struct buf b = { .limit = 1 << 20 };

			armor(data, n, steps[i], &a);
			assert_int_equal(
			    dearmor((char *)a.data, a.len, steps[i], &b),
			    ERR_NONE);
			assert_int_equal(b.len, n);
			if (n > 0)
				assert_memory_equal(b.data, data, n);
		}
	}
}

#define BODY "YWJj\n=uhx7\n"

static const struct {
	const char *name;
	const char *text;
} accepted[] = {
	{ "LF", BEGIN "\n\n" BODY END "\n" },
	{ "no line end behind the tail", BEGIN "\n\n" BODY END },
	{ "blank lines around", "\n \t\r\n" BEGIN "\n\n" BODY END "\n \n\n" },
	{ "armor headers",
	    BEGIN "\nVersion: X 1\nComment: a: b\nHash:\n\n" BODY END "\n" },
	{ "white space at the ends of lines",
	    BEGIN "  \n \t\nYWJj \n=uhx7\t\n" END " \n" },
	{ "no CRC", BEGIN "\n\nYWJj\n" END "\n" },
	{ "quanta cut by line ends", BEGIN "\n\nY\nWJ\nj\n=uhx7\n" END "\n" },
};

static const struct {
	const char *name;
	const char *text;
} refused[] = {
	{ "nothing", "" },
	{ "text before", "text\n" BEGIN "\n\n" BODY END "\n" },
	{ "text behind", BEGIN "\n\n" BODY END "\ntext\n" },
	{ "text behind on the same line", BEGIN "\n\n" BODY END "text\n" },
	{ "text before on the same line", ">" BEGIN "\n\n" BODY END "\n" },
	{ "another kind", "-----BEGIN PGP SIGNATURE-----\n\n" BODY
			  "-----END PGP SIGNATURE-----\n" },
	{ "another kind of tail",
	    BEGIN "\n\n" BODY "-----END PGP SIGNATURE-----\n" },
	{ "no empty line", BEGIN "\n" BODY END "\n" },
	{ "no colon", BEGIN "\nVersion\n\n" BODY END "\n" },
	{ "no tail", BEGIN "\n\n" BODY },
	{ "half a tail", BEGIN "\n\n" BODY "-----END PGP" },
	{ "wrong CRC", BEGIN "\n\nYWJj\n=uhx8\n" END "\n" },
	{ "CRC of five", BEGIN "\n\nYWJj\n=uhx7A\n" END "\n" },
	{ "CRC of three", BEGIN "\n\nYWJj\n=uhx\n" END "\n" },
	{ "two CRC lines", BEGIN "\n\nYWJj\n=uhx7\n=uhx7\n" END "\n" },
	{ "data behind the CRC", BEGIN "\n\nYWJj\n=uhx7\nYWJj\n" END "\n" },
	{ "plain text in the data", BEGIN "\n\nhello there\n" END "\n" },
	{ "empty line in the data", BEGIN "\n\nYWJj\n\nYWJj\n" END "\n" },
	{ "data behind the padding", BEGIN "\n\nYQ==\nYWJj\n" END "\n" },
	{ "padding in the middle", BEGIN "\n\nYQ==YWJj\n" END "\n" },
	{ "quantum of three", BEGIN "\n\nYWJ\n" END "\n" },
	{ "quantum of one", BEGIN "\n\nYWJjY\n" END "\n" },
	{ "spare bits", BEGIN "\n\nYR==\n" END "\n" },
	{ "padding alone", BEGIN "\n\n====\n" END "\n" },
	{ "bare CR", BEGIN "\n\nYW\rJj\n" END "\n" },
	{ "eight-bit octets", BEGIN "\n\nYW\xc3\xa4\n" END "\n" },
	{ "a second message",
	    BEGIN "\n\n" BODY END "\n" BEGIN "\n\n" BODY END "\n" },
	{ "a message in a message", BEGIN "\n\n" BEGIN "\n\n" BODY END "\n" },
};

static void
test_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(accepted); i++) {
		size_t n = strlen(accepted[i].text);

		for (size_t step = 1; step <= n; step++) {
			cleanup(buf_reset) struct buf b = { .limit = 1000 };

			if (dearmor(accepted[i].text, n, step, &b) != ERR_NONE)
				fail_msg("%s: refused", accepted[i].name);
			assert_int_equal(b.len, 3);
			assert_memory_equal(b.data, "abc", 3);
		}
	}
}

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refused); i++) {
		size_t n = strlen(refused[i].text);

		for (size_t step = 1; step <= n + 1; step++) {
			cleanup(buf_reset) struct buf b = { .limit = 1000 };

			if (dearmor(refused[i].text, n, step, &b) != ERR_PROTO)
				fail_msg("%s: not refused", refused[i].name);
		}
	}
}

/* A message is whole up to its tail line, or it is none. */
static void
test_cut(void **state)
{
	(void)state;
	const char *text = good[3].text;
	size_t whole = strlen(text) - 2; /* the last line end may be missing */

	for (size_t n = 0; n <= strlen(text); n++) {
		cleanup(buf_reset) struct buf b = { .limit = 1000 };

		assert_int_equal(dearmor(text, n, n + 1, &b),
		    n < whole ? ERR_PROTO : ERR_NONE);
	}
}

static void
test_long_lines(void **state)
{
	(void)state;
	for (size_t len = LIMIT_ARMOR_LINE - 8; len <= LIMIT_ARMOR_LINE + 8;
	     len += 4) {
		cleanup(buf_reset) struct buf t = { .limit = 1 << 16 };
		cleanup(buf_reset) struct buf b = { .limit = 1 << 16 };

		assert_int_equal(buf_puts(&t, BEGIN "\n\n", NULL), 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(buf_putc(&t, 'A', NULL), 0);
		assert_int_equal(buf_puts(&t, "\n" END "\n", NULL), 0);
		assert_int_equal(dearmor((char *)t.data, t.len, 100, &b),
		    len <= LIMIT_ARMOR_LINE ? ERR_NONE : ERR_PROTO);
	}
}

static int
put_nowhere(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	size_t *left = ctx;

	(void)data;
	(void)n;
	if (*left == 0)
		return err_set(err, ERR_TEMP, "the disk is full");
	(*left)--;
	return 0;
}

/* When a put of the sink fails, for each of them, so does the writer. */
static void
test_sink_fails(void **state)
{
	(void)state;
	static const uint8_t data[30000];

	for (size_t puts = 0;; puts++) {
		size_t left = puts;
		struct armor_writer *w = NULL;
		struct err err = { 0 };

		assert_int_equal(
		    armor_writer_new(
			(struct sink){ put_nowhere, &left }, &w, NULL),
		    0);

		struct sink to = armor_writer_sink(w);
		int rc = sink_put(&to, data, sizeof data, &err);

		if (rc == 0)
			rc = armor_writer_finish(w, &err);
		armor_writer_free(&w);
		if (rc == 0) {
			assert_int_equal(left, 0);
			assert_true(puts > 5);
			return;
		}
		assert_int_equal(err.kind, ERR_TEMP);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
