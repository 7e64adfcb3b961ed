/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/hidden_spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypt/testing.h"

enum { LARGE = LIMIT_SPOOL_MEMORY + 100000 };
static const char canary[] = "kanarie of the hidden spool";

static uint8_t
octet(size_t i)
{
	return (uint8_t)canary[i % (sizeof canary - 1)];
}

static void
fill(struct hidden_spool *h, size_t n, size_t step)
{
	uint8_t piece[20000];

	for (size_t at = 0; at < n; at += step) {
		size_t len = n - at < step ? n - at : step;

		for (size_t i = 0; i < len; i++)
			piece[i] = octet(at + i);
		assert_int_equal(hidden_spool_put(h, piece, len, NULL), 0);
	}
}

static void
check(struct hidden_spool *h, size_t n, size_t step)
{
	uint8_t piece[20000];
	size_t at = 0;
	ssize_t got;

	while ((got = hidden_spool_read(h, piece, step, NULL)) > 0) {
		assert_true((size_t)got <= step && (size_t)got <= n - at);
		for (size_t i = 0; i < (size_t)got; i++)
			assert_int_equal(piece[i], octet(at + i));
		at += (size_t)got;
	}
	assert_int_equal(got, 0);
	assert_int_equal(at, n);
}

static void
test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, LARGE };
	static const size_t steps[] = { 7, 16384, 20000 };

	for (size_t i = 0; i < countof(sizes); i++)
		for (size_t k = 0; k < countof(steps); k++) {
			cleanup(hidden_spool_free) struct hidden_spool *h =
			    NULL;

			assert_int_equal(
			    hidden_spool_new(*state, "/tmp", &h, NULL), 0);
			fill(h, sizes[i], steps[k]);
			check(h, sizes[i], steps[countof(steps) - 1 - k]);
		}
}

/* The file that this process has without a name; -1 = none. */
static int
nameless_file(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int found = -1;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[300], target[300] = "";

		(void)snprintf(
		    path, sizeof path, "/proc/self/fd/%s", e->d_name);
		if (readlink(path, target, sizeof target - 1) > 0 &&
		    strncmp(target, "/tmp/", 5) == 0 &&
		    strstr(target, " (deleted)") != NULL)
			found = atoi(e->d_name);
	}
	(void)closedir(d);
	return found;
}

/* What is on the disk does not show what was put. */
static void
test_file(void **state)
{
	cleanup(hidden_spool_free) struct hidden_spool *h = NULL;
	static uint8_t stored[2 * LARGE];
	ssize_t n;

	assert_int_equal(hidden_spool_new(*state, "/tmp", &h, NULL), 0);
	fill(h, LARGE, 20000);

	int fd = nameless_file();

	assert_true(fd >= 0);
	n = pread(fd, stored, sizeof stored, 0);
	assert_true(n > 0);
	assert_null(memmem(stored, (size_t)n, canary, sizeof canary - 1));
	check(h, LARGE, 20000);
}

static void
test_no_folder(void **state)
{
	cleanup(hidden_spool_free) struct hidden_spool *h = NULL;
	static uint8_t data[LARGE];
	struct err err = { 0 };

	assert_int_equal(hidden_spool_new(*state, "/no-such", &h, NULL), 0);
	assert_int_equal(hidden_spool_put(h, data, sizeof data, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
