/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
make(char code[RECOVERY_CODE_SIZE])
{
	cleanup(crypt_close) struct crypt *c = NULL;

	assert_int_equal(crypt_open(&c, NULL), 0);
	assert_int_equal(recovery_code_make(c, code, NULL), 0);
}

static void
test_code(void **state)
{
	char code[RECOVERY_CODE_SIZE], other[RECOVERY_CODE_SIZE];
	char read[RECOVERY_CODE_SIZE];

	(void)state;
	make(code);
	make(other);
	assert_string_not_equal(code, other);
	assert_int_equal(strlen(code), 41);
	assert_int_equal(recovery_code_read(code, strlen(code), read, NULL),
	    0);
	assert_string_equal(code, read);
}

/* Each wrong character is found, and in which group. */
static void
test_one_wrong(void **state)
{
	char code[RECOVERY_CODE_SIZE], read[RECOVERY_CODE_SIZE];
	char wanted[40];

	(void)state;
	make(code);
	for (size_t i = 0; i < strlen(code); i++) {
		char was = code[i];

		for (const char *c = alphabet; was != '-' && *c != '\0'; c++) {
			struct err err = { 0 };

			code[i] = *c;
			if (*c == was)
				continue;
			assert_int_equal(
			    recovery_code_read(
			        code, strlen(code), read, &err),
			    -1);
			(void)snprintf(
			    wanted, sizeof wanted, "group %zu ", i / 6 + 1);
			assert_non_null(strstr(err.text, wanted));
		}
		code[i] = was;
	}
}

static void
swap(char *a, char *b)
{
	char c = *a;

	*a = *b;
	*b = c;
}

static void
test_two_swapped(void **state)
{
	char code[RECOVERY_CODE_SIZE], read[RECOVERY_CODE_SIZE];

	(void)state;
	make(code);
	for (size_t i = 0; i < strlen(code); i++)
		for (size_t j = i + 1; j < strlen(code) && j / 6 == i / 6;
		     j++) {
			bool differ = code[i] != code[j];

			if (code[j] == '-')
				continue;
			swap(&code[i], &code[j]);
			assert_int_equal(recovery_code_read(code,
			                     strlen(code), read, NULL),
			    differ ? -1 : 0);
			swap(&code[i], &code[j]);
		}
	for (size_t i = 0; i < 5; i++)
		swap(&code[i], &code[6 + i]);
	assert_int_equal(recovery_code_read(code, strlen(code), read, NULL),
	    strncmp(code, code + 6, 5) == 0 ? 0 : -1);
}

static const struct typed_case {
	const char *name, *text;
	const char *why; /* NULL: it is GOOD */
} typed_cases[] = {
	{ "too short", "00001", "too short" },
	{ "empty", "", "too short" },
	{ "too long", "00001-00002-00003-00004-00005-00006-00007-0",
	    "too long" },
	{ "a strange character", "00001-0000U", "group 2" },
	{ "not ASCII", "\xc3\xa4", "group 1" },
	{ "good", "00001-00002-00003-00004-00005-00006-00007", NULL },
	{ "no hyphens", "00001000020000300004000050000600007", NULL },
	{ "blanks", " 00001 - 00002\t00003 0000 4 00005 00006 00007\r\n",
	    NULL },
	{ "letters", "ooooi-OOOO2-ooo03-00004-00005-00006-00007", NULL },
	{ "letter L", "oooOl-OOOO2-ooo03-00004-00005-00006-00007", NULL },
};

static void
test_typed(void **state)
{
	static const char good[] =
	    "00001-00002-00003-00004-00005-00006-00007";

	(void)state;
	for (size_t i = 0; i < countof(typed_cases); i++) {
		const struct typed_case *c = &typed_cases[i];
		char read[RECOVERY_CODE_SIZE] = "";
		struct err err = { 0 };
		int rc =
		    recovery_code_read(c->text, strlen(c->text), read, &err);

		if (c->why == NULL && (rc < 0 || strcmp(read, good) != 0))
			fail_msg("%s: %s %s", c->name, read, err.text);
		if (c->why != NULL &&
		    (rc == 0 || strstr(err.text, c->why) == NULL))
			fail_msg("%s: \"%s\" expected, not \"%s\"", c->name,
			    c->why, err.text);
	}
}

/* ---- the sheet ---- */

#define ARMOR                                                             \
	"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n=abcd\n"            \
	"-----END PGP PRIVATE KEY BLOCK-----\n"
#define HEAD "sealpost recovery sheet, version 1\n"
#define ANN  "Address: Ann@Example.org\n"
#define FPR  "Fingerprint: abcd 0123\n"

static const struct sheet_case {
	const char *name, *text;
	const char *why;
} sheets[] = {
	{ "good", HEAD ANN FPR ARMOR, NULL },
	{ "text around", "hello\n" HEAD "\n" ANN FPR "\nhm\n" ARMOR "bye\n",
	    NULL },
	{ "no last line end", HEAD ANN FPR ARMOR "x", NULL },
	{ "CRLF, blanks",
	    HEAD "  Address:\tann@example.org \r\n Fingerprint:AB CD 01 23\r\n"
		 "-----BEGIN PGP PRIVATE KEY BLOCK----- \r\n\r\nabcd\r\n"
		 "-----END PGP PRIVATE KEY BLOCK-----",
	    NULL },
	{ "nothing", "", "no recovery sheet" },
	{ "a key alone", ARMOR, "no recovery sheet" },
	{ "no address", HEAD FPR ARMOR, "address" },
	{ "bad address", HEAD "Address: ann\n" FPR ARMOR, "ann" },
	{ "no fingerprint", HEAD ANN ARMOR, "fingerprint" },
	{ "bad fingerprint", HEAD ANN "Fingerprint: xy\n" ARMOR,
	    "fingerprint" },
	{ "no key", HEAD ANN FPR, "private key" },
	{ "key cut", HEAD ANN FPR "-----BEGIN PGP PRIVATE KEY BLOCK-----\nab\n",
	    "private key" },
};

static void
test_sheets(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sheets); i++) {
		const struct sheet_case *c = &sheets[i];
		struct recovery_sheet s = { .armored = NULL };
		struct err err = { 0 };
		int rc =
		    recovery_sheet_read(c->text, strlen(c->text), &s, &err);

		if (c->why != NULL &&
		    (rc == 0 || strstr(err.text, c->why) == NULL))
			fail_msg("%s: \"%s\" expected, not \"%s\"", c->name,
			    c->why, err.text);
		if (c->why != NULL)
			continue;
		if (rc < 0)
			fail_msg("%s: %s", c->name, err.text);
		assert_string_equal(s.address, "ann@example.org");
		assert_string_equal(s.fingerprint, "ABCD0123");
		assert_memory_equal(s.armored, "-----BEGIN", 10);
		assert_memory_equal(
		    s.armored + s.armored_len - 9, "LOCK-----", 9);
	}
}

static void
test_round_trip(void **state)
{
	struct recovery_sheet s = { .address = "ann@example.org",
		.fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567",
		.armored = ARMOR,
		.armored_len = strlen(ARMOR) };
	struct recovery_sheet back;
	struct buf text = { .limit = 10000 };

	(void)state;
	assert_int_equal(
	    recovery_sheet_write(&s, "2026-11-21", &text, NULL), 0);
	assert_non_null(memmem(text.data, text.len, "0123 4567 89AB", 14));
	for (const uint8_t *p = text.data; p < text.data + text.len; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 0x7f));
	assert_int_equal(recovery_sheet_read((char *)text.data, text.len,
	                     &back, NULL),
	    0);
	assert_string_equal(back.address, s.address);
	assert_string_equal(back.fingerprint, s.fingerprint);
	assert_int_equal(back.armored_len, s.armored_len - 1);
	assert_memory_equal(back.armored, s.armored, back.armored_len);
	for (size_t n = 0; n < text.len - 1; n++)
		assert_int_equal(recovery_sheet_read((char *)text.data, n,
		                     &back, NULL),
		    -1);
	buf_reset(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_one_wrong),
		cmocka_unit_test(test_two_swapped),
		cmocka_unit_test(test_typed),
		cmocka_unit_test(test_sheets),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
