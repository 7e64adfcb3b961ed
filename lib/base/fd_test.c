/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/fd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Linked with --wrap: what write() says, call for call: how many, or -errno. */
static const int *answers;
static char written[32];
static size_t written_len;

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);

ssize_t
__wrap_write(int fd, const void *data, size_t n)
{
	if (fd != -1)
		return __real_write(fd, data, n);

	int answer = *answers++;

	if (answer < 0) {
		errno = -answer;
		return -1;
	}
	assert_in_range(answer, 0, n);
	memcpy(written + written_len, data, (size_t)answer);
	written_len += (size_t)answer;
	return answer;
}

static const struct write_case {
	const char *name;
	int answers[6];
	int error; /* 0 when all is written */
	size_t written;
} cases[] = {
	{ "at once", { 10 }, 0, 10 },
	{ "in pieces", { 3, 1, 6 }, 0, 10 },
	{ "interrupted", { -EINTR, 4, -EINTR, -EINTR, 6 }, 0, 10 },
	{ "no room", { -ENOSPC }, ENOSPC, 0 },
	{ "no room for all", { 7, -EINTR, -ENOSPC }, ENOSPC, 7 },
	{ "nothing more is taken", { 9, 0 }, EIO, 9 },
};

static void
writes_all_or_says_why(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct write_case *c = &cases[i];

		answers = c->answers;
		written_len = 0;
		errno = 0;

		int rc = fd_write(-1, "0123456789", 10);

		if (rc != (c->error == 0 ? 0 : -1) ||
		    (rc < 0 && errno != c->error) || written_len != c->written)
			fail_msg("%s: %d, %s, %zu written", c->name, rc,
			    strerror(errno), written_len);
		assert_memory_equal(written, "0123456789", written_len);
	}
}

static void
nothing_is_no_write(void **state)
{
	(void)state;
	answers = NULL;
	assert_int_equal(fd_write(-1, NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_all_or_says_why),
		cmocka_unit_test(nothing_is_no_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
