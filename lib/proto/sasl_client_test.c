/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/sasl_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

/* RFC 7677, section 3. */
#define OWN "rOprNGfwEbeRWgbNEkqO"
#define BOTH OWN "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define SERVER_FIRST "r=" BOTH ",s=" SALT ",i=4096"
#define CLIENT_FINAL \
	"c=biws,r=" BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct crypt *algorithms;

static int
set_up(void **state)
{
	struct err err;

	(void)state;
	return crypt_open(&algorithms, &err);
}

static int
tear_down(void **state)
{
	(void)state;
	crypt_close(&algorithms);
	return 0;
}

static struct scram_client *
new_client(const char *user, uint32_t min)
{
	const struct scram_setup setup = { .crypt = algorithms, .user = user,
		.password = { "pencil", 6 }, .nonce = OWN,
		.min_iterations = min, .max_iterations = 10000000 };
	struct scram_client *s = NULL;
	struct err err = { 0 };

	assert_int_equal(scram_client_new(&setup, &s, &err), 0);
	return s;
}

static int
take(struct scram_client *s, const char *text, struct err *err)
{
	struct crypt_bytes salt;
	uint32_t n = 0;
	int rc = scram_client_take_first(
	    s, (const uint8_t *)text, strlen(text), &salt, &n, err);

	if (rc == 0) {
		assert_int_equal(salt.len, 16);
		assert_int_equal(n, 4096);
	}
	return rc;
}

static int
finish(const char *text, struct err *err)
{
	cleanup(scram_client_free) struct scram_client *s =
	    new_client("user", 4096);
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_AUTH_LINE };

	assert_int_equal(take(s, SERVER_FIRST, err), 0);
	assert_int_equal(scram_client_final(s, &out, err), 0);
	assert_string_equal(buf_str(&out, err), CLIENT_FINAL);

	int rc = scram_client_verify(
	    s, (const uint8_t *)text, strlen(text), err);

	/* there is one final message */
	assert_int_equal(scram_client_verify(s,
	                     (const uint8_t *)SERVER_FINAL,
	                     strlen(SERVER_FINAL), NULL),
	    -1);
	return rc;
}

static void
test_vector(void **state)
{
	cleanup(scram_client_free) struct scram_client *s =
	    new_client("user", 4096);
	struct err err = { 0 };
	size_t len;
	const uint8_t *first = scram_client_first(s, &len);

	(void)state;
	assert_int_equal(len, strlen("n,,n=user,r=" OWN));
	assert_memory_equal(first, "n,,n=user,r=" OWN, len);
	assert_int_equal(finish(SERVER_FINAL, &err), 1);
}

static void
test_server_final(void **state)
{
	struct err err = { 0 };
	char text[] = SERVER_FINAL;

	(void)state;
	assert_int_equal(finish("e=invalid-proof", &err), 0);
	assert_int_equal(finish("", &err), -1);
	assert_int_equal(err.kind, ERR_PROTO);
	for (size_t n = 0; n < strlen(SERVER_FINAL); n++) {
		text[n] = '\0';
		assert_int_equal(finish(text, &err), -1);
		text[n] = SERVER_FINAL[n];
	}
	for (size_t i = 2; i < 40; i++) {
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_int_equal(finish(text, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		text[i] = SERVER_FINAL[i];
	}
}

static void
test_server_first(void **state)
{
	static const struct {
		const char *text;
		enum err_kind kind;
	} cases[] = {
		{ "", ERR_PROTO },
		{ "r=" OWN ",s=" SALT ",i=4096", ERR_PROTO },
		{ "r=other,s=" SALT ",i=4096", ERR_PROTO },
		{ "m=x,r=" BOTH ",s=" SALT ",i=4096", ERR_PROTO },
		{ "r=" BOTH ",s=,i=4096", ERR_PROTO },
		{ "r=" BOTH ",s=!!!!,i=4096", ERR_PROTO },
		{ "r=" BOTH ",s=" SALT ",i=", ERR_PROTO },
		{ "r=" BOTH ",s=" SALT ",i=-1", ERR_PROTO },
		{ "r=" BOTH ",s=" SALT ",i=04096", ERR_PROTO },
		{ "r=" BOTH ",s=" SALT ",i=99999999999", ERR_PROTO },
		{ "r=" BOTH ",s=" SALT ",i=1", ERR_PERM },
		{ "r=" BOTH ",s=" SALT ",i=4095", ERR_PERM },
		{ "r=" BOTH ",s=" SALT ",i=10000001", ERR_PERM },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(scram_client_free) struct scram_client *s =
		    new_client("user", 4096);
		cleanup(buf_reset) struct buf out = {
			.limit = LIMIT_AUTH_LINE
		};
		struct err err = { 0 };

		assert_int_equal(take(s, cases[i].text, &err), -1);
		assert_int_equal(err.kind, cases[i].kind);
		assert_int_equal(scram_client_final(s, &out, &err), -1);
		assert_int_equal(out.len, 0);
	}
}

static void
test_names(void **state)
{
	cleanup(scram_client_free) struct scram_client *s =
	    new_client("a,b=c", 1);
	cleanup(buf_reset) struct buf out = { .limit = 100, .secret = true };
	struct err err = { 0 };
	size_t len;
	const uint8_t *first = scram_client_first(s, &len);

	(void)state;
	assert_int_equal(len, strlen("n,,n=a=2Cb=3Dc,r=" OWN));
	assert_memory_equal(first, "n,,n=a=2Cb=3Dc,r=" OWN, len);
	assert_int_equal(sasl_client_plain("ann",
	                     (struct crypt_bytes){ "s\0t", 3 }, &out, &err),
	    -1);
	assert_int_equal(out.len, 0);
	assert_int_equal(sasl_client_plain("ann",
	                     (struct crypt_bytes){ "pw", 2 }, &out, &err),
	    0);
	assert_int_equal(out.len, 7);
	assert_memory_equal(out.data, "\0ann\0pw", 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_server_first),
		cmocka_unit_test(test_server_final),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
