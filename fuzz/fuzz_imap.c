/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * IMAP in both directions: the first octet says which. Whole and cut, the same
 * comes out; and what was understood of it is bounded by it.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "proto/imap_capability.h"
#include "proto/imap_command.h"
#include "proto/imap_fetch.h"
#include "proto/imap_frame.h"
#include "proto/imap_response.h"

enum { FRAME_LIMIT = 4096 };

struct outcome {
	uint64_t sum;
	size_t frames;
	bool refused;
};

static void
within(const struct buf *t, const uint8_t *data, size_t n)
{
	CHECK(n == 0 || (data >= t->data && data + n <= t->data + t->len));
}

static void
walk(const struct buf *t, struct imap_cursor c)
{
	struct imap_value v;

	while (imap_next(&c, &v, NULL) > 0) {
		cleanup(buf_reset) struct buf octets = { .limit = FRAME_LIMIT };

		within(t, v.raw, v.raw_len);
		within(t, v.data, v.len);
		CHECK(v.raw_len > 0);
		if (v.type != IMAP_LIST)
			CHECK(imap_put_octets(&v, &octets, NULL) == 0 &&
			      octets.len <= v.len);
	}
}

/* Else the server would see a second command. */
static bool
breaks_only_at_literals(const char *request)
{
	const char *at = request, *eol;

	while ((eol = strpbrk(at, "\r\n")) != NULL) {
		struct imap_literal l;

		if (strncmp(eol, "\r\n", 2) != 0 ||
		    imap_literal_announced(at, (size_t)(eol - at), &l, NULL) !=
			1 ||
		    l.octets > strlen(eol + 2))
			return false;
		at = eol + 2 + l.octets;
	}
	return true;
}

static void
take_fetch(const struct imap_command *c)
{
	cleanup(imap_fetch_reset) struct imap_fetch f = { 0 };

	if (imap_fetch_parse(c->arguments, c->arguments_len, &f, NULL) < 0)
		return;
	CHECK(f.count > 0);
	for (size_t i = 0; i < f.count; i++) {
		CHECK(f.items[i].request != NULL && f.items[i].label != NULL);
		CHECK(breaks_only_at_literals(f.items[i].request));
		CHECK(f.items[i].kind != IMAP_ITEM_PASS ||
		      imap_item_passes(
			  f.items[i].label, strlen(f.items[i].label)));
	}
}

static void
take_command(const struct buf *t)
{
	struct imap_command c;

	if (imap_command_parse(t->data, t->len, &c, NULL) < 0)
		return;
	within(t, c.arguments, c.arguments_len);
	walk(t, imap_cursor(c.arguments, c.arguments_len));
	take_fetch(&c);
}

static void
take_response(const struct buf *t)
{
	cleanup(buf_reset) struct buf words = { .limit = 4 * FRAME_LIMIT };
	struct imap_response r;
	struct imap_cursor items;
	struct imap_value name, value;

	if (imap_response_parse(t->data, t->len, &r, NULL) < 0)
		return;
	within(t, r.rest, r.rest_len);
	within(t, r.code, r.code_len);
	(void)!imap_capability_filter(r.rest, r.rest_len, &words, NULL);
	CHECK(!imap_capability_has(words.data, words.len, "COMPRESS=DEFLATE"));
	if (imap_fetch_open(&r, &items, NULL) < 0)
		return;
	while (imap_fetch_next(&items, &name, &value, NULL) > 0) {
		within(t, name.raw, name.raw_len);
		within(t, value.raw, value.raw_len);
	}
}

static void
take(struct outcome *o, const struct imap_frame *f)
{
	o->frames++;
	for (size_t i = 0; i < f->text.len; i++)
		o->sum = o->sum * 31 + f->text.data[i];
	o->sum = o->sum * 31 + 257;
	if (f->is_response)
		take_response(&f->text);
	else
		take_command(&f->text);
}

/* Octets of a literal that comes: kept, as far as there is room. */
static size_t
keep(struct imap_frame *f, uint64_t *left, const uint8_t *data, size_t n)
{
	size_t some = n < *left ? n : (size_t)*left;
	size_t room = f->text.limit - f->text.len;

	CHECK(buf_put(&f->text, data, some < room ? some : room, NULL) == 0);
	*left -= some;
	if (*left == 0)
		imap_frame_resume(f);
	return some;
}

static void
feed(struct imap_frame *f, uint64_t *left, const uint8_t *data, size_t n,
    struct outcome *o)
{
	struct err err = { 0 };
	enum imap_framed what;
	size_t eaten;

	while (n > 0 && !o->refused) {
		if (*left > 0) {
			eaten = keep(f, left, data, n);
		} else if (imap_frame_feed(f, data, n, &eaten, &what, &err) <
			   0) {
			CHECK(err.kind == ERR_PROTO);
			o->refused = true;
			return;
		} else if (what == IMAP_FRAME_LITERAL) {
			*left = f->literal.octets;
			if (*left == 0)
				imap_frame_resume(f);
		} else if (what == IMAP_FRAME_WHOLE) {
			take(o, f);
			imap_frame_reset(f);
		}
		CHECK(eaten <= n && f->text.len <= f->text.limit);
		data += eaten;
		n -= eaten;
	}
}

static struct outcome
feed_in_steps(const uint8_t *data, size_t size, size_t step, bool response)
{
	struct imap_frame f = { .text = { .limit = FRAME_LIMIT },
		.is_response = response };
	struct outcome o = { 0 };
	uint64_t left = 0;

	for (size_t at = 0; at < size && !o.refused; at += step)
		feed(&f, &left, data + at, size - at < step ? size - at : step,
		    &o);
	buf_reset(&f.text);
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 7, 64 };
	bool response = size > 0 && data[0] != 'C';

	if (size == 0)
		return 0;

	const struct outcome whole =
	    feed_in_steps(data + 1, size - 1, size, response);

	for (size_t i = 0; i < countof(steps); i++) {
		const struct outcome cut =
		    feed_in_steps(data + 1, size - 1, steps[i], response);

		/* a line that is too long is noticed earlier or later */
		CHECK(cut.refused == whole.refused);
		CHECK(cut.frames == whole.frames && cut.sum == whole.sum);
	}
	return 0;
}
