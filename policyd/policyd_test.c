/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The decision, the memory of instances, and the ledger on a real database. */

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/fault_testing.h"
#include "policyd/count.h"
#include "policyd/ledger.h"
#include "policyd/seen.h"

enum { HOUR = 3600 };

/* ---- the decision ---- */

static void
test_count(void **state)
{
	static const struct {
		const char *name;
		struct policy_request request;
		bool counted;
		const char *address;
	} cases[] = {
		{ "a message", { true, "ann@example.org", "i", 2, 3 }, true,
		    "ann@example.org" },
		{ "another spelling", { true, "<Ann@Example.ORG>", "i", 2, 3 },
		    true, "ann@example.org" },
		{ "no login", { true, "", "i", 2, 3 }, true, "" },
		{ "no address", { true, "ann", "i", 2, 3 }, true, "" },
		{ "blanks", { true, "a b@example.org", "i", 2, 3 }, true, "" },
		{ "another state", { false, "ann@example.org", "i", 2, 3 },
		    false, "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct count c;

		if (count_request(&cases[i].request, &c) != cases[i].counted)
			fail_msg("%s", cases[i].name);
		if (!cases[i].counted)
			continue;
		assert_string_equal(c.address, cases[i].address);
		assert_int_equal(c.delta.sent, 1);
		assert_int_equal(c.delta.recipients, 2);
		assert_int_equal(c.delta.octets, 3);
		assert_int_equal(c.delta.received, 0);
	}
}

/* ---- instances ---- */

static void
test_seen(void **state)
{
	struct seen *s = NULL;
	struct err err = { 0 };
	char instance[40];

	(void)state;
	assert_int_equal(seen_new(&s, &err), 0);
	assert_true(seen_add(s, "a"));
	assert_true(seen_add(s, "b"));
	assert_false(seen_add(s, "a"));
	assert_false(seen_add(s, "b"));
	assert_true(seen_add(s, ""));
	assert_true(seen_add(s, ""));
	/* the thousand before are remembered; in the end `a` is forgotten */
	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(instance, sizeof instance, "%x.65f1c05", i);
		assert_true(seen_add(s, instance));
		(void)snprintf(instance, sizeof instance, "%x.65f1c05",
		    i < 1000 ? 0 : i - 1000);
		assert_false(seen_add(s, instance));
	}
	assert_true(seen_add(s, "a"));
	seen_free(&s);
	assert_null(s);
}

/* ---- the ledger ---- */

struct fixture {
	char folder[40], path[60], away[60];
	struct ledger *ledger;
	struct err err;
};

static int
set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .folder = "/tmp/sealpost-ledger-XXXXXX" };
	assert_non_null(mkdtemp(f.folder));
	(void)snprintf(f.path, sizeof f.path, "%s/stats.db", f.folder);
	(void)snprintf(f.away, sizeof f.away, "%s/away.db", f.folder);
	assert_int_equal(stats_create(f.path, &f.err), 0);
	assert_int_equal(ledger_new(f.path, 3, &f.ledger, &f.err), 0);
	*state = &f;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char name[80];

	ledger_free(&f->ledger);
	for (size_t i = 0; i < countof(ends); i++) {
		(void)snprintf(name, sizeof name, "%s%s", f->path, ends[i]);
		(void)unlink(name);
		(void)snprintf(name, sizeof name, "%s%s", f->away, ends[i]);
		(void)unlink(name);
	}
	return rmdir(f->folder);
}

static void
add(struct fixture *f, const char *address, int64_t now)
{
	const struct stats_counters one = { 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0 };

	ledger_add(f->ledger, address, now, &one);
}

static uint64_t
written(struct fixture *f, const char *path, const char *address)
{
	struct stats *s = NULL;
	struct stats_counters c = { 0 };

	assert_int_equal(stats_open(path, STORE_READ, &s, &f->err), 0);
	assert_int_equal(stats_sum(s, address, 0, &c, &f->err), 0);
	stats_close(&s);
	assert_int_equal(c.recipients, 2 * c.sent);
	assert_int_equal(c.octets, 3 * c.sent);
	return c.sent;
}

/* One entry an account and hour; beyond the bound it is lost. */
static void
test_bound(void **state)
{
	struct fixture *f = *state;

	assert_true(ledger_write(f->ledger, 1));
	for (int i = 0; i < 10; i++) {
		add(f, "a", HOUR);
		add(f, "a", 2 * HOUR - 1);
		add(f, "", HOUR);
	}
	assert_int_equal(ledger_unwritten(f->ledger), 2);
	add(f, "a", 2 * HOUR);
	add(f, "b", HOUR);
	add(f, "b", HOUR);
	add(f, "a", HOUR); /* has its entry */
	assert_int_equal(ledger_unwritten(f->ledger), 3);
	assert_int_equal(ledger_lost(f->ledger), 2);
	assert_true(ledger_write(f->ledger, 1));
	assert_int_equal(ledger_unwritten(f->ledger), 0);
	assert_int_equal(written(f, f->path, "a"), 22);
	assert_int_equal(written(f, f->path, ""), 10);
	add(f, "b", HOUR);
	assert_true(ledger_write(f->ledger, 1));
	assert_int_equal(written(f, f->path, "b"), 1);
	assert_int_equal(ledger_lost(f->ledger), 2);
}

/* The next try is not before its time. */
static void
test_retry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rename(f->path, f->away), 0);
	add(f, "a", HOUR);
	assert_false(ledger_write(f->ledger, 5000));
	assert_int_equal(rename(f->away, f->path), 0);
	add(f, "a", HOUR);
	assert_false(ledger_write(f->ledger, 5000 + LEDGER_RETRY_MS - 1));
	assert_int_equal(ledger_unwritten(f->ledger), 1);
	assert_true(ledger_write(f->ledger, 5000 + LEDGER_RETRY_MS));
	assert_int_equal(written(f, f->path, "a"), 2);
}

static void
test_another_path(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(stats_create(f->away, &f->err), 0);
	add(f, "a", HOUR);
	assert_true(ledger_write(f->ledger, 1));
	add(f, "a", HOUR);
	ledger_set_path(f->ledger, f->away);
	assert_true(ledger_write(f->ledger, 1));
	assert_int_equal(written(f, f->path, "a"), 1);
	assert_int_equal(written(f, f->away, "a"), 1);
}

static void
test_expiry(void **state)
{
	struct fixture *f = *state;

	add(f, "a", HOUR);
	add(f, "a", 3 * HOUR);
	assert_true(ledger_write(f->ledger, 1));
	assert_true(ledger_expire(f->ledger, 3 * HOUR));
	assert_false(ledger_expire(f->ledger, 3 * HOUR));
	assert_int_equal(written(f, f->path, NULL), 1);
}

/* Each allocation fails once: nothing is counted twice, what is lost is known.
 */
static void
test_no_memory(void **state)
{
	struct fixture *f = *state;
	uint64_t asked = 0;
	unsigned long n = 0;
	bool reached = FAULT_TESTING;

	while (reached) {
		fault_at(++n);
		add(f, "a", HOUR);
		add(f, "", HOUR);
		(void)ledger_write(f->ledger, (int64_t)n * 10000);
		reached = fault_off();
		asked += 2;
	}
	assert_true(ledger_write(f->ledger, INT64_MAX / 2));
	assert_true(n > 3 || !FAULT_TESTING);
	assert_int_equal(
	    written(f, f->path, NULL) + ledger_lost(f->ledger), asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_seen),
		TEST(test_bound),
		TEST(test_retry),
		TEST(test_another_path),
		TEST(test_expiry),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
