/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Memory runs out at each allocation of a conversation in turn, those of the
 * cryptographic library included: the answer is the right one or ERR_TEMP, and
 * a client without the password is never let in.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault_testing.h"
#include "proto/auth.h"
#include "proto/policy.h"
#include "proto/sasl.h"

enum { MANY = 10000 };

static struct crypt *algorithms;

/* 0 the right result, 1 a wrong one, -1 *err. */
typedef int (*conversation)(struct err *err);

static void
fail_each_allocation(conversation talk)
{
	unsigned long n = 1;

	for (bool reached = FAULT_TESTING; reached; n++) {
		struct err err = { 0 };

		fault_at(n);
		int rc = talk(&err);

		reached = fault_off();
		if (rc < 0)
			assert_int_equal(err.kind, ERR_TEMP);
		else if (rc > 0)
			fail_msg("wrong result at allocation %lu", n);
		assert_true(n < MANY);
	}
	assert_true(!FAULT_TESTING || n > 2);
}

static int
talk_auth(struct err *err)
{
	static const char text[] = "VERSION\t1\t0\nCPID\t7\n"
				   "AUTH\t1\tPLAIN\tservice=smtp\tsecured\t"
				   "resp=AGFubgBwdw==\n";
	cleanup(auth_reader_free) struct auth_reader *r = NULL;
	const uint8_t *p = (const uint8_t *)text;
	size_t n = strlen(text);
	struct auth_event ev;

	if (auth_reader_new(&r, err) < 0)
		return -1;

	int rc = auth_feed(r, &p, &n, &ev, err);

	if (rc < 0)
		return -1;
	return rc == 1 && ev.kind == AUTH_EVENT_AUTH &&
		ev.has_response && ev.response_len == 7 &&
		memcmp(ev.response, "\0ann\0pw", 7) == 0
	    ? 0
	    : 1;
}

static int
talk_policy(struct err *err)
{
	static const char text[] = "request=smtpd_access_policy\n"
				   "sasl_username=ann@example.org\n"
				   "size=12\n\n";
	cleanup(policy_reset) struct policy policy = { 0 };

	for (const char *at = text; *at != '\0';) {
		const uint8_t *p = (const uint8_t *)at;
		size_t n = 1;
		int rc = policy_feed(&policy, &p, &n, err);

		if (rc < 0)
			return -1;
		if (rc == 1)
			return policy.request.size == 12 &&
				strcmp(policy.request.sasl_username,
				    "ann@example.org") == 0
			    ? 0
			    : 1;
		at = (const char *)p;
	}
	return 1;
}

static int
talk_plain(struct err *err)
{
	cleanup(sasl_free) struct sasl *s = NULL;
	enum sasl_step next;
	size_t n;

	if (sasl_new(algorithms, sasl_find("PLAIN"), "nonce", &s, err) < 0 ||
	    sasl_answer(s, (const uint8_t *)"\0ann\0pw", 7, &next, err) < 0)
		return -1;
	if (next != SASL_PASSWORD || strcmp(sasl_user(s), "ann") != 0)
		return 1;

	const char *password = sasl_password(s, &n);

	return n == 2 && memcmp(password, "pw", 2) == 0 ? 0 : 1;
}

/* A client that knows no password; the fault must not let it in. */
static int
talk_scram(struct err *err)
{
	static const char first[] = "n,,n=ann,r=client";
	static const char final[] =
	    "c=biws,r=clientserver,"
	    "p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct verifier v = { .iterations = 4096, .salt_len = 16 };
	cleanup(sasl_free) struct sasl *s = NULL;
	enum sasl_step next;

	if (sasl_new(algorithms, sasl_find("SCRAM-SHA-256"), "server", &s,
		err) < 0 ||
	    sasl_answer(s, (const uint8_t *)first, strlen(first), &next,
		err) < 0)
		return -1;
	if (next != SASL_VERIFIER)
		return 1;
	if (sasl_give_verifier(s, &v, true, &next, err) < 0)
		return -1;
	if (next != SASL_CHALLENGE)
		return 1;
	if (sasl_answer(s, (const uint8_t *)final, strlen(final), &next,
		err) < 0)
		return -1;
	return next == SASL_REFUSED ? 0 : 1;
}

static void
test_conversations(void **state)
{
	static const conversation all[] = { talk_auth, talk_policy, talk_plain,
		talk_scram };

	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		struct err err = { 0 };

		if (all[i](&err) != 0)
			fail_msg("conversation %zu: %s", i, err.text);
		fail_each_allocation(all[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversations),
	};
	struct err err = { 0 };

	if (crypt_open(&algorithms, &err) < 0)
		return 1;

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	crypt_close(&algorithms);
	return failed;
}
