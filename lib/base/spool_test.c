/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

/* Linked with --wrap: how write() and open() behave. */
static struct {
	size_t room;      /* octets until the disk is full */
	bool short_write; /* one octet less than asked, now and then EINTR */
	bool no_tmpfile;  /* a file system without O_TMPFILE */
	unsigned writes;
	unsigned refused_opens;
} disk;

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __real_open(const char *path, int flags, int mode);
int __wrap_open(const char *path, int flags, int mode);

ssize_t
__wrap_write(int fd, const void *data, size_t n)
{
	if (fd <= STDERR_FILENO)
		return __real_write(fd, data, n);
	if (disk.room == 0) {
		errno = ENOSPC;
		return -1;
	}
	if (disk.short_write && ++disk.writes % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	if (disk.short_write && n > 1)
		n = n / 2;
	if (n > disk.room)
		n = disk.room;
	disk.room -= n;
	return __real_write(fd, data, n);
}

int
__wrap_open(const char *path, int flags, int mode)
{
	if (disk.no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		disk.refused_opens++;
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_open(path, flags, mode);
}

static void
disk_is_fine(void)
{
	memset(&disk, 0, sizeof disk);
	disk.room = SIZE_MAX;
}

static uint8_t
octet_at(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static int
fill(struct spool *s, size_t total, size_t piece, struct err *err)
{
	uint8_t data[70000];

	for (size_t at = 0; at < total; at += piece) {
		size_t n = total - at < piece ? total - at : piece;

		for (size_t i = 0; i < n; i++)
			data[i] = octet_at(at + i);
		if (spool_put(s, data, n, err) < 0)
			return -1;
	}
	return 0;
}

struct check {
	uint64_t seen;
	size_t largest;
};

static int
compare(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct check *c = ctx;

	(void)err;
	for (size_t i = 0; i < n; i++)
		if (data[i] != octet_at(c->seen + i))
			fail_msg("octet %llu differs",
			    (unsigned long long)(c->seen + i));
	c->seen += n;
	if (n > c->largest)
		c->largest = n;
	return 0;
}

static void
check_replay(struct spool *s, uint64_t total, size_t chunk)
{
	struct check c = { 0 };
	struct sink to = { .put = compare, .ctx = &c };
	struct err err;

	assert_int_equal(spool_replay(s, chunk, &to, &err), 0);
	assert_true(c.seen == total);
	assert_true(c.largest <= (chunk == 0 ? 65536 : chunk));
}

static void
check_reads(struct spool *s, uint64_t total, size_t piece)
{
	static uint8_t data[65537];
	struct check c = { 0 };
	struct err err;
	ssize_t n;

	while ((n = spool_read(s, c.seen, data, piece, &err)) > 0)
		(void)compare(&c, data, (size_t)n, &err);
	assert_int_equal(n, 0);
	assert_true(c.seen == total);
	assert_true(c.largest <= piece);
}

/* An empty folder of our own, so that names left in it are seen. */
static void
count_files(const char *path, size_t expected)
{
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	assert_int_equal(n, expected + 2); /* . and .. */
}

static void
round_trip(const char *folder, size_t total, size_t piece)
{
	cleanup(spool_free) struct spool *s = NULL;
	struct err err;

	assert_int_equal(spool_new(folder, &s, &err), 0);
	assert_int_equal(fill(s, total, piece, &err), 0);
	assert_true(spool_size(s) == total);
	check_replay(s, total, 65535);
	check_replay(s, total, 1000);
	check_replay(s, total, 0);
	check_reads(s, total, piece);
	/* more can follow a replay */
	assert_int_equal(spool_put(s, "", 0, &err), 0);
	count_files(folder, 0);
}

static void
in_folder(void (*test)(const char *folder))
{
	char folder[] = "/tmp/spool_test.XXXXXX";

	disk_is_fine();
	assert_non_null(mkdtemp(folder));
	test(folder);
	disk_is_fine();
	count_files(folder, 0);
	rmdir(folder);
}

static void
sizes(const char *folder)
{
	static const size_t around[] = { 0, 1, LIMIT_SPOOL_MEMORY - 1,
		LIMIT_SPOOL_MEMORY, LIMIT_SPOOL_MEMORY + 1,
		3 * LIMIT_SPOOL_MEMORY };
	static const size_t pieces[] = { 4096, 65537, 997 };

	for (size_t i = 0; i < countof(around); i++)
		for (size_t k = 0; k < countof(pieces); k++)
			round_trip(folder, around[i], pieces[k]);
}

static void
test_sizes(void **state)
{
	(void)state;
	in_folder(sizes);
}

static void
without_tmpfile(const char *folder)
{
	disk.no_tmpfile = true;
	round_trip(folder, 2 * LIMIT_SPOOL_MEMORY, 5000);
	assert_int_equal(disk.refused_opens, 1);
}

static void
test_without_tmpfile(void **state)
{
	(void)state;
	in_folder(without_tmpfile);
}

static void
interrupted_writes(const char *folder)
{
	disk.short_write = true;
	round_trip(folder, 2 * LIMIT_SPOOL_MEMORY, 5000);
	assert_true(disk.writes > 3);
}

static void
test_interrupted_writes(void **state)
{
	(void)state;
	in_folder(interrupted_writes);
}

/* A replay asked for one octet at a time, across memory and file. */
static void
test_single_octets(void **state)
{
	cleanup(spool_free) struct spool *s = NULL;
	struct err err;

	(void)state;
	disk_is_fine();
	assert_int_equal(spool_new("/tmp", &s, &err), 0);
	assert_int_equal(fill(s, LIMIT_SPOOL_MEMORY + 3, 4096, &err), 0);
	check_replay(s, LIMIT_SPOOL_MEMORY + 3, 1);
}

static void
full_disk(const char *folder)
{
	cleanup(spool_free) struct spool *s = NULL;
	struct err err = { .kind = ERR_NONE };

	disk.room = 10000;
	assert_int_equal(spool_new(folder, &s, &err), 0);
	assert_int_equal(fill(s, LIMIT_SPOOL_MEMORY, 4096, &err), 0);
	assert_int_equal(fill(s, LIMIT_SPOOL_MEMORY, 4096, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text, strerror(ENOSPC)));
}

static void
test_full_disk(void **state)
{
	(void)state;
	in_folder(full_disk);
}

/* The folder is touched only when it is needed. */
static void
test_missing_folder(void **state)
{
	cleanup(spool_free) struct spool *s = NULL;
	struct err err = { .kind = ERR_NONE };

	(void)state;
	disk_is_fine();
	assert_int_equal(spool_new("/nonexistent", &s, &err), 0);
	assert_int_equal(fill(s, LIMIT_SPOOL_MEMORY, 4096, &err), 0);
	assert_int_equal(spool_put(s, "x", 1, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text,
	    "create a file in /nonexistent: No such file or directory");
}

static int
refuse(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	size_t *left = ctx;

	(void)data;
	(void)n;
	if ((*left)-- > 0)
		return 0;
	return err_set(err, ERR_PERM, "enough");
}

static void
test_sink_refuses(void **state)
{
	cleanup(spool_free) struct spool *s = NULL;
	struct err err;

	(void)state;
	disk_is_fine();
	assert_int_equal(spool_new("/tmp", &s, &err), 0);
	assert_int_equal(fill(s, 2 * LIMIT_SPOOL_MEMORY, 4096, &err), 0);
	for (size_t after = 0; after < 32; after++) {
		size_t left = after;
		struct sink to = { .put = refuse, .ctx = &left };

		assert_int_equal(spool_replay(s, 65536, &to, &err), -1);
		assert_string_equal(err.text, "enough");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_without_tmpfile),
		cmocka_unit_test(test_interrupted_writes),
		cmocka_unit_test(test_single_octets),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_missing_folder),
		cmocka_unit_test(test_sink_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
