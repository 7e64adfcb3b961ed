/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/testing_calls.h"

#include <signal.h>

enum {
	HOUR = 3600,
	WRITERS = 4,
	EVENTS = 500,
	SOME_GID = 54320,
	UID_A = 54321,
	UID_B = 54322
};

struct fixture {
	struct folder folder;
	struct stats *s;
	struct err err;
};

static struct fixture fixture;

static int
set_up(void **state)
{
	fixture = (struct fixture){ 0 };
	*state = &fixture;
	folder_make(&fixture.folder);
	must(stats_create(fixture.folder.db, &fixture.err), &fixture.err);
	must(stats_open(
		 fixture.folder.db, STORE_WRITE, &fixture.s, &fixture.err),
	    &fixture.err);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	stats_close(&f->s);
	folder_remove(&f->folder);
	return 0;
}

static struct stats_counters
sum_of(struct fixture *f, const char *address, int64_t since)
{
	struct stats_counters c = { 0 };

	must(stats_sum(f->s, address, since, &c, &f->err), &f->err);
	return c;
}

static void
add_received(struct fixture *f, const char *address, int64_t now, uint64_t n)
{
	struct stats_counters c = { .received = n };

	must(stats_add(f->s, address, now, &c, &f->err), &f->err);
}

/* Each counter has its own place. */
static void
every_counter(void **state)
{
	static const struct stats_counters delta = { 1, 2, 3, 4, 5, 6, 7, 8, 9,
		10, 11 };
	static const struct stats_counters twice = { 2, 4, 6, 8, 10, 12, 14, 16,
		18, 20, 22 };
	struct fixture *f = *state;
	struct stats_counters c;

	c = sum_of(f, testing_ann, 0);
	assert_memory_equal(&c, &(struct stats_counters){ 0 }, sizeof c);
	must(stats_add(f->s, testing_ann, 100, &delta, &f->err), &f->err);
	c = sum_of(f, testing_ann, 0);
	assert_memory_equal(&c, &delta, sizeof c);
	must(stats_add(f->s, testing_ann, 200, &delta, &f->err), &f->err);
	c = sum_of(f, testing_ann, 0);
	assert_memory_equal(&c, &twice, sizeof c);
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM counters"), 1);
	assert_int_equal(sum_of(f, "bob@example.org", 0).sent, 0);
	must(stats_add(f->s, "", 200, &delta, &f->err), &f->err);
	assert_int_equal(sum_of(f, "", 0).sent, 3);
	assert_int_equal(sum_of(f, NULL, 0).sent, 9);
}

static void
hours(void **state)
{
	struct fixture *f = *state;

	add_received(f, testing_ann, 0, 1);
	add_received(f, testing_ann, HOUR - 1, 10);
	add_received(f, testing_ann, HOUR, 100);
	add_received(f, testing_ann, 5 * HOUR, 1000);
	add_received(f, testing_ann, -1, 10000); /* a clock may be wrong */
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM counters"), 4);
	assert_int_equal(sum_of(f, testing_ann, -HOUR).received, 11111);
	assert_int_equal(sum_of(f, testing_ann, 0).received, 1111);
	assert_int_equal(sum_of(f, testing_ann, HOUR - 1).received, 1111);
	assert_int_equal(sum_of(f, testing_ann, HOUR).received, 1100);
	assert_int_equal(sum_of(f, testing_ann, 2 * HOUR).received, 1000);
	must(stats_expire(f->s, HOUR + 1, &f->err), &f->err);
	assert_int_equal(sum_of(f, testing_ann, -HOUR).received, 1100);
	must(stats_expire(f->s, 6 * HOUR, &f->err), &f->err);
	assert_int_equal(sum_of(f, testing_ann, -HOUR).received, 0);
}

static int
collect(void *ctx, const char *address, const struct stats_counters *sum,
    struct err *err)
{
	if (strcmp(address, "stop@example.org") == 0)
		return err_set(err, ERR_PROTO, "enough");
	return buf_putf(
	    ctx, err, "%s=%llu ", address, (unsigned long long)sum->received);
}

static void
lists(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf b = { .limit = 1000 };

	add_received(f, "b@example.org", 0, 1);
	add_received(f, "a@example.org", HOUR, 2);
	add_received(f, "b@example.org", HOUR, 4);
	add_received(f, "", HOUR, 8);
	must(stats_list(f->s, 0, collect, &b, &f->err), &f->err);
	assert_string_equal(
	    buf_str(&b, NULL), "=8 a@example.org=2 b@example.org=5 ");
	buf_clear(&b);
	must(stats_list(f->s, HOUR, collect, &b, &f->err), &f->err);
	assert_string_equal(
	    buf_str(&b, NULL), "=8 a@example.org=2 b@example.org=4 ");
	add_received(f, "stop@example.org", HOUR, 8);
	assert_int_equal(stats_list(f->s, 0, collect, &b, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PROTO);
}

static void
counts_too_large(void **state)
{
	struct fixture *f = *state;
	struct stats_counters c = { .octets = (uint64_t)INT64_MAX + 1 };

	assert_int_equal(stats_add(f->s, testing_ann, 0, &c, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	c.octets = INT64_MAX;
	must(stats_add(f->s, testing_ann, 0, &c, &f->err), &f->err);
	c.octets = 1; /* no wrong sum: an error */
	assert_int_equal(stats_add(f->s, testing_ann, 0, &c, &f->err), -1);
	assert_true(sum_of(f, testing_ann, 0).octets == INT64_MAX);
}

/* ---- several processes ---- */

struct job {
	const char *path;
	uid_t uid;
	int events;
	bool die; /* by SIGKILL, after the last */
};

/* What failed for a lock is tried again: it must not have been counted. */
static int
count_events(void *ctx)
{
	const struct job *job = ctx;
	struct stats *s = NULL;
	struct err err = { 0 };
	struct stats_counters c = { .sent = 1, .recipients = 2, .octets = 3 };

	if (stats_open(job->path, STORE_WRITE, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (int i = 0; i < job->events;) {
		char address[40];

		snprintf(address, sizeof address, "u%d@example.org", i % 3);
		if (stats_add(s, address, i * 10, &c, &err) == 0)
			i++;
		else if (err.kind != ERR_TEMP)
			return 2;
	}
	if (job->die)
		(void)kill(getpid(), SIGKILL);
	stats_close(&s);
	return 0;
}

static void
run_together(struct job *jobs, pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fflush(NULL);
		pids[i] = fork();
		assert_return_code(pids[i], errno);
		if (pids[i] == 0) {
			if (jobs[i].uid != 0)
				become(jobs[i].uid, SOME_GID);
			_exit(count_events(&jobs[i]));
		}
	}
}

static void
four_processes_count_exactly(void **state)
{
	struct fixture *f = *state;
	struct job jobs[WRITERS];
	pid_t pids[WRITERS];

	stats_close(&f->s);
	/* the last is killed after its last answer: that is counted too */
	for (size_t i = 0; i < WRITERS; i++)
		jobs[i] =
		    (struct job){ f->folder.db, 0, EVENTS, i == WRITERS - 1 };
	run_together(jobs, pids, WRITERS);
	for (size_t i = 0; i < WRITERS - 1; i++)
		assert_int_equal(wait_for(pids[i]), 0);
	assert_true(WIFSIGNALED(wait_for(pids[WRITERS - 1])));
	must(stats_open(f->folder.db, STORE_READ, &f->s, &f->err), &f->err);

	struct stats_counters c = sum_of(f, NULL, 0);

	assert_int_equal(c.sent, WRITERS * EVENTS);
	assert_int_equal(c.recipients, 2 * WRITERS * EVENTS);
	assert_int_equal(c.octets, 3 * WRITERS * EVENTS);
}

/* Different users of one group, none of whom may write to the folder. */
static void
users_of_a_group(void **state)
{
	struct fixture *f = *state;
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct job a = { f->folder.db, UID_A, 50, false };
	struct job b = { f->folder.db, UID_B, 50, true };
	struct job jobs[] = { a, b };
	pid_t pids[2];

	need_root();
	stats_close(&f->s);
	for (size_t i = 0; i < countof(suffixes); i++) {
		char name[TESTING_PATH + 40];

		snprintf(name, sizeof name, "%s%s", f->folder.db, suffixes[i]);
		assert_return_code(chown(name, 0, SOME_GID), errno);
	}
	/* one after the other, each the last to close */
	assert_int_equal(run_as(UID_A, SOME_GID, count_events, &a), 0);
	assert_int_equal(run_as(UID_B, SOME_GID, count_events, &b), -1);
	assert_int_equal(run_as(UID_A, SOME_GID, count_events, &a), 0);
	/* and together */
	run_together(jobs, pids, 2);
	assert_int_equal(wait_for(pids[0]), 0);
	assert_true(WIFSIGNALED(wait_for(pids[1])));
	/* who is not in the group may not */
	assert_int_equal(run_as(NOBODY, NOBODY, count_events, &a), 1);
	must(stats_open(f->folder.db, STORE_READ, &f->s, &f->err), &f->err);
	assert_int_equal(sum_of(f, NULL, 0).sent, 5 * 50);
	for (size_t i = 0; i < countof(suffixes); i++)
		assert_int_equal(mode_of(f->folder.db, suffixes[i]), 0660);
}

/* A root shell removes the log when it closes last; any open brings it back. */
static void
after_a_root_shell(void **state)
{
	struct fixture *f = *state;
	struct job a = { f->folder.db, UID_A, 50, false };
	struct stat st;
	char name[TESTING_PATH + 40];

	need_root();
	stats_close(&f->s);
	assert_return_code(chown(f->folder.db, 0, SOME_GID), errno);
	assert_int_equal(
	    ask_sql(f->folder.db, "SELECT count(*) FROM counters"), 0);
	assert_false(exists_with(f->folder.db, "-wal"));
	assert_int_equal(run_as(UID_A, SOME_GID, count_events, &a), 1);
	must(stats_open(f->folder.db, STORE_READ, &f->s, &f->err), &f->err);
	stats_close(&f->s);
	snprintf(name, sizeof name, "%s-wal", f->folder.db);
	assert_return_code(stat(name, &st), errno);
	assert_int_equal(st.st_gid, SOME_GID);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(run_as(UID_A, SOME_GID, count_events, &a), 0);
}

/* All or none. */
static void
many_at_once(void **state)
{
	struct fixture *f = *state;
	struct stats_entry a = { testing_ann, 100, { .sent = 1, .octets = 5 } };
	struct stats_entry b = { "", 100, { .sent = 2 } };
	struct stats_entry c = { testing_ann, HOUR + 1, { .sent = 4 } };
	struct stats_entry bad = { "x", 0, { .sent = UINT64_MAX } };
	struct stats_entry *const list[] = { &a, &b, &a, &c, &bad };

	must(stats_add_many(f->s, NULL, 0, &f->err), &f->err);
	must(stats_add_many(f->s, list, 4, &f->err), &f->err);
	assert_int_equal(sum_of(f, testing_ann, 0).sent, 6);
	assert_int_equal(sum_of(f, testing_ann, 0).octets, 10);
	assert_int_equal(sum_of(f, NULL, 0).sent, 8);
	assert_int_equal(sum_of(f, NULL, HOUR).sent, 4);
	assert_int_equal(stats_add_many(f->s, list, 5, &f->err), -1);
	assert_int_equal(f->err.kind, ERR_PERM);
	assert_int_equal(sum_of(f, NULL, 0).sent, 8);
	/* and goes on */
	must(stats_add_many(f->s, list, 1, &f->err), &f->err);
	assert_int_equal(sum_of(f, NULL, 0).sent, 9);
}

static void
hour_by_hour(void **state)
{
	struct fixture *f = *state;

	for (int64_t hour = 0; hour < 4; hour++) {
		add_received(f, testing_ann, hour * HOUR, 1);
		add_received(f, "", hour * HOUR + 5, 1);
	}
	/* the hour that the limit lies in stays */
	assert_int_equal(stats_expire_hour(f->s, 2 * HOUR + 9, &f->err), 1);
	assert_int_equal(sum_of(f, NULL, 0).received, 6);
	assert_int_equal(stats_expire_hour(f->s, 2 * HOUR + 9, &f->err), 1);
	assert_int_equal(sum_of(f, NULL, 0).received, 4);
	assert_int_equal(stats_expire_hour(f->s, 2 * HOUR + 9, &f->err), 0);
	assert_int_equal(sum_of(f, NULL, 0).received, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_counter),
		TEST(hours),
		TEST(lists),
		TEST(counts_too_large),
		TEST(many_at_once),
		TEST(hour_by_hour),
		TEST(four_processes_count_exactly),
		TEST(users_of_a_group),
		TEST(after_a_root_shell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
