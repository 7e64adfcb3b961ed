/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/backend.h"

#include "openpgp/gpg_testing.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "openpgp/packet.h"
#include "openpgp/vet.h"

enum { BIG = 3 << 20, PIECE = 10000 };

/*
 * One ElGamal key for all tests: making it takes long. Made by gpg 2.4 it
 * announces GnuPG's own packets (tag 20), which must not be used.
 */
struct fixture {
	struct test_gpg gpg;
	struct crypt *crypt;
	struct pgp_cert *cert;
};

static const char make_key[] =
    "printf 'Key-Type: eddsa\\nKey-Curve: ed25519\\nKey-Usage: cert\\n"
    "Subkey-Type: ELG-E\\nSubkey-Length: 2048\\n"
    "Name-Email: ann@example.org\\n%%no-protection\\n' | $g --compliance=gnupg "
    "--gen-key; $g "
    "--export";

static struct pgp_cert *
vetted(const struct test_gpg *g, const char *command)
{
	struct buf b = { .limit = TEST_OUTPUT_MAX };
	char warning[ERR_TEXT_SIZE];
	struct pgp_cert *c = NULL;
	struct err err;

	test_gpg_run(g, command, &b);
	if (pgp_vet(b.data, b.len, "ann@example.org", time(NULL), &c, warning,
		&err) < 0)
		fail_msg("%s", err.text);
	buf_reset(&b);
	return c;
}

static int
start(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err;

	*state = f;
	test_gpg_start(&f->gpg);
	assert_int_equal(crypt_open(&f->crypt, &err), 0);
	f->cert = vetted(&f->gpg, make_key);
	assert_int_equal(f->cert->subkeys[0].algorithm, PGP_ELGAMAL);
	/* homes of their own, so that nothing else is counted in them */
	test_gpg_run(&f->gpg, "mkdir -m 700 tmp", NULL);
	return 0;
}

static int
stop(void **state)
{
	struct fixture *f = *state;

	pgp_cert_free(&f->cert);
	crypt_close(&f->crypt);
	test_gpg_stop(&f->gpg);
	free(f);
	return 0;
}

/* Octets that do not repeat soon. */
static void
fill(uint8_t *data, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
}

static int
encrypt_in(void *session, const uint8_t *data, size_t n, size_t piece,
    struct buf *out, struct err *err)
{
	const struct pgp_backend *b = &pgp_backend_gpgme;
	void *e = NULL;
	int rc = b->encryption_new(session, sink_to_buf(out), &e, err);

	for (size_t at = 0; rc == 0 && at < n; at += piece)
		rc =
		    b->feed(e, data + at, n - at < piece ? n - at : piece, err);
	if (rc == 0)
		rc = b->finish(e, err);
	b->encryption_free(&e);
	assert_null(e);
	return rc;
}

static int
encrypt(const struct fixture *f, const uint8_t *data, size_t n, size_t piece,
    struct buf *out, struct err *err)
{
	const struct pgp_backend *b = &pgp_backend_gpgme;
	void *session = NULL;
	int rc = b->session_new(
	    f->crypt, f->cert, &f->cert->subkeys[0], &session, err);

	if (rc == 0)
		rc = encrypt_in(session, data, n, piece, out, err);
	b->session_free(&session);
	return rc;
}

static void
write_to(const struct test_gpg *g, const char *name, const struct buf *b)
{
	char path[100];

	(void)snprintf(path, sizeof path, "%s/%s", g->home, name);

	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
	assert_int_equal(fclose(f), 0);
}

static int
note_tag(void *ctx, unsigned tag, struct err *err)
{
	char *tags = ctx;

	(void)err;
	(void)snprintf(tags + strlen(tags), 16, "%u ", tag);
	return 0;
}

static int
ignore_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	(void)ctx;
	(void)data;
	(void)n;
	(void)err;
	return 0;
}

static int
ignore_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static void
check_packets(const struct buf *b)
{
	char tags[100] = "";
	struct packet_events events = { .begin = note_tag,
		.body = ignore_body,
		.end = ignore_end,
		.ctx = tags };
	struct packet_reader *r = NULL;
	struct err err;

	assert_int_equal(packet_reader_new(events, &r, &err), 0);
	assert_int_equal(packet_reader_feed(r, b->data, b->len, &err), 0);
	assert_int_equal(packet_reader_finish(r, &err), 0);
	packet_reader_free(&r);
	assert_string_equal(tags, "1 18 ");
}

static void
test_round_trip(void **state)
{
	static const struct {
		size_t size;
		size_t piece;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 16, 1 }, { 511, 7 }, { 512, 512 },
		{ 513, 100 }, { 8191, 8191 }, { 8192, 1 }, { 8193, 8192 },
		{ 100000, 4096 }, { BIG, PIECE }, { BIG, BIG } };
	const struct fixture *f = *state;
	uint8_t *data = malloc(BIG);

	assert_non_null(data);
	fill(data, BIG);
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf sealed = { .limit = 2 * BIG };
		struct buf plain = { .limit = 2 * BIG };
		struct err err;

		if (encrypt(f, data, cases[i].size, cases[i].piece, &sealed,
			&err) < 0)
			fail_msg("%zu: %s", cases[i].size, err.text);
		check_packets(&sealed);
		write_to(&f->gpg, "sealed", &sealed);
		test_gpg_run(&f->gpg, "$g --decrypt sealed", &plain);
		assert_int_equal(plain.len, cases[i].size);
		assert_memory_equal(plain.data, data, plain.len);
		buf_reset(&sealed);
		buf_reset(&plain);
	}
	free(data);
}

/* The head of a sealed message runs beside its body. */
static void
test_two_at_once(void **state)
{
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	struct buf out[2] = { { .limit = BIG }, { .limit = BIG } };
	static const char *const texts[] = { "head", "body" };
	void *session = NULL;
	void *e[2] = { NULL, NULL };
	struct err err;

	assert_int_equal(b->session_new(f->crypt, f->cert, &f->cert->subkeys[0],
			     &session, &err),
	    0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(b->encryption_new(session,
				     sink_to_buf(&out[i]), &e[i], &err),
		    0);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(b->feed(e[i % 2], texts[i % 2], 4, &err), 0);
	for (size_t i = 0; i < 2; i++) {
		struct buf plain = { .limit = BIG };

		assert_int_equal(b->finish(e[i], &err), 0);
		b->encryption_free(&e[i]);
		check_packets(&out[i]);
		write_to(&f->gpg, "sealed", &out[i]);
		test_gpg_run(&f->gpg, "$g --decrypt sealed", &plain);
		assert_int_equal(plain.len, 2000);
		for (size_t at = 0; at < plain.len; at += 4)
			assert_memory_equal(plain.data + at, texts[i], 4);
		buf_reset(&plain);
		buf_reset(&out[i]);
	}
	b->session_free(&session);
}

enum { THREADS = 4, THREAD_SIZE = 300000 };

struct job {
	const struct fixture *f;
	uint8_t *data;
	struct buf sealed;
	int rc;
	struct err err;
	pthread_t thread;
};

static void *
run_job(void *arg)
{
	struct job *j = arg;

	j->rc = encrypt(j->f, j->data, THREAD_SIZE, PIECE, &j->sealed, &j->err);
	return NULL;
}

/* As the milter does it; assertions only in the first thread. */
static void
test_threads(void **state)
{
	const struct fixture *f = *state;
	struct job jobs[THREADS] = { 0 };

	for (size_t i = 0; i < THREADS; i++) {
		jobs[i].f = f;
		jobs[i].sealed.limit = BIG;
		jobs[i].data = malloc(THREAD_SIZE);
		assert_non_null(jobs[i].data);
		fill(jobs[i].data, THREAD_SIZE);
		jobs[i].data[0] = (uint8_t)i;
		assert_int_equal(
		    pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]),
		    0);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
	for (size_t i = 0; i < THREADS; i++) {
		struct buf plain = { .limit = BIG };

		if (jobs[i].rc < 0)
			fail_msg("thread %zu: %s", i, jobs[i].err.text);
		write_to(&f->gpg, "sealed", &jobs[i].sealed);
		test_gpg_run(&f->gpg, "$g --decrypt sealed", &plain);
		assert_int_equal(plain.len, THREAD_SIZE);
		assert_memory_equal(plain.data, jobs[i].data, plain.len);
		buf_reset(&plain);
		buf_reset(&jobs[i].sealed);
		free(jobs[i].data);
	}
}

/* Nothing may be taken for a message when gpg does this. */
static const char *const broken[] = {
	"exit 2",
	"kill -9 $$",
	AFTER_IMPORT "exit 2",
	AFTER_IMPORT "exit 0",
	AFTER_IMPORT "kill -9 $$",
	/* the message is cut off; nobody says so */
	AFTER_IMPORT "$gpg \"$@\" | head -c 20000",
	AFTER_IMPORT "$gpg \"$@\" | head -c 20",
	/* it takes only a part of the text, which comes as "-&FD" */
	(AFTER_IMPORT "last=${!#}; head -c 5000 /proc/self/fd/${last#-&} | "
		      "$gpg \"${@:1:$#-1}\" -"),
	/* something behind the message */
	AFTER_IMPORT "$gpg \"$@\"; echo more",
	AFTER_IMPORT "exec $gpg --armor \"$@\"",
};

static void
test_broken_gpg(void **state)
{
	/* more than a pipe holds, and less */
	static const size_t sizes[] = { BIG, 50000 };
	const struct fixture *f = *state;
	uint8_t *data = malloc(BIG);

	assert_non_null(data);
	fill(data, BIG);
	for (size_t i = 0; i < 2 * countof(broken); i++) {
		const char *script = broken[i / 2];
		struct buf sealed = { .limit = 2 * BIG };
		struct err err = { 0 };

		test_gpg_replace(&f->gpg, script);
		if (encrypt(f, data, sizes[i % 2], PIECE, &sealed, &err) == 0)
			fail_msg("%s: taken for whole", script);
		if (err.kind != ERR_TEMP)
			fail_msg("%s: kind %d, %s", script, err.kind, err.text);
		buf_reset(&sealed);
	}
	test_gpg_replace(&f->gpg, NULL);
	free(data);
}

/* gpg is killed after a part of the text was taken. */
static void
test_killed(void **state)
{
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	struct buf sealed = { .limit = 2 * BIG };
	uint8_t *data = malloc(BIG);
	void *session = NULL;
	void *e = NULL;
	char folder[100];
	struct err err = { 0 };

	assert_non_null(data);
	fill(data, BIG);
	(void)snprintf(folder, sizeof folder, "%s/tmp", f->gpg.home);
	assert_int_equal(setenv("TMPDIR", folder, 1), 0);
	assert_int_equal(b->session_new(f->crypt, f->cert, &f->cert->subkeys[0],
			     &session, &err),
	    0);
	assert_int_equal(
	    b->encryption_new(session, sink_to_buf(&sealed), &e, &err), 0);
	assert_int_equal(b->feed(e, data, BIG / 2, &err), 0);

	pid_t pid = test_process_with(folder);

	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);

	int rc = b->feed(e, data + BIG / 2, BIG / 2, &err);

	if (rc == 0)
		rc = b->finish(e, &err);
	assert_int_equal(rc, -1);
	assert_int_equal(err.kind, ERR_TEMP);
	b->encryption_free(&e);
	b->session_free(&session);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
	assert_int_equal(mkdir(folder, 0700), 0);
	buf_reset(&sealed);
	free(data);
}

/* Given up at any point, it leaves neither a process nor a folder. */
static void
test_given_up(void **state)
{
	static const size_t fed[] = { 0, 1, PIECE, BIG };
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	uint8_t *data = malloc(BIG);
	char folder[100];
	struct err err = { 0 };

	assert_non_null(data);
	fill(data, BIG);
	(void)snprintf(folder, sizeof folder, "%s/tmp", f->gpg.home);
	assert_int_equal(setenv("TMPDIR", folder, 1), 0);
	for (size_t i = 0; i < countof(fed); i++) {
		struct buf sealed = { .limit = 2 * BIG };
		void *session = NULL;
		void *e = NULL;

		assert_int_equal(b->session_new(f->crypt, f->cert,
				     &f->cert->subkeys[0], &session, &err),
		    0);
		assert_int_equal(
		    b->encryption_new(session, sink_to_buf(&sealed), &e, &err),
		    0);
		assert_int_equal(b->feed(e, data, fed[i], &err), 0);
		b->encryption_free(&e);
		b->session_free(&session);
		assert_int_equal(test_process_with(folder), 0);
		assert_int_equal(rmdir(folder), 0);
		assert_int_equal(mkdir(folder, 0700), 0);
		buf_reset(&sealed);
	}
	assert_int_equal(unsetenv("TMPDIR"), 0);
	free(data);
}

static int
refuse_all(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	(void)ctx;
	(void)data;
	(void)n;
	return err_set(err, ERR_TEMP, "disk full");
}

static void
test_sink_fails(void **state)
{
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	uint8_t *data = malloc(BIG);
	void *session = NULL;
	void *e = NULL;
	struct err err = { 0 };

	assert_non_null(data);
	fill(data, BIG);
	assert_int_equal(b->session_new(f->crypt, f->cert, &f->cert->subkeys[0],
			     &session, &err),
	    0);
	assert_int_equal(b->encryption_new(session,
			     (struct sink){ .put = refuse_all }, &e, &err),
	    0);
	assert_int_equal(b->feed(e, data, BIG, &err), -1);
	assert_string_equal(err.text, "disk full");
	b->encryption_free(&e);
	b->session_free(&session);
	free(data);
}

/* The caller judges the clock; gpg does it once more. */
static void
test_expired(void **state)
{
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	struct test_gpg g;
	struct buf data = { .limit = TEST_OUTPUT_MAX };
	struct buf sealed = { .limit = BIG };
	struct pgp_cert *c = NULL;
	void *session = NULL;
	struct err err = { 0 };

	test_gpg_start(&g);
	test_gpg_run(&g,
	    "$g --faked-system-time 20200101T000000 --quick-gen-key "
	    "ann@example.org future-default default 1y; $g --export",
	    &data);
	assert_int_equal(
	    pgp_vet_again(data.data, data.len, time(NULL), &c, &err), 0);
	assert_int_equal(
	    b->session_new(f->crypt, c, &c->subkeys[0], &session, &err), 0);
	assert_int_equal(
	    encrypt_in(session, (const uint8_t *)"x", 1, 1, &sealed, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	b->session_free(&session);
	pgp_cert_free(&c);
	buf_reset(&data);
	buf_reset(&sealed);
	test_gpg_stop(&g);
}

/* Of two subkeys the one that is asked for, not the one that gpg prefers. */
static void
test_this_very_subkey(void **state)
{
	const struct fixture *f = *state;
	const struct pgp_backend *b = &pgp_backend_gpgme;
	struct test_gpg g;

	test_gpg_start(&g);

	struct pgp_cert *c = vetted(&g,
	    "$g --quick-gen-key ann@example.org ed25519 cert never; for a in "
	    "cv25519 nistp256; do $g --quick-add-key $($g --list-keys "
	    "--with-colons | awk -F: '/^fpr/{print $10; exit}') $a encr "
	    "never; done; $g --export");

	assert_int_equal(c->subkey_count, 2);
	for (size_t i = 0; i < 2; i++) {
		struct buf sealed = { .limit = BIG };
		uint8_t id[8];
		void *session = NULL;
		struct err err;

		assert_true(b->handles(&c->subkeys[i]));
		assert_int_equal(
		    b->session_new(f->crypt, c, &c->subkeys[i], &session, &err),
		    0);
		assert_int_equal(encrypt_in(session, (const uint8_t *)"x", 1, 1,
				     &sealed, &err),
		    0);
		pgp_key_id(c->subkeys[i].fingerprint,
		    c->subkeys[i].fingerprint_len, id);
		assert_memory_equal(sealed.data + 3, id, sizeof id);
		b->session_free(&session);
		buf_reset(&sealed);
	}
	pgp_cert_free(&c);
	test_gpg_stop(&g);
}

/* gpg 2.4 makes such keys, as version 5; 2.2 does not know them. */
static void
test_curve448(void **state)
{
	const struct fixture *f = *state;
	struct test_gpg g;
	struct buf can = { .limit = TEST_OUTPUT_MAX };
	struct buf sealed = { .limit = BIG };
	struct buf plain = { .limit = BIG };
	struct err err;

	test_gpg_start(&g);
	test_gpg_run(&g,
	    "g=\"$g --compliance=gnupg\"; $g --quick-gen-key ann@example.org "
	    "ed25519 cert never; $g --quick-add-key $($g --list-keys "
	    "--with-colons | awk -F: '/^fpr/{print $10; exit}') cv448 encr "
	    "never && printf yes || printf no",
	    &can);
	if (can.len != 3) {
		buf_reset(&can);
		test_gpg_stop(&g);
		skip();
	}

	struct pgp_cert *c = vetted(&g, "$g --export");
	struct fixture here = { .crypt = f->crypt, .cert = c };

	assert_int_equal(c->subkeys[0].version, 5);
	assert_false(pgp_backend_native.handles(&c->subkeys[0]));
	if (encrypt(&here, (const uint8_t *)"Hello", 5, 1, &sealed, &err) < 0)
		fail_msg("%s", err.text);
	check_packets(&sealed);
	write_to(&g, "sealed", &sealed);
	test_gpg_run(&g, "$g --decrypt sealed", &plain);
	assert_int_equal(plain.len, 5);
	assert_memory_equal(plain.data, "Hello", 5);
	pgp_cert_free(&c);
	buf_reset(&can);
	buf_reset(&sealed);
	buf_reset(&plain);
	test_gpg_stop(&g);
}

/* A stored certificate that is damaged is no reason to try again. */
static void
test_damaged_store(void **state)
{
	const struct fixture *f = *state;
	struct pgp_cert damaged = *f->cert;
	struct pgp_subkey short_one = f->cert->subkeys[0];
	void *session = NULL;
	struct err err = { 0 };

	damaged.data_len = 40;
	assert_int_equal(pgp_backend_gpgme.session_new(f->crypt, &damaged,
			     &f->cert->subkeys[0], &session, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_null(session);
	short_one.fingerprint_len = 19;
	assert_int_equal(pgp_backend_gpgme.session_new(
			     f->crypt, f->cert, &short_one, &session, &err),
	    -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_null(session);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_broken_gpg),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_this_very_subkey),
		cmocka_unit_test(test_curve448),
		cmocka_unit_test(test_damaged_store),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
