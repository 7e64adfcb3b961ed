/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * unseal(seal(m)) is m, byte for byte: for our own corpus, for a folder named
 * by SEALPOST_CORPUS, and for 10,000 generated messages; and nothing of m's
 * entity can be found in seal(m).
 */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kit.h"
#include "mail/lineend.h"
#include "openpgp/seal.h"

static struct crypt *algorithms;

struct sealed_once {
	struct buf text; /* CRLF */
	enum seal_outcome outcome;
};

static void
put_header(const struct header *h, struct buf *out)
{
	struct err err = { 0 };

	for (size_t i = 0; i < h->count; i++)
		assert_int_equal(buf_put(out, h->fields[i].raw,
				     h->fields[i].raw_len, &err), 0);
}

static void
put_result(struct seal *s, struct buf *out)
{
	struct sink to = sink_to_buf(out);
	const struct header *h = seal_header(s);
	struct err err = { 0 };

	put_header(seal_marker(s), out);
	for (size_t i = 0; i < h->count; i++)
		if (!seal_removes(s, i))
			assert_int_equal(buf_put(out, h->fields[i].raw,
					     h->fields[i].raw_len, &err), 0);
	put_header(seal_added(s), out);
	assert_int_equal(buf_puts(out, "\r\n", &err), 0);
	assert_non_null(seal_body_spool(s));
	assert_int_equal(spool_replay(seal_body_spool(s), 0, &to, &err), 0);
}

/* Seals a CRLF message; false when it is sealed already. */
static bool
seal(const struct buf *m, struct pgp_cert *cert, bool protect, struct buf *out)
{
	cleanup(header_reset) struct header h = { 0 };
	cleanup(header_reader_reset) struct header_reader r;
	cleanup(seal_free) struct seal *s = NULL;
	struct pgp_cert *const certs[] = { cert };
	const struct seal_request request = { .crypt = algorithms, .certs = certs,
		.cert_count = 1, .cert = cert, .subkey = &cert->subkeys[0],
		.protect_subject = protect, .spool_directory = "/tmp" };
	enum seal_outcome outcome;
	struct err err = { 0 };
	size_t used, rest;

	const uint8_t *text = m->len == 0 ? (const uint8_t *)"" : m->data;

	header_reader_init(&r, &h);
	assert_int_equal(header_reader_feed(&r, text, m->len, &used, &err), 0);
	assert_int_equal(header_reader_finish(&r, &err), 0);
	const uint8_t *held = header_reader_rest(&r, &rest);

	assert_int_equal(seal_new(&request, &s, &err), 0);
	for (size_t i = 0; i < h.count; i++)
		assert_int_equal(seal_field(s, h.fields[i].raw,
				     h.fields[i].raw_len, &err), 0);
	assert_int_equal(seal_end_of_header(s, r.separated, &err), 0);
	assert_int_equal(seal_body(s, held, rest, &err), 0);
	assert_int_equal(seal_body(s, text + used, m->len - used, &err), 0);
	assert_int_equal(seal_finish(s, &outcome, &err), 0);
	if (outcome == SEAL_ALREADY)
		return false;
	put_result(s, out);
	return true;
}

static void
check(const char *name, const struct buf *m, struct pgp_cert *cert,
    bool protect)
{
	cleanup(buf_reset) struct buf sealed = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf back = { .limit = SIZE_MAX / 2 };

	assert_true(seal(m, cert, protect, &sealed));
	kit_unseal(sealed.data, sealed.len, &back);
	if (back.len != m->len ||
	    (m->len > 0 && memcmp(back.data, m->data, m->len) != 0))
		fail_msg("%s: %zu octets became %zu", name, m->len, back.len);
}

/* ---- files ---- */

static bool
read_crlf(const char *path, struct buf *out)
{
	cleanup(close_file) FILE *f = fopen(path, "rb");
	cleanup(lineend_reset) struct lineend_filter in;
	struct err err = { 0 };
	char piece[4096];
	size_t n;

	if (f == NULL)
		return false;
	lineend_in_init(&in, sink_to_buf(out));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		assert_int_equal(lineend_in_put(&in, piece, n, &err), 0);
	assert_int_equal(lineend_in_finish(&in, &err), 0);
	return true;
}

static unsigned
check_folder(const char *folder, struct pgp_cert *cert)
{
	DIR *d = opendir(folder);
	unsigned count = 0;
	char path[4096];

	if (d == NULL)
		return 0;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
		const char *dot = strrchr(e->d_name, '.');

		if (dot == NULL || strcmp(dot, ".eml") != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		assert_true(read_crlf(path, &m));
		check(e->d_name, &m, cert, false);
		check(e->d_name, &m, cert, true);
		count++;
	}
	closedir(d);
	print_message("%s: %u messages\n", folder, count);
	return count;
}

static void
real_messages(void **state)
{
	const char *folder = getenv("SEALPOST_CORPUS");

	(void)state;
	for (int seipd2 = 0; seipd2 <= 1; seipd2++) {
		cleanup(pgp_cert_free) struct pgp_cert *cert =
		    kit_cert(algorithms, seipd2 == 1, 0);

		assert_true(check_folder(OWN_CORPUS, cert) > 0);
		if (folder != NULL)
			assert_true(check_folder(folder, cert) > 0);
	}
}

/* ---- generated messages ---- */

static unsigned seed = 20261120;

static unsigned
below(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void
put(struct buf *m, const char *s)
{
	struct err err = { 0 };

	assert_int_equal(buf_puts(m, s, &err), 0);
}

static const char *const names[] = { "Received", "From", "To", "Subject",
	"subject", "Thread-Topic", "MIME-Version", "Content-Type",
	"content-transfer-ENCODING", "Content-Disposition ", "Content-",
	"X-Sealpost", "X-Sealpost-More", "DKIM-Signature", "Date", "X" };
static const char *const values[] = { "", " ", " text", "\ttab",
	" 1.0", " text/plain; charset=utf-8", " multipart/mixed; boundary=b",
	(" multipart/encrypted; protocol=\"application/pgp-encrypted\"; "
	 "boundary=b"),
	" =?utf-8?B?ZW5jcnlwdDpwdzpz?=", " Re: encrypt:a:b",
	" v=1; at-rest; body=3; head=AAAA", " base64", " \xc3\xa4\xff\x80",
	" ends with ;" };
static const char *const folds[] = { "", "\r\n folded", "\r\n\t", "\r\n  \t",
	"\r", "\n" };

static void
put_random_header(struct buf *m)
{
	for (unsigned n = below(12); n > 0; n--) {
		put(m, names[below(countof(names))]);
		put(m, ":");
		put(m, values[below(countof(values))]);
		put(m, folds[below(countof(folds))]);
		put(m, "\r\n");
	}
}

static const char *const pieces[] = { "hello", "\r\n", "\r", "\n", "\r\n\r\n",
	"--b\r\n", "--b--\r\n", "-----BEGIN PGP MESSAGE-----\r\n", ".\r\n",
	"From ", "\xff\xfe", "=3D", "Content-Type: text/html\r\n", " " };

static void
put_random_body(struct buf *m)
{
	struct err err = { 0 };
	unsigned kind = below(20);

	for (unsigned n = below(30); n > 0; n--) {
		put(m, pieces[below(countof(pieces))]);
		assert_int_equal(buf_putc(m, (uint8_t)below(256), &err), 0);
	}
	if (kind == 0) /* around the partial lengths and chunks */
		for (unsigned n = (1U << (9 + below(9))) - 8 + below(16);
		     n > 0; n--)
			assert_int_equal(buf_putc(m, (uint8_t)(n * 7), &err),
			    0);
}

static void
generated_messages(void **state)
{
	cleanup(pgp_cert_free) struct pgp_cert *v1 = kit_cert(algorithms, false, 0);
	cleanup(pgp_cert_free) struct pgp_cert *v2 = kit_cert(algorithms, true, 0);
	char name[32];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		cleanup(buf_reset) struct buf m = { .limit = 1 << 24 };

		put_random_header(&m);
		if (below(8) != 0)
			put(&m, "\r\n");
		put_random_body(&m);
		(void)snprintf(name, sizeof name, "message %d", i);
		check(name, &m, below(2) == 0 ? v1 : v2, below(3) == 0);
	}
}

/* Sealed once more by the same hand: it is recognised, not wrapped again. */
static void
sealed_is_sealed(void **state)
{
	cleanup(pgp_cert_free) struct pgp_cert *cert = kit_cert(algorithms, true, 0);
	cleanup(buf_reset) struct buf m = { .limit = 4096 };
	cleanup(buf_reset) struct buf once = { .limit = 1 << 16 };
	cleanup(buf_reset) struct buf twice = { .limit = 1 << 16 };

	(void)state;
	put(&m, "Subject: s\r\nContent-Type: text/plain\r\n\r\nbody\r\n");
	assert_true(seal(&m, cert, false, &once));
	assert_false(seal(&once, cert, false, &twice));
	assert_int_equal(twice.len, 0);
}

/* A password in the Subject of a sealed message: it must not stay outside. */
static void
sealed_with_a_password_outside_is_sealed_again(void **state)
{
	cleanup(pgp_cert_free) struct pgp_cert *cert = kit_cert(algorithms, true, 0);
	cleanup(buf_reset) struct buf m = { .limit = 4096 };
	cleanup(buf_reset) struct buf once = { .limit = 1 << 16 };
	cleanup(buf_reset) struct buf loud = { .limit = 1 << 16 };
	cleanup(buf_reset) struct buf twice = { .limit = 1 << 17 };
	struct err err = { 0 };

	(void)state;
	put(&m, "From: a\r\n\r\nbody\r\n");
	assert_true(seal(&m, cert, false, &once));
	put(&loud, "Subject: encrypt:swordfish:hi\r\n");
	assert_int_equal(buf_put(&loud, once.data, once.len, &err), 0);
	assert_true(seal(&loud, cert, false, &twice));
	assert_null(memmem(twice.data, twice.len, "swordfish", 9));
}

static void
nothing_of_the_entity_shows(void **state)
{
	cleanup(pgp_cert_free) struct pgp_cert *cert = kit_cert(algorithms, false, 0);
	cleanup(buf_reset) struct buf m = { .limit = 1 << 23 };
	cleanup(buf_reset) struct buf sealed = { .limit = 1 << 24 };

	(void)state;
	put(&m, "From: a\r\nSubject: canary-subject\r\n"
		"Content-Type: text/plain; name=canary-type\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		put(&m, "canary-body ");
	assert_true(seal(&m, cert, true, &sealed));
	assert_null(memmem(sealed.data, sealed.len, "canary", 6));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_messages),
		cmocka_unit_test(generated_messages),
		cmocka_unit_test(sealed_is_sealed),
		cmocka_unit_test(
		    sealed_with_a_password_outside_is_sealed_again),
		cmocka_unit_test(nothing_of_the_entity_shows),
	};
	struct err err = { 0 };

	if (crypt_open(&algorithms, &err) < 0)
		return 1;
	kit_use(algorithms);

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	crypt_close(&algorithms);
	return failed;
}
