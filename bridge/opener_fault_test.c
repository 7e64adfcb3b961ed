/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The n-th allocation fails, for every n: a message that could be opened is
 * never taken for one that cannot, and nothing half done comes out. Nor does
 * anything come out of the sealer, nor a key that is half unlocked.
 */
#include "opener.h"

#include <time.h>

#include "base/fault_testing.h"
#include "openpgp/gpg_testing.h"
#include "sealer.h"
#include "user_private.h"

enum { MESSAGE_MAX = 1 << 20 };

static char address[] = "ann@example.org";
static char nothing[] = "";

static const char text[] =
    "From: a@example.org\r\nSubject: encrypt:swordfish:s\r\n"
    "Content-Type: text/plain\r\n\r\nthe canary of the body\r\n";

struct person {
	char path[64];
	struct account account;
	struct user *user;
	struct buf stored;
};

static const char *const algorithms[] = { "cv25519", "rsa2048", "nistp256" };

struct fixture {
	struct crypt *crypt;
	struct users *users;
	struct test_gpg gpg;
	struct person people[countof(algorithms)];
};

static int
no_vault(void *ctx, struct buf *armored, struct err *err)
{
	(void)ctx;
	(void)armored;
	(void)err;
	return 0;
}

static int
enter(struct fixture *f, struct person *p, struct user **out, struct err *err)
{
	cleanup(credentials_free) struct credentials *c = NULL;

	if (credentials_derive(f->crypt, &p->account, "", 0, &c, err) < 0)
		return -1;
	return users_enter(
	    f->users, &p->account, c, no_vault, NULL, out, err);
}

static int
seal_text(struct user *u, const void *data, size_t n, struct buf *out,
    struct err *err)
{
	cleanup(sealer_free) struct sealer *s = NULL;
	struct spool *stored = NULL;
	const struct sink to = sink_to_buf(out);

	if (sealer_new(u, &s, err) < 0 ||
	    sealer_feed(s, data, n, err) < 0 ||
	    sealer_finish(s, &stored, err) < 0)
		return -1;
	return spool_replay(stored, 65536, &to, err);
}

static int
seal(struct user *u, struct buf *out, struct err *err)
{
	return seal_text(u, text, sizeof text - 1, out, err);
}

static void
make_person(struct fixture *f, size_t i)
{
	struct person *p = &f->people[i];
	char line[1200];
	struct err err = { 0 };

	(void)snprintf(
	    p->path, sizeof p->path, "%s/%s", f->gpg.home, algorithms[i]);
	(void)snprintf(line, sizeof line,
	    "$g --quick-gen-key '%s <%s>' ed25519 cert,sign never\n"
	    "fpr=$($g --list-keys --with-colons =\"%s <%s>\" | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "$g --quick-add-key $fpr %s encr never\n"
	    "umask 077; $g --export-secret-keys $fpr > %s",
	    algorithms[i], address, algorithms[i], address, algorithms[i],
	    p->path);
	test_gpg_run(&f->gpg, line, NULL);
	p->account = (struct account){ .address = address,
		.user = address,
		.key = KEY_FILE,
		.key_file = p->path,
		.gnupg_home = nothing,
		.decrypt_foreign = true };
	if (enter(f, p, &p->user, &err) < 0)
		fail_msg("%s", err.text);
	p->stored.limit = MESSAGE_MAX;
	if (seal(p->user, &p->stored, &err) < 0)
		fail_msg("%s", err.text);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (f == NULL)
		return -1;
	*state = f;
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	assert_int_equal(users_new(f->crypt, &f->users, NULL), 0);
	test_gpg_start(&f->gpg);
	/* what is not removed for want of memory is removed with it */
	assert_return_code(setenv("TMPDIR", f->gpg.home, 1), errno);
	for (size_t i = 0; i < countof(algorithms); i++)
		make_person(f, i);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(algorithms); i++) {
		user_leave(&f->people[i].user);
		buf_reset(&f->people[i].stored);
	}
	users_free(&f->users);
	test_gpg_stop(&f->gpg);
	crypt_close(&f->crypt);
	free(f);
	return 0;
}

/* False when the n-th allocation was not reached. */
static bool
open_once(struct person *p, unsigned long n)
{
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	struct err err = { 0 };

	fault_at(n);

	int rc = opener_open(p->user, p->stored.data, p->stored.len, &kind,
	    &out, &err);
	bool reached = fault_off();

	if (rc == 0) {
		if (kind != OPENED_SEALED)
			fail_msg("allocation %lu: kind %d", n, kind);
		assert_int_equal(out.len, sizeof text - 1);
		assert_memory_equal(out.data, text, out.len);
	} else {
		assert_int_equal(err.kind, ERR_TEMP);
		assert_int_equal(out.len, 0);
	}
	return reached;
}

static bool
open_header_once(struct person *p, unsigned long n)
{
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	uint64_t octets = 0;
	struct err err = { 0 };

	fault_at(n);

	int rc = opener_open_header(p->user, p->stored.data, p->stored.len,
	    &kind, &out, &octets, &err);
	bool reached = fault_off();

	if (rc == 1) {
		assert_int_equal(kind, OPENED_SEALED);
		assert_int_equal(octets, sizeof text - 1);
	} else {
		if (rc != -1)
			fail_msg("%s, allocation %lu: the body is asked for",
			    p->path, n);
		assert_int_equal(err.kind, ERR_TEMP);
		assert_int_equal(out.len, 0);
	}
	return reached;
}

static void
test_opener(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(algorithms); i++) {
		unsigned long n = 1;

		while (open_once(&f->people[i], n))
			n++;
		if (FAULT_TESTING)
			assert_true(n > 10);
		for (n = 1; open_header_once(&f->people[i], n); n++)
			;
	}
}

/* As it comes from a server, and so much that it is in a file. */
static bool
take_once(struct person *p, const struct buf *stored, const struct buf *large,
    unsigned long n)
{
	enum { STEP = 16000 };
	cleanup(opener_intake_free) struct opener_intake *in = NULL;
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	struct err err = { 0 };

	fault_at(n);

	int rc = opener_intake_new(p->user, stored->len, &in, &err);

	if (rc == 0) {
		const struct sink to = opener_intake_sink(in);

		for (size_t at = 0; at < stored->len; at += STEP)
			assert_int_equal(
			    sink_put(&to, stored->data + at,
				stored->len - at < STEP ? stored->len - at
							: STEP,
				NULL),
			    0);
		rc = opener_intake_open(in, &kind, &out, &err);
	}

	bool reached = fault_off();

	if (rc == 0) {
		if (kind != OPENED_SEALED)
			fail_msg("allocation %lu: kind %d", n, kind);
		assert_int_equal(out.len, large->len);
		assert_memory_equal(out.data, large->data, out.len);
	} else {
		assert_int_equal(err.kind, ERR_TEMP);
		assert_int_equal(out.len, 0);
	}
	return reached;
}

static void
test_large(void **state)
{
	struct fixture *f = *state;
	struct person *p = &f->people[0];
	cleanup(buf_reset) struct buf large = { .limit = 4 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = 4 * MESSAGE_MAX };
	unsigned long n = 1;

	assert_int_equal(buf_put(&large, text, sizeof text - 1, NULL), 0);
	for (unsigned i = 0; i < 40000; i++)
		assert_int_equal(
		    buf_putf(&large, NULL, "line %u of a large one\r\n", i),
		    0);
	assert_int_equal(
	    seal_text(p->user, large.data, large.len, &stored, NULL), 0);
	while (take_once(p, &stored, &large, n))
		n++;
	if (FAULT_TESTING)
		assert_true(n > 10);
}

static bool
seal_once(struct person *p, unsigned long n)
{
	cleanup(buf_reset) struct buf out = { .limit = MESSAGE_MAX };
	struct err err = { 0 };

	fault_at(n);

	int rc = seal(p->user, &out, &err);
	bool reached = fault_off();

	assert_null(out.len == 0
			? NULL
			: memmem(out.data, out.len, "canary", 6));
	assert_null(out.len == 0
			? NULL
			: memmem(out.data, out.len, "swordfish", 9));
	if (rc == 0)
		assert_true(out.len > sizeof text);
	return reached;
}

static void
test_sealer(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(algorithms); i++)
		for (unsigned long n = 1; seal_once(&f->people[i], n); n++)
			;
}

static bool
enter_once(struct fixture *f, struct person *p, unsigned long n)
{
	struct user *u = NULL;
	struct err err = { 0 };

	fault_at(n);

	int rc = enter(f, p, &u, &err);
	bool reached = fault_off();

	if (rc < 0)
		assert_null(u);
	user_leave(&u);
	return reached;
}

static void
test_enter(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(algorithms); i++) {
		/* nobody else is in: the key is unlocked each time */
		user_leave(&f->people[i].user);
		for (unsigned long n = 1; enter_once(f, &f->people[i], n); n++)
			;
		assert_int_equal(enter(f, &f->people[i],
				     &f->people[i].user, NULL),
		    0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opener),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_sealer),
		cmocka_unit_test(test_enter),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
