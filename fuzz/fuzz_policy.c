/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The policy protocol: whole and cut, the same requests come out. */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "proto/policy.h"

struct outcome {
	size_t requests;
	uint64_t sum; /* of all that was in them */
	bool refused;
};

static void
add(struct outcome *o, const struct policy_request *r)
{
	CHECK(memchr(r->sasl_username, '\0', sizeof r->sasl_username));
	CHECK(memchr(r->instance, '\0', sizeof r->instance));
	o->requests++;
	o->sum = o->sum * 31 + r->end_of_message + r->size +
		 r->recipient_count * 7 + strlen(r->sasl_username) * 11 +
		 strlen(r->instance) * 13;
}

static struct outcome
feed_in_steps(const uint8_t *data, size_t size, size_t step)
{
	cleanup(policy_reset) struct policy p = { 0 };
	struct outcome o = { 0 };
	struct err err = { 0 };

	for (size_t at = 0; at < size && !o.refused; at += step) {
		const uint8_t *piece = data + at;
		size_t n = size - at < step ? size - at : step;
		int rc;

		while ((rc = policy_feed(&p, &piece, &n, &err)) > 0)
			add(&o, &p.request);
		o.refused = rc < 0;
		CHECK(rc < 0 ? err.kind == ERR_PROTO : n == 0);
		CHECK(p.line.len <= LIMIT_POLICY_REQUEST);
	}
	return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct outcome whole = feed_in_steps(data, size, size + 1);
	static const size_t steps[] = { 1, 7, 64 };

	for (size_t i = 0; i < countof(steps); i++) {
		const struct outcome cut = feed_in_steps(data, size, steps[i]);

		CHECK(cut.requests == whole.requests);
		CHECK(cut.sum == whole.sum && cut.refused == whole.refused);
	}
	return 0;
}
