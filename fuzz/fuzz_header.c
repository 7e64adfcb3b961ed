/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Header blocks: cut or whole they are read in the same way, nothing is lost
 * between header and body, and what is planned and stored is rebuilt.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "mail/sealed.h"

enum { LARGEST = LIMIT_HEADER * 2 };

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
put(struct buf *to, const void *data, size_t n)
{
	CHECK(buf_put(to, data, n, NULL) == 0);
}

static void
put_fields(struct buf *to, const struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		put(to, h->fields[i].raw, h->fields[i].raw_len);
}

/* 0 and the fields and the body, or -1 for what is over a limit. */
static int
read_in_steps(const uint8_t *data, size_t size, size_t step, struct header *h,
    bool *separated, struct buf *body)
{
	struct header_reader r;
	struct err err = { 0 };
	size_t at = 0, rest_len = 0;
	int rc = 0;

	header_reader_init(&r, h);
	while (rc == 0 && !r.done && at < size) {
		size_t n = size - at < step ? size - at : step;
		size_t used = 0;

		rc = header_reader_feed(&r, data + at, n, &used, &err);
		CHECK(rc < 0 || r.done || used == n);
		at += used;
	}
	if (rc == 0 && !r.done)
		rc = header_reader_finish(&r, &err);
	if (rc == 0) {
		const uint8_t *rest = header_reader_rest(&r, &rest_len);

		if (rest_len > 0)
			put(body, rest, rest_len);
		put(body, data + at, size - at);
	}
	*separated = r.separated;
	header_reader_reset(&r);
	CHECK(rc == 0 || err.kind == ERR_PERM || err.kind == ERR_PROTO);
	return rc;
}

/* The stored header: the marker, what stays outside, what is added. */
static int
store(const struct header *h, const struct sealed_plan *plan,
    struct header *stored)
{
	struct err err = { 0 };

	if (sealed_put_marker(
		1, plan->head.data, plan->head.len, stored, &err) < 0)
		return -1;
	for (size_t i = 0; i < h->count; i++)
		if (!plan->taken[i] && header_add_raw(stored, h->fields[i].raw,
					   h->fields[i].raw_len, &err) < 0)
			return -1;
	for (size_t i = 0; i < plan->added.count; i++)
		if (header_add_raw(stored, plan->added.fields[i].raw,
			plan->added.fields[i].raw_len, &err) < 0)
			return -1;
	return 0;
}

static void
check_round_trip(const struct header *h, const struct sealed_options *o,
    struct header *stored)
{
	cleanup(sealed_plan_reset) struct sealed_plan plan = { 0 };
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };
	cleanup(buf_reset) struct buf out = { .limit = LARGEST };
	cleanup(buf_reset) struct buf expected = { .limit = LARGEST };
	struct err err = { 0 };

	if (sealed_plan_make(h, o, &plan, &err) < 0 ||
	    store(h, &plan, stored) < 0)
		return;
	CHECK(sealed_find_marker(stored, &marker, &err) == 1);
	CHECK(is_same(&marker.head, &plan.head));
	CHECK(sealed_rebuild_header(stored, &marker, marker.head.data,
		  marker.head.len, &out, &err) == 0);
	put_fields(&expected, h);
	if (!o->unseparated)
		put(&expected, "\r\n", 2);
	CHECK(is_same(&out, &expected));
}

/* A record of anybody's making does no harm. */
static void
check_record(const struct header *stored, const struct buf *record)
{
	cleanup(sealed_marker_reset) struct sealed_marker marker = { 0 };
	cleanup(buf_reset) struct buf out = { .limit = LARGEST };
	struct err err = { 0 };

	if (sealed_find_marker(stored, &marker, &err) != 1)
		return;
	if (sealed_rebuild_header(
		stored, &marker, record->data, record->len, &out, &err) < 0)
		CHECK(err.kind == ERR_PERM);
}

static void
check_sealed(const struct header *h, bool separated, uint8_t choice,
    const struct buf *body)
{
	cleanup(header_reset) struct header stored = { 0 };
	const struct sealed_options o = {
		.protect_subject = choice & 1,
		.unseparated = !separated,
	};

	check_round_trip(h, &o, &stored);
	check_record(&stored, body);
	check_record(h, body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { SIZE_MAX, 1, 7 };
	struct buf fields[3] = { 0 }, bodies[3] = { 0 };
	int rc[3];

	for (size_t i = 0; i < countof(steps); i++) {
		cleanup(header_reset) struct header h = { 0 };
		bool separated = false;

		fields[i].limit = bodies[i].limit = LARGEST;
		rc[i] = read_in_steps(
		    data, size, steps[i], &h, &separated, &bodies[i]);
		put_fields(&fields[i], &h);
		CHECK(rc[i] == rc[0]);
		CHECK(rc[i] < 0 || (is_same(&fields[i], &fields[0]) &&
				       is_same(&bodies[i], &bodies[0])));
		if (i == 0 && rc[i] == 0 && size > 0)
			check_sealed(&h, separated, data[size - 1], &bodies[i]);
	}
	for (size_t i = 0; i < countof(steps); i++) {
		buf_reset(&fields[i]);
		buf_reset(&bodies[i]);
	}
	return 0;
}
