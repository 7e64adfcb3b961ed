/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Whatever fails, and whenever: the n-th allocation, file, database or crypto
 * call, and the n-th edit, for every n. The message is either sealed, whole and
 * readable for its owner, or deferred; it is never delivered otherwise.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_milter.h"
#include "fault.h"
#include "kit.h"
#include "milter/settings.h"
#include "site.h"

#define SMALL                                                             \
	"Subject: encrypt:canary-password:hi\r\n"                         \
	"Content-Type: multipart/encrypted;\r\n"                          \
	" protocol=\"application/pgp-encrypted\"; boundary=b\r\n"         \
	"From: a@example.com\r\n"                                         \
	"\r\n"                                                            \
	"canary-body\r\n"

static const char *const ann[] = { "<ann@example.org>", NULL };
static const char *const bob[] = { "<bob@example.org>", NULL };

static void
check_delivered(const struct buf *stored, const struct buf *m, const char *name)
{
	cleanup(buf_reset) struct buf back = { .limit = SIZE_MAX / 2 };

	if (memmem(stored->data, stored->len, "canary", 6) != NULL)
		fail_msg("plaintext was delivered when %s failed", name);
	kit_unseal(stored->data, stored->len, &back);
	assert_int_equal(back.len, m->len);
	assert_memory_equal(back.data, m->data, m->len);
}

/* One sending with the n-th call failing; false when n is past the last. */
static bool
send_with_fault(const char *const *to, const struct buf *m, unsigned long n)
{
	cleanup(buf_reset) struct buf stored = { .limit = SIZE_MAX / 2 };
	const char *name;

	fault_at(n);
	sfsistat status = fake_send(to, m->data, m->len, 65535, &stored);
	bool reached = fault_off(&name);

	if (status == SMFIS_CONTINUE)
		check_delivered(&stored, m, reached ? name : "nothing");
	else if (status != SMFIS_TEMPFAIL)
		fail_msg("status %d when %s failed", (int)status, name);
	else if (!reached)
		fail_msg("deferred though nothing failed");
	return reached;
}

static void
fail_every_call(const char *const *to, const struct buf *m)
{
	unsigned long n = 1;

	while (send_with_fault(to, m, n))
		n++;
	print_message("%lu calls\n", n - 1);
	assert_true(n > 50); /* or the faults are not wired */
}

static void
small_message(struct buf *m)
{
	struct err err = { 0 };

	assert_int_equal(buf_puts(m, SMALL, &err), 0);
}

/* Large enough for the spool file and several reads of it. */
static void
large_message(struct buf *m)
{
	struct err err = { 0 };

	assert_int_equal(buf_puts(m, "From: a\r\n\r\n", &err), 0);
	for (int i = 0; i < 130000; i++)
		assert_int_equal(buf_puts(m, "canary-body ", &err), 0);
}

static void
any_call_fails_small(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };

	(void)state;
	small_message(&m);
	fail_every_call(ann, &m);
	fail_every_call(bob, &m);
}

static void
any_call_fails_large(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };

	(void)state;
	large_message(&m);
	fail_every_call(ann, &m);
	fail_every_call(bob, &m);
}

/* What is sealed already passes, or is deferred: also when the proof fails. */
static void
any_call_fails_already_sealed(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf once = { .limit = SIZE_MAX / 2 };
	bool reached = true;

	(void)state;
	small_message(&m);
	m.len = 0;
	struct err err = { 0 };
	assert_int_equal(buf_puts(&m, "From: a\r\n\r\ncanary-body\r\n", &err),
	    0);
	assert_int_equal(fake_send(ann, m.data, m.len, 65535, &once),
	    SMFIS_CONTINUE);
	for (unsigned long n = 1; reached; n++) {
		cleanup(buf_reset) struct buf stored = { .limit = SIZE_MAX / 2 };
		const char *name;

		fault_at(n);
		sfsistat status = fake_send(ann, once.data, once.len, 65535,
		    &stored);
		reached = fault_off(&name);
		assert_true(status == SMFIS_CONTINUE ||
		    status == SMFIS_TEMPFAIL);
		if (stored.len > 0)
			assert_null(memmem(stored.data, stored.len, "canary",
			    6));
	}
}

static void
any_edit_fails(void **state)
{
	cleanup(buf_reset) struct buf m = { .limit = SIZE_MAX / 2 };
	unsigned edits;

	(void)state;
	large_message(&m);
	for (unsigned n = 1;; n++) {
		cleanup(buf_reset) struct buf stored = { .limit = SIZE_MAX / 2 };

		fake_fail_edit(n);
		sfsistat status = fake_send(ann, m.data, m.len, 65535,
		    &stored);
		edits = fake_edits();
		fake_fail_edit(0);
		if (edits < n) {
			assert_int_equal(status, SMFIS_CONTINUE);
			check_delivered(&stored, &m, "no edit");
			break;
		}
		assert_int_equal(status, SMFIS_TEMPFAIL);
	}
	assert_true(edits > 5);
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
		cmocka_unit_test(any_call_fails_small),
		cmocka_unit_test(any_call_fails_large),
		cmocka_unit_test(any_call_fails_already_sealed),
		cmocka_unit_test(any_edit_fails),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
