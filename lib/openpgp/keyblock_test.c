/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/keyblock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "openpgp/selfsig.h"

/* Linked with --wrap: the n-th allocation from now fails; 0 = none does. */
static unsigned fail_in;

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t count, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t count, size_t n);

static bool
fails_now(void)
{
	return fail_in > 0 && --fail_in == 0;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t count, size_t n)
{
	return fails_now() ? NULL : __real_calloc(count, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

void *
__wrap_reallocarray(void *p, size_t count, size_t n)
{
	return fails_now() ? NULL : __real_reallocarray(p, count, n);
}

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define END   "-----END PGP PUBLIC KEY BLOCK-----\n"

/* RFC 9580, appendix A.3. */
#define SAMPLE                                                               \
	"xioGY4d/4xsAAAAg+U2nu0jWCmHlZ3BqZYfQMxmZu52JGggkLq2EVD34laPCsQYf\n" \
	"GwoAAABCBYJjh3/jAwsJBwUVCg4IDAIWAAKbAwIeCSIhBssYbE8GCaaX5NUt+mxy\n" \
	"KwwfHifBilZwj2Ul7Ce62azJBScJAgcCAAAAAK0oIBA+LX0ifsDm185Ecds2v8lw\n" \
	"gyU2kCcUmKfvBXbAf6rhRYWzuQOwEn7E/aLwIwRaLsdry0+VcallHhSu4RN6HWaE\n" \
	"QsiPlR4zxP/TP7mhfVEe7XWPxtnMUMtf15OyA51YBM4qBmOHf+MZAAAAIIaTJINn\n" \
	"+eUBXbki+PSAld2nhJh/LVmFsS+60WyvXkQ1wpsGGBsKAAAALAWCY4d/4wKbDCIh\n" \
	"BssYbE8GCaaX5NUt+mxyKwwfHifBilZwj2Ul7Ce62azJAAAAAAQBIKbpGG2dWTX8\n" \
	"j+VjFM21J0hqWlEg+bdiojWnKfA5AQpWUWtnNwDEM0g12vYxoWM8Y81W+bHBw805\n" \
	"I8kWVkXU6vFOi+HWvv/ira7ofJu16NnoUkhclkUrk0mXubZvyl4GBg==\n"

struct armor_case {
	const char *name;
	const char *text;
	const char *says; /* NULL: it is taken */
};

static const struct armor_case armor_cases[] = {
	{ "plain", BEGIN "\n" SAMPLE END, NULL },
	{ "no last line end",
	    BEGIN "\n" SAMPLE "-----END PGP PUBLIC KEY BLOCK-----", NULL },
	{ "armor headers", BEGIN "Version: 1\nComment: a: b\n\n" SAMPLE END,
	    NULL },
	{ "blanks at line ends", BEGIN " \t\n" SAMPLE " \n" END "  \n", NULL },
	{ "text around", "From: Ann\n\n" BEGIN "\n" SAMPLE END "Bye\n", NULL },
	{ "wrong checksum", BEGIN "\n" SAMPLE "=AjQw\n" END, "checksum" },
	{ "no empty line", BEGIN SAMPLE END, "line 2: the armor is damaged" },
	{ "no END", BEGIN "\n" SAMPLE, "line 11: the certificate is cut off" },
	{ "nothing but BEGIN", BEGIN, "cut off" },
	{ "nothing inside", BEGIN "\n" END, "empty" },
	{ "another END", BEGIN "\n" SAMPLE "-----END PGP MESSAGE-----\n",
	    "wrong line" },
	{ "data after the checksum", BEGIN "\n" SAMPLE "=AAAA\n" SAMPLE END,
	    "wrong line" },
	{ "a short checksum", BEGIN "\n" SAMPLE "=AA\n" END,
	    "checksum is damaged" },
	{ "a secret key",
	    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" SAMPLE END,
	    "secret key" },
	{ "a secret key behind",
	    BEGIN "\n" SAMPLE END
		  "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" SAMPLE END,
	    "secret key" },
	{ "a message", "-----BEGIN PGP MESSAGE-----\n\n" SAMPLE END,
	    "does not begin a public key" },
	{ "one inside another", BEGIN "\n" BEGIN "\n" SAMPLE END,
	    "one certificate at a time" },
	{ "two", BEGIN "\n" SAMPLE END BEGIN "\n" SAMPLE END,
	    "one certificate at a time" },
	{ "bad base64", BEGIN "\n" SAMPLE "A\n" END, "not base64" },
	{ "control characters", "\x01\x02", "no OpenPGP certificate" },
};

static void
test_armor(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(armor_cases); i++) {
		const struct armor_case *c = &armor_cases[i];
		struct keyblock *kb = NULL;
		struct err err = { 0 };
		int rc = keyblock_read(
		    (const uint8_t *)c->text, strlen(c->text), &kb, &err);

		if (c->says == NULL && rc < 0)
			fail_msg("%s: %s", c->name, err.text);
		if (c->says == NULL)
			assert_int_equal(kb->count, 4);
		else if (rc == 0 || err.kind != ERR_PERM ||
			 strstr(err.text, c->says) == NULL)
			fail_msg("%s: %d, \"%s\"", c->name, rc, err.text);
		keyblock_free(&kb);
	}
}

struct frame_case {
	const char *name;
	const char *octets;
	size_t n;
	const char *says;
};

#define OCTETS(s) s, sizeof(s) - 1

/* \xc6: public key, \xce: public subkey, \xc5: secret key. */
static const struct frame_case frame_cases[] = {
	{ "empty", OCTETS(""), "empty" },
	{ "a frame cut",
	    OCTETS("\xc6\x05"
		   "ab"),
	    "cut off in packet 1" },
	{ "a length cut",
	    OCTETS("\xc6\x01"
		   "a\xce\xff\x01"),
	    "cut off in" },
	{ "a secret key",
	    OCTETS("\xc5\x01"
		   "a"),
	    "secret key" },
	{ "a secret subkey",
	    OCTETS("\xc6\x01"
		   "a\xc7\x01"
		   "b"),
	    "secret key" },
	{ "a secret key that is cut", OCTETS("\xc5\x50"), "secret key" },
	{ "two",
	    OCTETS("\xc6\x01"
		   "a\xc6\x01"
		   "b"),
	    "packet 2: a second key" },
	{ "begins with a subkey",
	    OCTETS("\xce\x01"
		   "a"),
	    "begins with" },
	{ "a literal in it",
	    OCTETS("\xc6\x01"
		   "a\xcb\x01"
		   "b"),
	    "packet 2 has the tag 11" },
	{ "tag 0",
	    OCTETS("\xc0\x01"
		   "a"),
	    "tag" },
	{ "a critical unknown tag",
	    OCTETS("\xc6\x01"
		   "a\xe6\x01"
		   "b"),
	    "packet 2 has the tag 38" },
	{ "no packet at all",
	    OCTETS("\xc6\x01"
		   "ahello"),
	    "damaged after" },
};

static void
test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(frame_cases); i++) {
		const struct frame_case *c = &frame_cases[i];
		struct keyblock *kb = NULL;
		struct err err = { 0 };
		int rc =
		    keyblock_read((const uint8_t *)c->octets, c->n, &kb, &err);

		if (rc == 0 || err.kind != ERR_PERM ||
		    strstr(err.text, c->says) == NULL)
			fail_msg("%s: %d, \"%s\"", c->name, rc, err.text);
		assert_null(kb);
	}
}

static void
test_too_many(void **state)
{
	struct buf b = { .limit = LIMIT_CERTIFICATE };
	struct keyblock *kb = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(buf_put(&b, "\xc6\x00", 2, &err), 0);
	for (size_t i = 0; i < LIMIT_CERTIFICATE_PACKETS; i++)
		assert_int_equal(buf_put(&b, "\xc2\x00", 2, &err), 0);
	assert_int_equal(keyblock_read(b.data, b.len, &kb, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_non_null(strstr(err.text, "packets"));
	buf_reset(&b);
}

static void
test_user_id_line(void **state)
{
	struct buf b = { .limit = 100 };
	struct err err;

	(void)state;
	assert_int_equal(
	    keyblock_put_user_id(&b, "Ann\r\nBob\x7f\0x", 11, &err), 0);
	assert_string_equal(buf_str(&b, &err), "Ann??Bob??x\n");
	buf_reset(&b);
}

/* Reads and vets the sample; with a fault it is "later", or nothing is lost. */
static int
vet_sample(const struct crypt *crypt, struct pgp_cert **out, struct err *err)
{
	static const char text[] = BEGIN "\n" SAMPLE END;
	cleanup(keyblock_free) struct keyblock *kb = NULL;
	cleanup(pgp_cert_free) struct pgp_cert *c = pgp_cert_new();

	if (c == NULL)
		return err_nomem(err);
	if (keyblock_read((const uint8_t *)text, strlen(text), &kb, err) < 0 ||
	    selfsig_vet(crypt, kb, c, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

static void
test_faults(void **state)
{
	struct crypt *crypt = NULL;
	struct pgp_cert *c = NULL;
	struct err err;
	unsigned n = 1;

	(void)state;
	assert_int_equal(crypt_open(&crypt, &err), 0);
	for (;; n++) {
		fail_in = n;

		int rc = vet_sample(crypt, &c, &err);
		bool ran_past = fail_in > 0;

		fail_in = 0;
		if (rc == 0 && ran_past)
			break;
		if (rc == 0)
			fail_msg("fault %u was overlooked", n);
		assert_null(c);
		if (err.kind != ERR_TEMP)
			fail_msg(
			    "fault %u: kind %d, %s", n, err.kind, err.text);
	}
	assert_true(n > 10);
	assert_int_equal(c->subkey_count, 1);
	pgp_cert_free(&c);
	crypt_close(&crypt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_armor),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_user_id_line),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
