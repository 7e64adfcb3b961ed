/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Dovecot's auth protocol: the same events however the octets come, nothing
 * after a fault, limits kept.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "proto/auth.h"

static void
check_event(const struct auth_event *ev)
{
	CHECK(ev->kind <= AUTH_EVENT_CANCEL);
	CHECK(memchr(ev->mechanism, '\0', sizeof ev->mechanism) != NULL);
	CHECK(memchr(ev->rip, '\0', sizeof ev->rip) != NULL);
	CHECK(!ev->garbled || ev->response_len == 0);
	CHECK(ev->response_len <= LIMIT_AUTH_LINE);
	CHECK(ev->kind != AUTH_EVENT_AUTH || ev->mechanism[0] != '\0');
}

/* A number that stands for all events and how it ended. */
static uint64_t
run(const uint8_t *data, size_t size, size_t step)
{
	cleanup(auth_reader_free) struct auth_reader *r = NULL;
	uint64_t sum = 1;
	int rc = 0;

	CHECK(auth_reader_new(&r, NULL) == 0);
	while (size > 0 && rc >= 0) {
		size_t n = step < size ? step : size;
		size_t left = n;
		struct auth_event ev;
		struct err err = { 0 };

		while ((rc = auth_feed(r, &data, &left, &ev, &err)) > 0) {
			check_event(&ev);
			sum = sum * 31 + ev.id + ev.kind * 7 +
			    ev.response_len + (ev.secured ? 3 : 0);
			for (size_t i = 0; i < ev.response_len; i++)
				sum = sum * 31 + ev.response[i];
		}
		CHECK(rc < 0 ? err.kind == ERR_PROTO : left == 0);
		size -= n;
	}
	return rc < 0 ? sum * 2 + 1 : sum * 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t whole = run(data, size, size + 1);

	CHECK(run(data, size, 1) == whole);
	CHECK(run(data, size, 7) == whole);
	return 0;
}
