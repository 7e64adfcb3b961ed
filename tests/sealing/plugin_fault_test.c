/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the Dovecot plugin seals with (dovecot-plugin/sealpost-sealing.c), with
 * messages cut anywhere, and with the n-th allocation, file, database or crypto
 * call failing, for every n: what is read from it is sealed, whole and readable
 * for its owner, or there is nothing to read.
 */

#include "sealpost-sealing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "fault.h"
#include "kit.h"
#include "site.h"

#define PLAIN                                                             \
	"Subject: encrypt:canary-password:hi\r\n"                         \
	"Content-Type: multipart/encrypted;\r\n"                          \
	" protocol=\"application/pgp-encrypted\"; boundary=b\r\n"         \
	"From: a@example.com\r\n"                                         \
	"\r\n"                                                            \
	"canary-body\r\n"
/* Looks sealed until its last line. */
#define LOOKS                                                             \
	"Content-Type: multipart/encrypted;\r\n"                          \
	" protocol=\"application/pgp-encrypted\"; boundary=b\r\n"         \
	"\r\n"                                                            \
	"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"          \
	"Version: 1\r\n\r\n--b\r\n"                                       \
	"Content-Type: application/octet-stream\r\n\r\n"                  \
	"canary-body\r\n--b--\r\n"

struct way {
	const char *address;
	size_t piece; /* in and out */
};

static int
put_all(struct sealpost_sealing *s, const struct buf *m, size_t piece,
    struct sealpost_error *error)
{
	for (size_t at = 0; at < m->len; at += piece) {
		size_t n = m->len - at < piece ? m->len - at : piece;

		if (sealpost_sealing_put(s, m->data + at, n, error) < 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct sealpost_sealing *s, size_t piece, struct buf *out,
    struct sealpost_error *error)
{
	static uint8_t data[65536];
	ssize_t n;

	while ((n = sealpost_sealing_read(s, data, piece, error)) > 0)
		if (buf_put(out, data, (size_t)n, NULL) < 0)
			return -1;
	return (int)n;
}

/* Is it sealed already? As sealpost_proof_finish(). */
static int
prove(const struct sealpost_owner *o, const struct buf *m, size_t piece,
    struct sealpost_error *error)
{
	cleanup(sealpost_proof_free) struct sealpost_proof *p = NULL;
	int rc = sealpost_proof_new(o, &p, error);

	for (size_t at = 0; rc >= 0 && at < m->len; at += piece) {
		size_t n = m->len - at < piece ? m->len - at : piece;

		rc = sealpost_proof_put(p, m->data + at, n, error);
		if (rc == 0)
			return 0;
	}
	return rc < 0 ? -1 : sealpost_proof_finish(p, error);
}

static int
seal(const struct way *w, const struct buf *m, struct buf *out,
    struct sealpost_error *error)
{
	cleanup(sealpost_owner_free) struct sealpost_owner *o = NULL;
	cleanup(sealpost_sealing_free) struct sealpost_sealing *s = NULL;
	char directory[320], spool[320];
	bool changed;

	(void)snprintf(directory, sizeof directory, "%s",
	    site_path("directory.db"));
	(void)snprintf(spool, sizeof spool, "%s", site_path("spool"));
	if (sealpost_owner_find(directory, w->address, &o, error) <= 0)
		return -1;

	int proven = prove(o, m, w->piece, error);

	if (proven < 0 || sealpost_sealing_new(o, NULL, spool, &s, error) < 0 ||
	    put_all(s, m, w->piece, error) < 0)
		return -1;
	/* nothing before the end */
	assert_int_equal(sealpost_sealing_read(s, spool, 1, error), -1);
	if (sealpost_sealing_finish(s, &changed, error) < 0)
		return -1;
	assert_int_equal(changed, !proven);
	return read_all(s, w->piece, out, error);
}

static void
check_sealed(const struct buf *stored, const struct buf *m, const char *name)
{
	cleanup(buf_reset) struct buf back = { .limit = SIZE_MAX / 2 };

	if (memmem(stored->data, stored->len, "canary", 6) != NULL)
		fail_msg("plaintext came out when %s failed", name);
	kit_unseal(stored->data, stored->len, &back);
	assert_int_equal(back.len, m->len);
	assert_memory_equal(back.data, m->data, m->len);
}

/* False when n is past the last call. */
static bool
seal_with_fault(const struct way *w, const struct buf *m, unsigned long n)
{
	cleanup(buf_reset) struct buf out = { .limit = SIZE_MAX / 2 };
	struct sealpost_error error;
	const char *name;

	fault_at(n);
	fake_in_milter = true;
	int rc = seal(w, m, &out, &error);
	fake_in_milter = false;
	bool reached = fault_off(&name);

	if (rc == 0)
		check_sealed(&out, m, reached ? name : "nothing");
	else if (!reached)
		fail_msg("failed though nothing did: %s", error.text);
	else if (out.len > 0 && memmem(out.data, out.len, "canary", 6) != NULL)
		fail_msg("plaintext came out when %s failed", name);
	return reached;
}

static void
put_text(struct buf *m, const char *text)
{
	assert_int_equal(buf_puts(m, text, NULL), 0);
}

static void
any_call_fails(void **state)
{
	static const char *const texts[] = { PLAIN, LOOKS };
	static const struct way ways[] = { { "ann@example.org", 65536 },
		{ "Bob@EXAMPLE.org", 65536 } };

	(void)state;
	for (size_t i = 0; i < countof(texts) * countof(ways); i++) {
		cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
		unsigned long n = 1;

		put_text(&m, texts[i / countof(ways)]);
		while (seal_with_fault(&ways[i % countof(ways)], &m, n))
			n++;
		assert_true(n > 50); /* or the faults are not wired */
	}
}

static void
any_call_fails_large(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
	const struct way way = { "ann@example.org", 65536 };
	unsigned long n = 1;

	(void)state;
	put_text(&m, "From: a\r\n\r\n");
	for (int i = 0; i < 130000; i++)
		put_text(&m, "canary-body ");
	while (seal_with_fault(&way, &m, n))
		n++;
	assert_true(n > 50);
}

static void
seal_well(const struct way *w, const struct buf *m, struct buf *out)
{
	struct sealpost_error error;

	if (seal(w, m, out, &error) < 0)
		fail_msg("%s", error.text);
}

/* Header only, no end of line, NUL, and so on; at every size of pieces. */
static void
any_pieces(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} shapes[] = {
#define SHAPE(text) { text, sizeof(text) - 1 }
		SHAPE(""), SHAPE("\r\n"), SHAPE("canary\r\n"),
		SHAPE("From: a\r\n"), SHAPE("From: a\r\n\r\n"),
		SHAPE("From: a\r\n\r\ncanary"), SHAPE("From: canary"),
		SHAPE("From: a\r\n\r\n\0canary\0\377\r\n"), SHAPE(PLAIN),
		SHAPE(LOOKS), SHAPE("From a b c\r\nFrom: a\r\n\r\ncanary\n"),
	};

	(void)state;
	for (size_t i = 0; i < countof(shapes); i++)
		for (size_t piece = 1; piece <= 64; piece++) {
			cleanup(buf_reset) struct buf m = { .limit = 65536 };
			cleanup(buf_reset) struct buf out = { .limit = 65536 };
			const struct way way = { "ann@example.org", piece };

			assert_int_equal(buf_put(&m, shapes[i].text,
					     shapes[i].len, NULL), 0);
			seal_well(&way, &m, &out);
			check_sealed(&out, &m, "nothing");
		}
}

/* What is sealed passes octet by octet, the large one through the spool. */
static void
sealed_already(void **state)
{
	const struct way way = { "ann@example.org", 65536 };

	(void)state;
	for (int lines = 1; lines < 400000; lines += 300000) {
		cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
		cleanup(buf_reset) struct buf once = { .limit = SIZE_MAX / 2 };
		cleanup(buf_reset) struct buf twice = { .limit = SIZE_MAX / 2 };

		put_text(&m, "From: a\r\n\r\n");
		for (int i = 0; i < lines; i++)
			put_text(&m, "canary\r\n");
		seal_well(&way, &m, &once);
		seal_well(&way, &once, &twice);
		assert_int_equal(once.len, twice.len);
		assert_memory_equal(once.data, twice.data, once.len);
	}
}

static void
accounts(void **state)
{
	static const struct {
		const char *address;
		int found;
		const char *unusable;
	} cases[] = {
		{ "ann@example.org", 1, NULL },
		{ "ANN@Example.ORG", 1, NULL },
		{ "ann+x@example.org", 0, NULL },
		{ "nobody@example.org", 0, NULL },
		{ "ann@elsewhere.example", 0, NULL },
		{ "eve@example.org", 1, "expired" },
		{ "kim@example.org", 1, "certificate" },
		{ "ann", -1, NULL },
		{ "", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(sealpost_owner_free) struct sealpost_owner *o = NULL;
		struct sealpost_error error;

		assert_int_equal(sealpost_owner_find(site_path("directory.db"),
				     cases[i].address, &o, &error),
		    cases[i].found);
		if (cases[i].found <= 0)
			continue;

		const char *why = sealpost_owner_unusable(o);

		assert_int_equal(why == NULL, cases[i].unusable == NULL);
		if (why != NULL)
			assert_non_null(strstr(why, cases[i].unusable));
	}
}

static int
begin(void **state)
{
	(void)state;
	site_begin("");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	site_end();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts),
		cmocka_unit_test(any_pieces),
		cmocka_unit_test(sealed_already),
		cmocka_unit_test(any_call_fails),
		cmocka_unit_test(any_call_fails_large),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
