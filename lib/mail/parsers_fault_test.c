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
#include "mail/search_text.h"
#include "mail/structure.h"

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

/* ---- what IMAP says of a message ---- */

static const char message[] =
    "From: \"A\" <a@b>, g: c@d (e), <@f:g@h>;\r\n"
    "Date: today\r\n"
    "Subject: =?iso-8859-1?q?=E4?= \"b\"\r\n"
    "Content-Type: multipart/mixed; boundary*0=b; x*0*=u; x*1=v\r\n"
    "Content-Language: de, en\r\n"
    "\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1; n=\"\xe4\"\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "Content-Disposition: inline; filename=x\r\n"
    "Content-ID: <a@b>\r\n"
    "\r\n"
    "a=E4b\r\n"
    "--b\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: c\r\n d\r\n"
    "\r\n"
    "e\r\n"
    "--b--\r\n";

static int
try_bodystructure(struct err *err)
{
	cleanup(structure_free) struct structure *s = NULL;
	cleanup(buf_reset) struct buf out = { .limit = 10000 };

	if (structure_parse(message, sizeof message - 1, &s, err) < 0)
		return -1;
	return structure_put_bodystructure(s, &out, err);
}

static int
try_envelope(struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = 10000 };

	return envelope_put(message, sizeof message - 1, &out, err);
}

static int
try_fields(struct err *err)
{
	static const char *const fields[] = { "Date" };
	struct section want = { SECTION_HEADER_FIELDS, NULL, 0, fields, 1 };
	cleanup(buf_reset) struct buf scratch = { .limit = 10000 };
	const uint8_t *data;
	size_t n;
	int rc = header_section(
	    message, sizeof message - 1, &want, &scratch, &data, &n, err);

	return rc == 1 ? 0 : rc;
}

/* What is not found makes it look at everything. */
static int
search(const char *text, bool in_subject, int expected, struct err *err)
{
	cleanup(structure_free) struct structure *s = NULL;
	cleanup(buf_reset) struct buf key = { .limit = 100 };

	if (search_fold(text, strlen(text), &key, err) < 0 ||
	    structure_parse(message, sizeof message - 1, &s, err) < 0)
		return -1;
	int rc = in_subject ? search_header(message, sizeof message - 1,
				  "Subject", &key, true, err)
			    : search_message(s, &key, true, err);

	if (rc >= 0)
		assert_int_equal(rc, expected);
	return rc < 0 ? -1 : 0;
}

static int
try_text(struct err *err)
{
	return search("not there", false, 0, err);
}

static int
try_body(struct err *err)
{
	return search("A\xc3\xa4"
		      "b",
	    false, 1, err);
}

static int
try_subject(struct err *err)
{
	return search("\xc3\xa4 \"b", true, 1, err);
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	attempt attempt;
	bool may_do_without; /* a library does so of some of its memory */
} attempts[] = {
	{ "address", try_address, true },
	{ "mime", try_mime, false },
	{ "words", try_words, false },
	{ "pgpmime", try_pgpmime, false },
	{ "bodystructure", try_bodystructure, false },
	{ "envelope", try_envelope, false },
	{ "fields", try_fields, false },
	{ "text", try_text, true },
	{ "body", try_body, true },
	{ "subject", try_subject, true },
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
			if (rc != -1 || err.kind != ERR_TEMP)
				fail_msg("%s, %lu: %d, %d %s", attempts[i].name,
				    n, rc, (int)err.kind, err.text);
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
