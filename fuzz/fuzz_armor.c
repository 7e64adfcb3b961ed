/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Armor: read whole or cut, the verdict and the octets are the same; what is
 * written is read back.
 */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "openpgp/armor.h"

enum { LARGEST = 1 << 24 };

static int
dearmor(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	cleanup(armor_reader_free) struct armor_reader *r = NULL;
	struct err err = { 0 };
	int rc = 0;

	CHECK(armor_reader_new(sink_to_buf(out), &r, &err) == 0);
	for (size_t i = 0; rc == 0 && i < size; i += step)
		rc = armor_reader_feed(
		    r, data + i, size - i < step ? size - i : step, &err);
	if (rc == 0)
		rc = armor_reader_finish(r, &err);
	CHECK(rc == 0 || err.kind == ERR_PROTO);
	return rc;
}

static void
armor(const uint8_t *data, size_t size, size_t step, struct buf *out)
{
	cleanup(armor_writer_free) struct armor_writer *w = NULL;

	CHECK(armor_writer_new(sink_to_buf(out), &w, NULL) == 0);

	struct sink to = armor_writer_sink(w);

	for (size_t i = 0; i < size; i += step)
		CHECK(sink_put(&to, data + i, size - i < step ? size - i : step,
			  NULL) == 0);
	CHECK(armor_writer_finish(w, NULL) == 0);
}

static void
check_same(const struct buf *b, const uint8_t *data, size_t size)
{
	CHECK(b->len == size);
	CHECK(size == 0 || memcmp(b->data, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 7, 1 << 20 };
	cleanup(buf_reset) struct buf whole = { .limit = LARGEST };
	int rc = dearmor(data, size, size + 1, &whole);

	for (size_t i = 0; i < countof(steps); i++) {
		cleanup(buf_reset) struct buf part = { .limit = LARGEST };
		cleanup(buf_reset) struct buf text = { .limit = LARGEST };
		cleanup(buf_reset) struct buf back = { .limit = LARGEST };

		CHECK(dearmor(data, size, steps[i], &part) == rc);
		if (rc == 0)
			check_same(&part, whole.data, whole.len);
		armor(data, size, steps[i], &text);
		CHECK(dearmor(text.data, text.len, 1000, &back) == 0);
		check_same(&back, data, size);
	}
	return 0;
}
