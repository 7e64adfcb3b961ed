/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Memory runs out at each allocation of a parser in turn. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault_testing.h"
#include "mail/address.h"
#include "mail/encoded_word.h"
#include "mail/mime.h"
#include "mail/pgpmime.h"
#include "mail/sealed.h"

enum { MANY = 10000 };

/* 0 a result, or -1 with *err set, as the parsers have it. */
typedef int (*attempt)(struct err *err);

static int
try_address(struct err *err)
{
	char out[ADDRESS_SIZE];
	int rc = address_normalize("J\xc3\x96RG@b\xc3\xbc"
				   "cher.example",
	    out, err);

	if (rc == 0)
		assert_string_equal(out, "j\xc3\xb6rg@xn--bcher-kva.example");
	return rc;
}

static int
try_mime(struct err *err)
{
	static const char in[] = "text/plain; charset=\"utf-8\"; name=a";
	cleanup(mime_value_free) struct mime_value *v = NULL;
	int rc = mime_value_parse(in, strlen(in), &v, err);

	assert_int_equal(v != NULL, rc == 1);
	return rc == 1 ? 0 : rc == 0 ? 1 : -1;
}

static int
try_words(struct err *err)
{
	static const uint8_t in[] = "=?utf-8?q?caf=C3=A9?= =?utf-8?b?YQ==?=";
	cleanup(buf_reset) struct buf out = { .limit = 100 };
	bool complete;

	return encoded_words_decode(in, sizeof in - 1, &out, &complete, err);
}

static int
try_pgpmime(struct err *err)
{
	static const char type[] = "multipart/encrypted; boundary=b;"
				   " protocol=\"application/pgp-encrypted\"";
	static const char body[] =
	    "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n\r\n"
	    "--b\r\nContent-Type: application/octet-stream\r\n\r\n"
	    "A\r\n--b--\r\n";
	cleanup(pgpmime_free) struct pgpmime *p = NULL;
	cleanup(buf_reset) struct buf out = { .limit = 100 };

	if (pgpmime_new(type, strlen(type), sink_to_buf(&out), &p, err) < 0 ||
	    pgpmime_feed(p, body, strlen(body), err) < 0)
		return -1;
	return pgpmime_finish(p, err);
}

static const struct {
	const char *name;
	attempt attempt;
	bool may_do_without; /* a library gives memory back by realloc() */
} attempts[] = {
	{ "address", try_address, true },
	{ "mime", try_mime, false },
	{ "words", try_words, false },
	{ "pgpmime", try_pgpmime, false },
};

static void
short_memory_is_temporary(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(attempts); i++) {
		unsigned long n = 1;

		for (; n < MANY; n++) {
			struct err err = { 0 };

			fault_at(n);
			int rc = attempts[i].attempt(&err);
			if (!fault_off()) {
				assert_int_equal(rc, 0);
				break;
			}
			if (rc == 0 && attempts[i].may_do_without)
				continue;
			assert_int_equal(rc, -1);
			assert_int_equal(err.kind, ERR_TEMP);
		}
		print_message("%s: %lu allocations\n", attempts[i].name, n - 1);
		assert_in_range(n, 2, MANY - 1);
	}
}

/* Which charset is known must not depend on memory: doubt is yes. */
static void
short_memory_hides_the_subject(void **state)
{
	static const uint8_t harmless[] = "=?iso-8859-15?q?caf=E9?= at noon";
	static const uint8_t secret[] = "=?utf-7?q?+AGUAbg-crypt:?= x";
	unsigned long n = 1;

	(void)state;
	for (; n < MANY; n++) {
		fault_at(n);
		bool has =
		    sealed_subject_has_password(harmless, sizeof harmless - 1);
		if (!fault_off()) {
			assert_false(has);
			break;
		}
		fault_at(n);
		assert_true(
		    sealed_subject_has_password(secret, sizeof secret - 1));
		(void)fault_off();
	}
	assert_in_range(n, 2, MANY - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_memory_is_temporary),
		cmocka_unit_test(short_memory_hides_the_subject),
	};
	if (!FAULT_TESTING)
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
