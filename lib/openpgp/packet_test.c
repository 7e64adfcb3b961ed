/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/packet.h"

#include "crypt/testing.h"
#include "openpgp/packet_writer.h"

/* What the reader said, as a text: "11(abc)" is a literal packet "abc". */
struct story {
	struct buf text;
};

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct story *s = ctx;

	return buf_putf(&s->text, err, "%u(", tag);
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct story *s = ctx;

	assert_true(n > 0);
	return buf_put(&s->text, data, n, err);
}

static int
on_end(void *ctx, struct err *err)
{
	struct story *s = ctx;

	return buf_puts(&s->text, ")", err);
}

static enum err_kind
read_in_steps(const uint8_t *data, size_t n, size_t step, struct story *s)
{
	struct packet_events events = { on_begin, on_body, on_end, s };
	struct packet_reader *r = NULL;
	struct err err = { 0 };
	int rc = 0;

	assert_int_equal(packet_reader_new(events, &r, NULL), 0);
	for (size_t at = 0; rc == 0 && at < n; at += step)
		rc = packet_reader_feed(
		    r, data + at, n - at < step ? n - at : step, &err);
	if (rc == 0)
		rc = packet_reader_finish(r, &err);
	else /* what has failed stays failed */
		assert_int_equal(packet_reader_feed(r, "\xcb", 1, NULL), -1);
	packet_reader_free(&r);
	return rc == 0 ? ERR_NONE : err.kind;
}

/* A first part of 512 octets "x", by its length octet. */
#define X8   "xxxxxxxx"
#define X64  X8 X8 X8 X8 X8 X8 X8 X8
#define X512 X64 X64 X64 X64 X64 X64 X64 X64

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
	const char *name;
	const char *data;
	size_t len;
	const char *story;
} good[] = {
	{ "nothing", BYTES(""), "" },
	{ "new, one octet",
	    BYTES("\xcb\x03"
		  "abc"),
	    "11(abc)" },
	{ "new, empty", BYTES("\xd5\x00"), "21()" },
	{ "new, five octets",
	    BYTES("\xc1\xff\x00\x00\x00\x02"
		  "ab"),
	    "1(ab)" },
	{ "new, two octets: 192", BYTES("\xcd\xc0\x00" X64 X64 X64),
	    "13(" X64 X64 X64 ")" },
	{ "old, one octet",
	    BYTES("\x84\x02"
		  "ab"),
	    "1(ab)" },
	{ "old, two octets",
	    BYTES("\x85\x00\x02"
		  "ab"),
	    "1(ab)" },
	{ "old, four octets",
	    BYTES("\x86\x00\x00\x00\x02"
		  "ab"),
	    "1(ab)" },
	{ "old, no length",
	    BYTES("\xaf"
		  "abc"),
	    "11(abc)" },
	{ "two packets",
	    BYTES("\xcb\x01"
		  "a"
		  "\x84\x01"
		  "b"),
	    "11(a)1(b)" },
	{ "parts: 512 and an empty end", BYTES("\xd2\xe9" X512 "\x00"),
	    "18(" X512 ")" },
	{ "parts: 512, 1, 2 and an end",
	    BYTES("\xd2\xe9" X512 "\xe0"
		  "a"
		  "\xe1"
		  "bc"
		  "\x03"
		  "def"),
	    "18(" X512 "abcdef)" },
	{ "parts, a two-octet end",
	    BYTES("\xcb\xe9" X512 "\xc0\x00" X64 X64 X64),
	    "11(" X512 X64 X64 X64 ")" },
};

static const struct {
	const char *name;
	const char *data;
	size_t len;
} bad[] = {
	{ "no tag bit", BYTES("hello") },
	{ "tag 0, new", BYTES("\xc0\x00") },
	{ "tag 0, old", BYTES("\x80\x00") },
	{ "first part of 256", BYTES("\xd2\xe8" X64 X64 X64 X64 "\x00") },
	{ "a PKESK in parts", BYTES("\xc1\xe9" X512 "\x00") },
	{ "a user ID in parts", BYTES("\xcd\xe9" X512 "\x00") },
	{ "a PKESK without a length", BYTES("\x87"
					    "abc") },
	{ "text behind a packet", BYTES("\xcb\x01"
					"abc") },
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		for (size_t step = 1; step <= good[i].len + 1; step++) {
			struct story s = { .text.limit = 4096 };
			enum err_kind kind =
			    read_in_steps((const uint8_t *)good[i].data,
				good[i].len, step, &s);

			if (kind != ERR_NONE)
				fail_msg("%s: refused", good[i].name);
			assert_non_null(buf_str(&s.text, NULL));
			assert_string_equal((char *)s.text.data, good[i].story);
			buf_reset(&s.text);
		}
	}
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		for (size_t step = 1; step <= bad[i].len + 1; step++) {
			struct story s = { .text.limit = 4096 };
			enum err_kind kind = read_in_steps(
			    (const uint8_t *)bad[i].data, bad[i].len, step, &s);

			if (kind != ERR_PROTO)
				fail_msg("%s: not refused", bad[i].name);
			buf_reset(&s.text);
		}
	}
}

/* Cut inside its only packet, the input is an error, and no end is told. */
static void
test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		bool one = strstr(good[i].name, "two packets") == NULL &&
			   strstr(good[i].name, "no length") == NULL;

		for (size_t n = 1; one && n < good[i].len; n++) {
			struct story s = { .text.limit = 4096 };

			assert_int_equal(
			    read_in_steps(
				(const uint8_t *)good[i].data, n, 7, &s),
			    ERR_PROTO);
			assert_null(s.text.len == 0
					? NULL
					: memchr(s.text.data, ')', s.text.len));
			buf_reset(&s.text);
		}
	}
}

/* A body of n octets, put in steps, comes back from the reader. */
static void
write_and_read(size_t n, size_t step)
{
	static uint8_t body[3 * PACKET_PART_LEN + 100];
	cleanup(buf_reset) struct buf b = { .limit = 1 << 20 };
	struct story s = { .text.limit = 1 << 20 };
	struct packet_writer *w = NULL;

	for (size_t i = 0; i < n; i++)
		body[i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(packet_writer_new(18, sink_to_buf(&b), &w, NULL), 0);

	struct sink to = packet_writer_sink(w);

	for (size_t at = 0; at < n; at += step)
		assert_int_equal(sink_put(&to, body + at,
				     n - at < step ? n - at : step, NULL),
		    0);
	assert_int_equal(packet_writer_finish(w, NULL), 0);
	packet_writer_free(&w);
	assert_int_equal(read_in_steps(b.data, b.len, 1000, &s), ERR_NONE);
	assert_int_equal(s.text.len, n + 4);
	assert_memory_equal(s.text.data, "18(", 3);
	if (n > 0)
		assert_memory_equal(s.text.data + 3, body, n);
	if (n <= PACKET_PART_LEN) /* no parts */
		assert_true(b.len <= n + 3 && (b.data[1] < 224));
	buf_reset(&s.text);
}

static void
test_writer(void **state)
{
	(void)state;
	static const size_t steps[] = { 1, 511, PACKET_PART_LEN - 1,
		PACKET_PART_LEN, PACKET_PART_LEN + 1, 100000 };

	for (size_t i = 0; i < countof(steps); i++) {
		for (size_t n = 0; n <= 200; n++)
			write_and_read(n, steps[i]);
		for (size_t parts = 1; parts <= 3; parts++)
			for (size_t n = 0; n <= 6; n++)
				write_and_read(
				    parts * PACKET_PART_LEN + n - 3, steps[i]);
	}
}

static void
test_header(void **state)
{
	(void)state;
	static const uint32_t lengths[] = { 0, 1, 191, 192, 193, 8383, 8384,
		65535, 65536, 1 << 20 };

	for (size_t i = 0; i < countof(lengths); i++) {
		static uint8_t data[PACKET_HEADER_MAX + (1 << 20)];
		struct story s = { .text.limit = 1 << 21 };
		size_t head = packet_header(13, lengths[i], data);

		memset(data + head, 'x', lengths[i]);
		assert_int_equal(
		    read_in_steps(data, head + lengths[i], 4096, &s), ERR_NONE);
		assert_int_equal(s.text.len, lengths[i] + 4);
		buf_reset(&s.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
