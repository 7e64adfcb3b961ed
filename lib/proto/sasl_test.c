/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The mechanisms; SCRAM against the example of RFC 7677, section 3. */

#include "proto/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/limits.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define FIRST "n,,n=user,r=" CLIENT_NONCE
#define SERVER_FIRST                                                          \
	"r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define FINAL_NO_PROOF "c=biws,r=" CLIENT_NONCE SERVER_NONCE
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

struct fixture {
	struct crypt *crypt;
	struct verifier verifier; /* of "pencil" */
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	uint8_t salted[32], key[32];
	struct err err;

	if (f == NULL || crypt_open(&f->crypt, &err) < 0)
		return -1;
	f->verifier.iterations = 4096;
	f->verifier.salt_len = 16;
	assert_int_equal(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==", 24,
	                     f->verifier.salt), 16);
	assert_int_equal(pbkdf2_sha256(f->crypt,
	    (struct crypt_bytes){ "pencil", 6 },
	    (struct crypt_bytes){ f->verifier.salt, 16 }, 4096, salted, 32,
	    &err), 0);
	assert_int_equal(hmac_of(f->crypt, HASH_SHA256,
	    (struct crypt_bytes){ salted, 32 },
	    (struct crypt_bytes){ "Client Key", 10 }, key, &err), 0);
	assert_int_equal(hash_of(f->crypt, HASH_SHA256, key, 32,
	    f->verifier.stored_key, &err), 0);
	assert_int_equal(hmac_of(f->crypt, HASH_SHA256,
	    (struct crypt_bytes){ salted, 32 },
	    (struct crypt_bytes){ "Server Key", 10 },
	    f->verifier.server_key, &err), 0);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	crypt_close(&f->crypt);
	free(f);
	return 0;
}

static struct sasl *
begin(const struct fixture *f, const char *mechanism)
{
	struct sasl *s = NULL;
	struct err err;

	assert_int_equal(sasl_new(f->crypt, sasl_find(mechanism),
	                     SERVER_NONCE, &s, &err), 0);
	return s;
}

static enum sasl_step
say(struct sasl *s, const void *in, size_t n)
{
	enum sasl_step step;
	struct err err;

	assert_int_equal(sasl_answer(s, in, n, &step, &err), 0);
	return step;
}

static enum sasl_step
say_text(struct sasl *s, const char *text)
{
	return say(s, text, strlen(text));
}

static void
assert_challenge(const struct sasl *s, const char *text)
{
	size_t len;
	const uint8_t *is = sasl_challenge(s, &len);

	assert_int_equal(len, strlen(text));
	if (len > 0)
		assert_memory_equal(is, text, len);
}

static enum sasl_step
give(struct sasl *s, const struct verifier *v, bool allowed)
{
	enum sasl_step step;
	struct err err;

	assert_int_equal(sasl_give_verifier(s, v, allowed, &step, &err), 0);
	return step;
}

/* ---- PLAIN and LOGIN ---- */

#define TEXT(s) s, sizeof s - 1

static const struct {
	const char *name;
	const char *in;
	size_t len;
	const char *user; /* NULL: malformed */
	const char *password;
} plain_cases[] = {
	{ "usual", TEXT("\0ann\0pw"), "ann", "pw" },
	{ "own authzid", TEXT("ann\0ann\0pw"), "ann", "pw" },
	{ "utf-8", TEXT("\0\303\244nn\0p\303\244"), "\303\244nn",
	    "p\303\244" },
	{ "any octets as password", TEXT("\0ann\0\377\376"), "ann",
	    "\377\376" },
	{ "other authzid", TEXT("bob\0ann\0pw"), NULL, NULL },
	{ "longer authzid", TEXT("anne\0ann\0pw"), NULL, NULL },
	{ "empty", TEXT(""), NULL, NULL },
	{ "no nul", TEXT("ann"), NULL, NULL },
	{ "one nul", TEXT("\0ann"), NULL, NULL },
	{ "three nuls", TEXT("\0ann\0pw\0"), NULL, NULL },
	{ "no user", TEXT("\0\0pw"), NULL, NULL },
	{ "no password", TEXT("\0ann\0"), NULL, NULL },
	{ "user is no utf-8", TEXT("\0\377\0pw"), NULL, NULL },
	{ "control character", TEXT("\0a\nb\0pw"), NULL, NULL },
};

static void
plain(void **state)
{
	for (size_t i = 0; i < countof(plain_cases); i++) {
		cleanup(sasl_free) struct sasl *s = begin(*state, "PLAIN");
		bool good = plain_cases[i].user != NULL;
		enum sasl_step step = say(s, plain_cases[i].in,
		    plain_cases[i].len);
		size_t len;

		if (step != (good ? SASL_PASSWORD : SASL_MALFORMED))
			fail_msg("%s: step %d", plain_cases[i].name, step);
		if (!good)
			continue;
		assert_string_equal(sasl_user(s), plain_cases[i].user);

		const char *password = sasl_password(s, &len);

		assert_int_equal(len, strlen(plain_cases[i].password));
		assert_memory_equal(password, plain_cases[i].password, len);
		assert_int_equal(say_text(s, "more"), SASL_MALFORMED);
	}
}

static void
plain_limits(void **state)
{
	char in[LIMIT_ADDRESS + LIMIT_PASSWORD + 10];

	for (int over = 0; over < 3; over++) {
		cleanup(sasl_free) struct sasl *s = begin(*state, "PLAIN");
		size_t user = LIMIT_ADDRESS + (over == 1);
		size_t password = LIMIT_PASSWORD + (over == 2);

		memset(in, 'a', sizeof in);
		in[0] = in[1 + user] = '\0';
		assert_int_equal(say(s, in, 2 + user + password),
		    over ? SASL_MALFORMED : SASL_PASSWORD);
	}
}

static void
login(void **state)
{
	cleanup(sasl_free) struct sasl *s = begin(*state, "LOGIN");
	enum sasl_step step;
	struct err err;

	assert_int_equal(sasl_begin(s, &step, &err), 0);
	assert_int_equal(step, SASL_CHALLENGE);
	assert_challenge(s, "Username:");
	assert_int_equal(say_text(s, "ann"), SASL_CHALLENGE);
	assert_challenge(s, "Password:");
	assert_int_equal(say_text(s, "pw"), SASL_PASSWORD);
	assert_string_equal(sasl_user(s), "ann");
}

static void
login_malformed(void **state)
{
	cleanup(sasl_free) struct sasl *a = begin(*state, "LOGIN");
	cleanup(sasl_free) struct sasl *b = begin(*state, "LOGIN");

	assert_int_equal(say_text(a, ""), SASL_MALFORMED);
	assert_int_equal(say_text(b, "ann"), SASL_CHALLENGE);
	assert_int_equal(say_text(b, ""), SASL_MALFORMED);
	assert_int_equal(say_text(b, "pw"), SASL_MALFORMED);
}

/* ---- SCRAM ---- */

static void
scram_of_the_rfc(void **state)
{
	const struct fixture *f = *state;
	cleanup(sasl_free) struct sasl *s = begin(f, "SCRAM-SHA-256");

	assert_int_equal(say_text(s, FIRST), SASL_VERIFIER);
	assert_string_equal(sasl_user(s), "user");
	assert_int_equal(give(s, &f->verifier, true), SASL_CHALLENGE);
	assert_challenge(s, SERVER_FIRST);
	assert_int_equal(say_text(s, FINAL_NO_PROOF ",p=" PROOF),
	    SASL_CHALLENGE);
	assert_challenge(s, SIGNATURE);
	assert_int_equal(say_text(s, ""), SASL_ACCEPTED);
	assert_int_equal(say_text(s, ""), SASL_MALFORMED);
}

static void
scram_not_allowed(void **state)
{
	const struct fixture *f = *state;
	cleanup(sasl_free) struct sasl *s = begin(f, "SCRAM-SHA-256");

	assert_int_equal(say_text(s, FIRST), SASL_VERIFIER);
	assert_int_equal(give(s, &f->verifier, false), SASL_CHALLENGE);
	assert_challenge(s, SERVER_FIRST);
	assert_int_equal(say_text(s, FINAL_NO_PROOF ",p=" PROOF),
	    SASL_REFUSED);
	assert_challenge(s, "");
}

static const struct {
	const char *first;
	const char *user; /* NULL: malformed */
} firsts[] = {
	{ "n,,n=ann,r=x", "ann" },
	{ "y,,n=ann,r=x", "ann" },
	{ "n,a=ann,n=ann,r=x", "ann" },
	{ "n,,n=a=2Cb=3Dc,r=x", "a,b=c" },
	{ "n,a=a=2Cb,n=a=2Cb,r=x", "a,b" },
	{ "n,,n=ann,r=x,ext=1", "ann" },
	{ "", NULL },
	{ "n", NULL },
	{ "n,", NULL },
	{ "n,,", NULL },
	{ "n,,n=ann", NULL },
	{ "n,,n=ann,r=", NULL },
	{ "n,,r=x,n=ann", NULL },
	{ "n,,n=,r=x", NULL },
	{ "n,,m=must,n=ann,r=x", NULL },
	{ "n,a=bob,n=ann,r=x", NULL },
	{ "n,x=ann,n=ann,r=x", NULL },
	{ "p=tls-unique,,n=ann,r=x", NULL },
	{ "x,,n=ann,r=x", NULL },
	{ ",,n=ann,r=x", NULL },
	{ "n,,n=a=2,r=x", NULL },
	{ "n,,n=a=2c,r=x", NULL },
	{ "n,,n=a=,r=x", NULL },
	{ "n,,n=\377,r=x", NULL },
	{ "n,,n=ann,r=a b", NULL },
	{ "n,,n=ann,r=\303\244", NULL },
};

static void
scram_first(void **state)
{
	for (size_t i = 0; i < countof(firsts); i++) {
		cleanup(sasl_free) struct sasl *s =
		    begin(*state, "SCRAM-SHA-256");
		enum sasl_step step = say_text(s, firsts[i].first);

		if (step != (firsts[i].user ? SASL_VERIFIER : SASL_MALFORMED))
			fail_msg("%s: step %d", firsts[i].first, step);
		if (firsts[i].user != NULL)
			assert_string_equal(sasl_user(s), firsts[i].user);
	}
}

static const struct {
	const char *name;
	const char *final;
	enum sasl_step step;
} finals[] = {
	{ "wrong proof", FINAL_NO_PROOF
	    ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", SASL_REFUSED },
	{ "extension changes what was signed",
	    FINAL_NO_PROOF ",x=1,p=" PROOF, SASL_REFUSED },
	{ "other binding", "c=eSws,r=" CLIENT_NONCE SERVER_NONCE ",p=" PROOF,
	    SASL_MALFORMED },
	{ "no binding", "r=" CLIENT_NONCE SERVER_NONCE ",p=" PROOF,
	    SASL_MALFORMED },
	{ "client's nonce alone", "c=biws,r=" CLIENT_NONCE ",p=" PROOF,
	    SASL_MALFORMED },
	{ "longer nonce", FINAL_NO_PROOF "x,p=" PROOF, SASL_MALFORMED },
	{ "no proof", FINAL_NO_PROOF, SASL_MALFORMED },
	{ "empty proof", FINAL_NO_PROOF ",p=", SASL_MALFORMED },
	{ "short proof", FINAL_NO_PROOF ",p=dHzb", SASL_MALFORMED },
	{ "proof is no base64",
	    FINAL_NO_PROOF ",p=****Za*WIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    SASL_MALFORMED },
	{ "something after the proof", FINAL_NO_PROOF ",p=" PROOF ",x=1",
	    SASL_MALFORMED },
	{ "empty", "", SASL_MALFORMED },
	{ "commas", ",,,,", SASL_MALFORMED },
};

static void
scram_final(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < countof(finals); i++) {
		cleanup(sasl_free) struct sasl *s = begin(f, "SCRAM-SHA-256");

		assert_int_equal(say_text(s, FIRST), SASL_VERIFIER);
		assert_int_equal(give(s, &f->verifier, true), SASL_CHALLENGE);

		enum sasl_step step = say_text(s, finals[i].final);

		if (step != finals[i].step)
			fail_msg("%s: step %d", finals[i].name, step);
		assert_challenge(s, "");
		assert_int_equal(say_text(s, ""), SASL_MALFORMED);
	}
}

static void
scram_out_of_order(void **state)
{
	const struct fixture *f = *state;
	cleanup(sasl_free) struct sasl *s = begin(f, "SCRAM-SHA-256");
	cleanup(sasl_free) struct sasl *plain_one = begin(f, "PLAIN");

	assert_int_equal(say_text(s, FIRST), SASL_VERIFIER);
	assert_int_equal(say_text(s, FINAL_NO_PROOF), SASL_MALFORMED);
	assert_int_equal(give(s, &f->verifier, true), SASL_MALFORMED);
	assert_int_equal(give(plain_one, &f->verifier, true),
	    SASL_MALFORMED);
}

static void
scram_long_nonce(void **state)
{
	for (size_t n = LIMIT_SASL_NONCE; n <= LIMIT_SASL_NONCE + 1; n++) {
		cleanup(sasl_free) struct sasl *s =
		    begin(*state, "SCRAM-SHA-256");
		char in[LIMIT_SASL_NONCE + 20] = "n,,n=ann,r=";
		size_t at = strlen(in);

		memset(in + at, 'x', n);
		assert_int_equal(say(s, in, at + n),
		    n > LIMIT_SASL_NONCE ? SASL_MALFORMED : SASL_VERIFIER);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_null(sasl_find("SCRAM-SHA-256-PLUS"));
	assert_null(sasl_find("plain"));
	assert_null(sasl_find(""));
	assert_true(sasl_is_plaintext(sasl_find("PLAIN")));
	assert_true(sasl_is_plaintext(sasl_find("LOGIN")));
	assert_false(sasl_is_plaintext(sasl_find("SCRAM-SHA-256")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(plain),
		cmocka_unit_test(plain_limits),
		cmocka_unit_test(login),
		cmocka_unit_test(login_malformed),
		cmocka_unit_test(scram_of_the_rfc),
		cmocka_unit_test(scram_not_allowed),
		cmocka_unit_test(scram_first),
		cmocka_unit_test(scram_final),
		cmocka_unit_test(scram_out_of_order),
		cmocka_unit_test(scram_long_nonce),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
