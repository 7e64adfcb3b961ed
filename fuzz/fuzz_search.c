/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SEARCH programs: what is understood is written for the server without a blind
 * key for sealed mail, and is understood again.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "search.h"

static const char message[] =
    "Subject: a\r\nContent-Type: text/plain\r\n\r\nabc\r\n";

static int
get_size(void *ctx, uint64_t *octets, struct err *err)
{
	(void)ctx;
	(void)err;
	*octets = sizeof message - 1;
	return 0;
}

static int
get_octets(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	(void)ctx;
	(void)err;
	*data = (const uint8_t *)message;
	*n = sizeof message - 1;
	return 0;
}

/* What was written is understood; how blind it is. */
static enum search_needs
check_command(const struct buf *c)
{
	cleanup(search_free) struct search *s = NULL;
	struct err err = { 0 };

	if (search_parse(c->data, c->len, &s, &err) < 0) {
		/* it may have become too long, or too deep */
		CHECK(err.kind == ERR_PROTO);
		CHECK(strstr(err.text, "too ") != NULL);
		return SEARCH_NEEDS_NOTHING;
	}
	return search_needs(s);
}

static void
check_program(struct search *s, bool plain)
{
	static const struct search_message m = { NULL, get_size, get_octets,
		get_octets };
	cleanup(buf_reset) struct buf c = { 0 };
	struct err err = { 0 };

	CHECK(search_sealed(s, 7, &m, &err) == 0);
	CHECK(search_sealed(s, 9, &m, &err) == 0);
	if (plain)
		CHECK(search_plain(s, 8, &err) == 0);
	if (search_put_program(s, &c, &err) < 0) {
		CHECK(err.kind == ERR_PERM);
		return;
	}
	enum search_needs needs = check_command(&c);
	CHECK(plain || needs == SEARCH_NEEDS_NOTHING);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int plain = 0; plain < 2; plain++) {
		cleanup(search_free) struct search *s = NULL;
		cleanup(buf_reset) struct buf c = { 0 };
		struct err err = { 0 };

		if (search_parse(data, size, &s, &err) < 0) {
			CHECK(err.kind == ERR_PROTO || err.kind == ERR_PERM);
			return 0;
		}
		if (search_put_candidates(s, &c, &err) == 0)
			CHECK(check_command(&c) == SEARCH_NEEDS_NOTHING);
		check_program(s, plain);
	}
	return 0;
}
