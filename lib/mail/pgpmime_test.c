/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/pgpmime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TYPE                                                            \
	" multipart/encrypted; protocol=\"application/pgp-encrypted\";" \
	"\r\n boundary=\"b=1\""
#define HEAD_1 "--b=1\r\nContent-Type: application/pgp-encrypted\r\n"
#define PART_1 HEAD_1 "\r\nVersion: 1\r\n\r\n"
#define HEAD_2 "--b=1\r\nContent-Type: application/octet-stream\r\n"
#define END    "\r\n--b=1--\r\n"

static const struct {
	const char *name, *in;
	bool yes;
} types[] = {
	{ "usual", TYPE, true },
	{ "protocol without its quotes",
	    "MULTIPART/Encrypted; BOUNDARY=b; "
	    "protocol=APPLICATION/PGP-Encrypted",
	    false },
	{ "quoted upper case",
	    "MULTIPART/Encrypted; BOUNDARY=b;"
	    " protocol=\"APPLICATION/PGP-Encrypted\"",
	    true },
	{ "more parameters", TYPE "; charset=utf-8; micalg=x", true },
	{ "plain text", " text/plain", false },
	{ "bare type", " multipart/encrypted", false },
	{ "no protocol", " multipart/encrypted; boundary=b", false },
	{ "wrong protocol",
	    " multipart/encrypted; protocol=\"application/pgp-signature\";"
	    " boundary=b",
	    false },
	{ "no boundary",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\"",
	    false },
	{ "empty boundary",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary=\"\"",
	    false },
	{ "boundary ends with a blank",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary=\"b \"",
	    false },
	{ "boundary with octets above 127",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary=\"b\xe9\"",
	    false },
	{ "boundary of 71",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary=\"1234567890123456789012345678901234567890"
	    "1234567890123456789012345678901\"",
	    false },
	{ "two boundaries", TYPE "; boundary=c", false },
	{ "boundary in pieces",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary*0=b; boundary=b",
	    false },
	{ "comment", TYPE " (boundary=c)", false },
	{ "signed",
	    " multipart/signed; protocol=\"application/pgp-encrypted\";"
	    " boundary=b",
	    false },
	{ "nothing", "", false },
};

static void
types_are_recognised(void **state)
{
	cleanup(buf_reset) struct buf armor = { .limit = 100 };

	(void)state;
	for (size_t i = 0; i < countof(types); i++) {
		cleanup(pgpmime_free) struct pgpmime *p = NULL;

		print_message("%s\n", types[i].name);
		assert_int_equal(pgpmime_new(types[i].in, strlen(types[i].in),
				     sink_to_buf(&armor), &p, NULL),
		    types[i].yes);
		assert_int_equal(p != NULL, types[i].yes);
	}
}

/* out: what the sink gets; NULL: not the structure. */
static const struct {
	const char *name, *in, *out;
} bodies[] = {
	{ "usual", PART_1 HEAD_2 "\r\nA\r\nB" END, "A|B|" },
	{ "preamble",
	    "This is an OpenPGP/MIME encrypted message (RFC 4880 and "
	    "3156)\r\n" PART_1 HEAD_2 "\r\nA" END,
	    "A|" },
	{ "blank preamble", "\r\n \r\n" PART_1 HEAD_2 "\r\nA" END, "A|" },
	{ "blank epilogue", PART_1 HEAD_2 "\r\nA" END "\r\n\t\r\n", "A|" },
	{ "no line end behind", PART_1 HEAD_2 "\r\nA\r\n--b=1--", "A|" },
	{ "blanks behind delimiters",
	    "--b=1 \r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\t\r\n--b=1\t\r\n"
	    "Content-Type:application/octet-stream\r\n\r\nA\r\n--b=1-- \r\n",
	    "A|" },
	{ "fields of a first client",
	    HEAD_1 "Content-Description: PGP/MIME version identification\r\n"
		   "\r\nVersion: 1\r\n\r\n" HEAD_2
		   "Content-Description: OpenPGP encrypted message\r\n"
		   "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n"
		   "\r\nA" END,
	    "A|" },
	{ "fields of a second client",
	    "--b=1\r\n"
	    "Content-Type: application/pgp-encrypted; charset=\"utf-8\"\r\n"
	    "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\n"
	    "Content-Disposition: attachment\r\n\r\nVersion: 1\r\n"
	    "--b=1\r\nContent-Type: application/octet-stream;\r\n"
	    "\tname=\"a b.asc\"; charset=utf-8;\r\n"
	    "CONTENT-TRANSFER-ENCODING: 8BIT\r\n\r\nA" END,
	    "A|" },
	{ "empty armor",
	    PART_1 HEAD_2 "\r\n"
			  "--b=1--\r\n",
	    "" },
	{ "nothing", "", NULL },
	{ "text in front", "Hello\r\n" PART_1 HEAD_2 "\r\nA" END, NULL },
	{ "text behind", PART_1 HEAD_2 "\r\nA" END "Hello\r\n", NULL },
	{ "text behind without line end", PART_1 HEAD_2 "\r\nA" END "Hello",
	    NULL },
	{ "text behind the known preamble",
	    "This is a multi-part message in MIME format. Hello\r\n" PART_1
		HEAD_2 "\r\nA" END,
	    NULL },
	{ "no first part", HEAD_2 "\r\nA" END, NULL },
	{ "no second part", PART_1 "--b=1--\r\n", NULL },
	{ "third part", PART_1 HEAD_2 "\r\nA\r\n" HEAD_2 "\r\nB" END, NULL },
	{ "parts the other way round",
	    HEAD_2 "\r\nA\r\n" HEAD_1 "\r\nVersion: 1" END, NULL },
	{ "delimiter behind the end", PART_1 HEAD_2 "\r\nA" END HEAD_2, NULL },
	{ "version 2", HEAD_1 "\r\nVersion: 2\r\n" HEAD_2 "\r\nA" END, NULL },
	{ "no version", HEAD_1 "\r\n" HEAD_2 "\r\nA" END, NULL },
	{ "two versions",
	    HEAD_1 "\r\nVersion: 1\r\nVersion: 1\r\n" HEAD_2 "\r\nA" END,
	    NULL },
	{ "text behind the version",
	    HEAD_1 "\r\nVersion: 1\r\nHello\r\n" HEAD_2 "\r\nA" END, NULL },
	{ "text on the version's line",
	    HEAD_1 "\r\nVersion: 1 Hello\r\n" HEAD_2 "\r\nA" END, NULL },
	{ "nested part",
	    PART_1 "--b=1\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		   "--c\r\n\r\nHello\r\n--c--" END,
	    NULL },
	{ "first part of another type",
	    "--b=1\r\nContent-Type: text/plain\r\n\r\nVersion: 1\r\n" HEAD_2
	    "\r\nA" END,
	    NULL },
	{ "second part of another type",
	    PART_1 "--b=1\r\nContent-Type: text/plain\r\n\r\nA" END, NULL },
	{ "no type", PART_1 "--b=1\r\n\r\nA" END, NULL },
	{ "two types",
	    PART_1 HEAD_2 "Content-Type: application/octet-stream\r\n\r\nA" END,
	    NULL },
	{ "other parameter",
	    PART_1 "--b=1\r\nContent-Type: application/octet-stream;"
		   " note=Hello\r\n\r\nA" END,
	    NULL },
	{ "comment in a field",
	    PART_1 "--b=1\r\nContent-Type: application/octet-stream (Hello)"
		   "\r\n\r\nA" END,
	    NULL },
	{ "other field", PART_1 HEAD_2 "X-Note: Hello\r\n\r\nA" END, NULL },
	{ "other description",
	    PART_1 HEAD_2 "Content-Description: Hello\r\n\r\nA" END, NULL },
	{ "other disposition",
	    PART_1 HEAD_2 "Content-Disposition: Hello\r\n\r\nA" END, NULL },
	{ "quoted-printable",
	    PART_1 HEAD_2 "Content-Transfer-Encoding: quoted-printable\r\n"
			  "\r\nA" END,
	    NULL },
	{ "base64",
	    PART_1 HEAD_2 "Content-Transfer-Encoding: base64\r\n\r\nA" END,
	    NULL },
	{ "blank before the colon",
	    PART_1
	    "--b=1\r\nContent-Type : application/octet-stream\r\n\r\nA" END,
	    NULL },
	{ "line that is no field", PART_1 HEAD_2 "Hello\r\n\r\nA" END, NULL },
	{ "folding at the start",
	    PART_1 "--b=1\r\n Hello\r\n"
		   "Content-Type: application/octet-stream\r\n\r\nA" END,
	    NULL },
	{ "longer delimiter", PART_1 HEAD_2 "\r\nA\r\n--b=1x\r\nB" END, NULL },
	{ "text on the last delimiter",
	    PART_1 HEAD_2 "\r\nA\r\n--b=1-- Hello\r\n", NULL },
	{ "bare LF", PART_1 HEAD_2 "\r\nA\nB" END, NULL },
	{ "bare CR", PART_1 HEAD_2 "\r\nA\rB" END, NULL },
	{ "delimiter after a bare LF", PART_1 HEAD_2 "\r\nA\n--b=1--\r\n",
	    NULL },
	{ "CR at the very end", PART_1 HEAD_2 "\r\nA\r\n--b=1--\r", NULL },
	{ "no end", PART_1 HEAD_2 "\r\nA\r\n", NULL },
};

static int
put_line(void *ctx, const uint8_t *line, size_t n, struct err *err)
{
	if (buf_put(ctx, line, n, err) < 0)
		return -1;
	return buf_putc(ctx, '|', err);
}

/* 1 and what the sink got, or 0. */
static int
read_in_steps(const char *in, size_t n, size_t step, struct buf *out)
{
	cleanup(pgpmime_free) struct pgpmime *p = NULL;
	struct sink lines = { .put = put_line, .ctx = out };
	struct err err = { 0 };
	int rc = 0;

	buf_clear(out);
	assert_int_equal(pgpmime_new(TYPE, strlen(TYPE), lines, &p, &err), 1);
	for (size_t i = 0; i < n && rc == 0; i += step)
		rc = pgpmime_feed(p, in + i, n - i < step ? n - i : step, &err);
	if (rc == 0)
		rc = pgpmime_finish(p, &err);
	if (rc < 0) {
		assert_int_equal(err.kind, ERR_PROTO);
		assert_string_not_equal(err.text, "");
	}
	return rc == 0;
}

static void
bodies_are_recognised(void **state)
{
	cleanup(buf_reset) struct buf out = { .limit = 100 };

	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		size_t n = strlen(bodies[i].in);

		print_message("%s\n", bodies[i].name);
		for (size_t step = 1; step <= n + 1; step++) {
			assert_int_equal(
			    read_in_steps(bodies[i].in, n, step, &out),
			    bodies[i].out != NULL);
			if (bodies[i].out != NULL)
				assert_string_equal(
				    buf_str(&out, NULL), bodies[i].out);
		}
	}
}

/* Less than the last delimiter is never the structure. */
static void
cut_bodies_are_refused(void **state)
{
	cleanup(buf_reset) struct buf out = { .limit = 100 };

	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		const char *in = bodies[i].in;
		const char *end = strstr(in, "--b=1--");

		if (bodies[i].out == NULL)
			continue;
		for (size_t n = 0; n < (size_t)(end - in) + 7; n++)
			assert_int_equal(read_in_steps(in, n, n + 1, &out), 0);
	}
}

/* A NUL or a letter put anywhere but into armor or names is refused. */
static void
inserted_text_is_refused(void **state)
{
	static const char in[] = PART_1 HEAD_2 "\r\nA" END;
	cleanup(buf_reset) struct buf out = { .limit = 100 };
	size_t armor = (size_t)(strstr(in, "\r\nA") - in) + 2;

	(void)state;
	for (size_t at = 0; at < sizeof in; at++) {
		char changed[sizeof in];

		memcpy(changed, in, at);
		changed[at] = '\0';
		memcpy(changed + at + 1, in + at, sizeof in - 1 - at);
		if (at < armor || at > armor + 1)
			assert_int_equal(
			    read_in_steps(changed, sizeof in, sizeof in, &out),
			    0);
		changed[at] = 'x';
		if (at < armor || at > armor + 1)
			assert_int_equal(
			    read_in_steps(changed, sizeof in, sizeof in, &out),
			    0);
	}
}

static int
read_repeated(const char *head, size_t times, const char *tail)
{
	cleanup(buf_reset) struct buf in = { .limit = 1 << 20 };
	cleanup(buf_reset) struct buf out = { .limit = 1 << 20 };

	assert_int_equal(buf_puts(&in, head, NULL), 0);
	for (size_t i = 0; i < times; i++)
		assert_int_equal(buf_putc(&in, 'a', NULL), 0);
	assert_int_equal(buf_puts(&in, tail, NULL), 0);
	return read_in_steps((const char *)in.data, in.len, in.len, &out);
}

static void
limits_are_kept(void **state)
{
	static const char named[] =
	    PART_1 "--b=1\r\nContent-Type: application/octet-stream; name=";

	(void)state;
	assert_int_equal(read_repeated(named, 200, "\r\n\r\nA" END), 1);
	assert_int_equal(read_repeated(named, 201, "\r\n\r\nA" END), 0);
	assert_int_equal(read_repeated(named, 1000, "\r\n\r\nA" END), 0);
	assert_int_equal(read_repeated(PART_1 HEAD_2 "\r\n", 990, END), 1);
	assert_int_equal(read_repeated(PART_1 HEAD_2 "\r\n", 1001, END), 0);
	assert_int_equal(read_repeated(PART_1 HEAD_2 "\r\n", 100000, END), 0);
}

static int
put_fails(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	(void)ctx;
	(void)data;
	(void)n;
	return err_set(err, ERR_TEMP, "full");
}

static void
errors_of_the_sink_are_passed_on(void **state)
{
	static const char in[] = PART_1 HEAD_2 "\r\nA" END;
	cleanup(pgpmime_free) struct pgpmime *p = NULL;
	struct sink full = { .put = put_fails };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(pgpmime_new(TYPE, strlen(TYPE), full, &p, &err), 1);
	assert_int_equal(pgpmime_feed(p, in, strlen(in), &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text, "full");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_recognised),
		cmocka_unit_test(bodies_are_recognised),
		cmocka_unit_test(cut_bodies_are_refused),
		cmocka_unit_test(inserted_text_is_refused),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(errors_of_the_sink_are_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
