/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "gate.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct fixture {
	struct crypt *crypt;
	struct gate *gate;
	struct net_stream *client;
	int peer;
};

static char ann_address[] = "ann@a.example", bob_address[] = "bob@a.example";
static const struct account ann = { .address = ann_address };
static const struct account bob = { .address = bob_address };

static struct fixture fixture;

static int
set_up(void **state)
{
	struct fixture *f = *state = &fixture;
	int pair[2];

	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	assert_int_equal(gate_new(f->crypt, &f->gate, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(net_stream_new(pair[0], 1000, &f->client, NULL), 0);
	f->peer = pair[1];
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	net_stream_free(&f->client);
	close_fd(&f->peer);
	gate_free(&f->gate);
	crypt_close(&f->crypt);
	return 0;
}

/* At least so long, and not as the fourth failure would (2000). */
static void
waits(struct fixture *f, const struct account *a, int64_t ms)
{
	int64_t start = clock_ms(), took;

	gate_failed(f->gate, a, f->client);
	took = clock_ms() - start;
	assert_true(took >= ms);
	assert_true(took < ms + 1700);
}

static void
each_failure_waits_longer(void **state)
{
	struct fixture *f = *state;

	waits(f, &ann, 250);
	waits(f, &ann, 500);
	waits(f, &ann, 1000);
	waits(f, &bob, 250); /* ann's failures are not bob's */
	waits(f, NULL, 250);
	waits(f, NULL, 500);
}

static void
a_client_that_leaves_gains_no_time(void **state)
{
	struct fixture *f = *state;

	close_fd(&f->peer);
	waits(f, &ann, 250);
	waits(f, &ann, 500);
}

static void *
interrupt(void *arg)
{
	struct fixture *f = arg;

	(void)poll(NULL, 0, 300);
	net_stream_interrupt(f->client);
	return NULL;
}

static void
an_end_does_not_wait(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	int64_t start;

	for (int i = 0; i < 3; i++) /* the next one would wait two seconds */
		gate_failed(f->gate, &ann, f->client);
	assert_int_equal(pthread_create(&thread, NULL, interrupt, f), 0);
	start = clock_ms();
	gate_failed(f->gate, &ann, f->client);
	assert_true(clock_ms() - start < 1500);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

#define test(x) cmocka_unit_test_setup_teardown(x, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_failure_waits_longer),
		test(a_client_that_leaves_gains_no_time),
		test(an_end_does_not_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
