/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Packet framing: events come in their order, whole or cut they say the same,
 * and no more octets come out than went in.
 */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "openpgp/packet.h"

enum { LARGEST = 1 << 24 };

struct story {
	struct buf octets; /* of all bodies, with marks between packets */
	size_t body;
	bool open;
};

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct story *s = ctx;

	CHECK(!s->open);
	CHECK(tag >= 1 && tag <= 63);
	s->open = true;
	return buf_putc(&s->octets, (uint8_t)tag, err);
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct story *s = ctx;

	CHECK(s->open && n > 0);
	s->body += n;
	return buf_put(&s->octets, data, n, err);
}

static int
on_end(void *ctx, struct err *err)
{
	struct story *s = ctx;

	CHECK(s->open);
	s->open = false;
	return buf_putc(&s->octets, 0, err);
}

static int
tell(const uint8_t *data, size_t size, size_t step, struct story *s)
{
	cleanup(packet_reader_free) struct packet_reader *r = NULL;
	struct err err = { 0 };
	int rc = 0;

	CHECK(packet_reader_new(
		  (struct packet_events){ on_begin, on_body, on_end, s }, &r,
		  &err) == 0);
	for (size_t i = 0; rc == 0 && i < size; i += step)
		rc = packet_reader_feed(
		    r, data + i, size - i < step ? size - i : step, &err);
	if (rc == 0)
		rc = packet_reader_finish(r, &err);
	CHECK(rc == 0 || err.kind == ERR_PROTO);
	CHECK(rc < 0 || !s->open);
	CHECK(s->body <= size);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 7, 600 };
	struct story whole = { .octets.limit = LARGEST };
	int rc = tell(data, size, size + 1, &whole);

	for (size_t i = 0; i < countof(steps); i++) {
		struct story part = { .octets.limit = LARGEST };

		CHECK(tell(data, size, steps[i], &part) == rc);
		CHECK(part.octets.len == whole.octets.len);
		CHECK(whole.octets.len == 0 ||
		      memcmp(part.octets.data, whole.octets.data,
			  whole.octets.len) == 0);
		buf_reset(&part.octets);
	}
	buf_reset(&whole.octets);
	return 0;
}
