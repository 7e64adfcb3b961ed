/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define HEAD "request=smtpd_access_policy\n"

/*
 * What came out, one line a request: "state user instance recipients size",
 * and in the end "." when all was eaten or "!" when it was refused.
 */
static const struct {
	const char *name, *in, *out;
} cases[] = {
	{ "nothing", "", "." },
	{ "as Postfix sends it",
	    HEAD
	    "protocol_state=END-OF-MESSAGE\nprotocol_name=ESMTP\n"
	    "client_address=192.0.2.1\nsender=a@x\nrecipient=b@y\n"
	    "recipient_count=3\nqueue_id=4bXy\ninstance=7b.1.2\nsize=5120\n"
	    "sasl_method=PLAIN\nsasl_username=ann@example.org\n"
	    "sasl_sender=\nstress=\n\n",
	    "1 ann@example.org 7b.1.2 3 5120\n." },
	{ "another order, unknown attributes",
	    "size=1\nsasl_username=u\nx-new=y\ninstance=i\n"
	    "recipient_count=2\nprotocol_state=END-OF-MESSAGE\n" HEAD "\n",
	    "1 u i 2 1\n." },
	{ "another state", HEAD "protocol_state=RCPT\nsize=9\n\n",
	    "0   0 9\n." },
	{ "a longer state", "protocol_state=END-OF-MESSAGES\n\n",
	    "0   0 0\n." },
	{ "pipelined", "instance=1\n\ninstance=2\n\ninstance=3\n",
	    "0  1 0 0\n0  2 0 0\n." },
	{ "nothing of the first in the second",
	    "sasl_username=u\nsize=2\n\nrequest=x\n\n",
	    "0 u  0 2\n0   0 0\n." },
	{ "the last of two", "size=1\nsize=2\n\n", "0   0 2\n." },
	{ "no request at all", "\n", "0   0 0\n." },
	{ "a value with =", "instance=a=b\n\n", "0  a=b 0 0\n." },
	{ "an empty value", "sasl_username=\nsize=\n\n", "0   0 0\n." },
	{ "a name that begins as one", "sizes=4\nsiz=3\n\n", "0   0 0\n." },
	{ "no number", "size=12x\nrecipient_count=-1\n\n", "0   0 0\n." },
	{ "a number too large",
	    "size=68719476737\nrecipient_count=99999999999999999999999\n\n",
	    "0   0 0\n." },
	{ "the largest number", "size=68719476736\n\n",
	    "0   0 68719476736\n." },
	{ "no =", "size\n\n", "!" },
	{ "no name", "=4\n\n", "!" },
	{ "HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "!" },
	{ "refused after an answer", "size=1\n\nnonsense\n", "0   0 1\n!" },
};

static void
put_request(const struct policy_request *r, struct buf *out)
{
	assert_int_equal(buf_putf(out, NULL, "%d %s %s %llu %llu\n",
			     r->end_of_message, r->sasl_username, r->instance,
			     (unsigned long long)r->recipient_count,
			     (unsigned long long)r->size),
	    0);
}

/* One piece; false when it was refused. */
static bool
feed(struct policy *p, const uint8_t *data, size_t n, struct buf *out)
{
	struct err err = { 0 };
	int rc;

	while ((rc = policy_feed(p, &data, &n, &err)) > 0)
		put_request(&p->request, out);
	if (rc < 0)
		assert_int_equal(err.kind, ERR_PROTO);
	else
		assert_int_equal(n, 0);
	return rc == 0;
}

static void
feed_in_steps(const char *in, size_t len, size_t step, struct buf *out)
{
	cleanup(policy_reset) struct policy p = { 0 };
	bool good = true;

	for (size_t at = 0; at < len && good; at += step) {
		size_t n = len - at < step ? len - at : step;
		/* a copy of its own: reading past it is noticed */
		cleanup(free_bytes) uint8_t *piece = malloc(n);

		assert_non_null(piece);
		memcpy(piece, in + at, n);
		good = feed(&p, piece, n, out);
	}
	assert_int_equal(buf_puts(out, good ? "." : "!", NULL), 0);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].in) + 1; step++) {
			cleanup(buf_reset) struct buf out = { .limit = 4096 };

			feed_in_steps(
			    cases[i].in, strlen(cases[i].in), step, &out);
			if (strcmp(buf_str(&out, NULL), cases[i].out) != 0)
				fail_msg("%s, step %zu: expected\n%s\nis\n%s",
				    cases[i].name, step, cases[i].out,
				    buf_str(&out, NULL));
		}
}

static void
test_nul(void **state)
{
	static const char in[] = "size=1\0\n\n";
	cleanup(buf_reset) struct buf out = { .limit = 4096 };

	(void)state;
	feed_in_steps(in, sizeof in - 1, 3, &out);
	assert_string_equal(buf_str(&out, NULL), "!");
}

/* A request of `total` octets whose longest value is a name. */
static char *
request_of(const char *name, size_t total)
{
	char *in = malloc(total + 1);

	assert_non_null(in);
	memset(in, 'x', total);
	memcpy(in, name, strlen(name));
	in[total - 2] = in[total - 1] = '\n';
	in[total] = '\0';
	return in;
}

static void
test_limits(void **state)
{
	static const struct {
		size_t total;
		const char *out;
	} sizes[] = {
		{ LIMIT_POLICY_REQUEST, "0   0 0\n." },
		{ LIMIT_POLICY_REQUEST + 1, "!" },
		{ 3 * LIMIT_POLICY_REQUEST, "!" },
	};
	static const size_t steps[] = { 1, 1000, 1 << 20 };

	(void)state;
	for (size_t i = 0; i < countof(sizes); i++)
		for (size_t k = 0; k < countof(steps); k++) {
			cleanup(free_str) char *in =
			    request_of("sasl_username=", sizes[i].total);
			cleanup(buf_reset) struct buf out = { .limit = 4096 };

			feed_in_steps(in, sizes[i].total, steps[k], &out);
			assert_string_equal(buf_str(&out, NULL), sizes[i].out);
		}
}

/* A peer that never ends its request is refused, line ends or not. */
static void
test_endless(void **state)
{
	cleanup(policy_reset) struct policy p = { 0 };
	cleanup(buf_reset) struct buf out = { .limit = 4096 };
	size_t fed = 0;

	(void)state;
	while (feed(&p, (const uint8_t *)"a=b\n", 4, &out))
		fed += 4;
	assert_int_equal(fed, LIMIT_POLICY_REQUEST);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
