/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crew.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"

enum { JOBS = 20000 };

struct job {
	unsigned number, times;
	uint64_t sum;
};

/* Some take longer than others. */
static void
run(void *ctx)
{
	struct job *j = ctx;

	j->times++;
	for (unsigned i = 0; i < j->number % 7 * 300; i++)
		j->sum += i;
}

static void
take(struct crew *c, const struct job *want)
{
	const struct job *j = crew_take(c);

	assert_ptr_equal(j, want);
	assert_int_equal(j->times, 1);
}

/* So many at a time, in their order, each once. */
static void
work(size_t count)
{
	struct crew *c = NULL;
	struct job *jobs = calloc(JOBS, sizeof *jobs);
	size_t taken = 0;

	assert_non_null(jobs);
	assert_int_equal(crew_new(run, &c, NULL), 0);
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i].number = (unsigned)i;
		while (crew_is_full(c) || i - taken == count)
			take(c, &jobs[taken++]);
		crew_give(c, &jobs[i]);
	}
	while (taken < JOBS)
		take(c, &jobs[taken++]);
	assert_null(crew_take(c));
	crew_free(&c);
	assert_null(c);
	free(jobs);
}

static void
jobs_come_back_in_their_order(void **state)
{
	(void)state;
	for (size_t count = 1; count <= 32; count *= 2)
		work(count);
}

/* Holds whoever runs a job while the test has the gate. */
struct held_job {
	pthread_mutex_t *gate;
	unsigned times;
};

static void
run_held(void *ctx)
{
	struct held_job *j = ctx;

	(void)pthread_mutex_lock(j->gate);
	j->times++;
	(void)pthread_mutex_unlock(j->gate);
}

static void
what_is_dropped_comes_back_undone(void **state)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct held_job jobs[64] = { 0 };
	struct crew *c = NULL;
	size_t given = 0;
	unsigned done = 0;

	(void)state;
	assert_int_equal(crew_new(run_held, &c, NULL), 0);
	crew_drop(c);
	(void)pthread_mutex_lock(&gate);
	for (; !crew_is_full(c); given++) {
		assert_in_range(given, 0, countof(jobs) - 2);
		jobs[given].gate = &gate;
		crew_give(c, &jobs[given]);
	}
	crew_drop(c);
	(void)pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < given; i++) {
		assert_ptr_equal(crew_take(c), &jobs[i]);
		done += jobs[i].times;
	}
	assert_null(crew_take(c));
	assert_in_range(done, 0, 3); /* that threads had begun */
	jobs[given].gate = &gate;
	crew_give(c, &jobs[given]);
	assert_ptr_equal(crew_take(c), &jobs[given]);
	assert_int_equal(jobs[given].times, 1);
	crew_free(&c);
}

static void
a_crew_may_have_nothing_to_do(void **state)
{
	struct crew *c = NULL;

	(void)state;
	crew_free(&c);
	assert_int_equal(crew_new(run, &c, NULL), 0);
	assert_null(crew_take(c));
	crew_free(&c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_back_in_their_order),
		cmocka_unit_test(what_is_dropped_comes_back_undone),
		cmocka_unit_test(a_crew_may_have_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
