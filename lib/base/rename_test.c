/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/rename.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Linked with --wrap: what was synced last, and whether that fails. */
static struct stat synced;
static unsigned syncs;
static bool broken;

int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	assert_int_equal(fstat(fd, &synced), 0);
	syncs++;
	if (!broken)
		return 0;
	errno = EIO;
	return -1;
}

static char folder[] = "/tmp/sealpost-rename-XXXXXX";

static int
enter_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return -1;
	return mkdir("sub", 0700);
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir("sub") < 0 ? -1 : rmdir(folder);
}

static void
write_file(const char *path)
{
	cleanup(close_file) FILE *f = fopen(path, "we");

	assert_non_null(f);
}

static void
test_folder_is_synced(void **state)
{
	static const struct {
		const char *to, *folder;
		bool broken;
	} cases[] = {
		{ "new", ".", false },
		{ "sub/new", "sub", false },
		{ "./sub//new", "sub", false },
		{ "sub/new", "sub", true }, /* it is renamed all the same */
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct stat st;

		print_message("%s\n", cases[i].to);
		write_file("old");
		syncs = 0;
		broken = cases[i].broken;
		assert_int_equal(rename_lasting("old", cases[i].to), 0);
		assert_int_equal(syncs, 1);
		assert_int_equal(stat(cases[i].folder, &st), 0);
		assert_int_equal(st.st_ino, synced.st_ino);
		assert_int_equal(st.st_dev, synced.st_dev);
		assert_int_equal(access("old", F_OK), -1);
		assert_int_equal(unlink(cases[i].to), 0);
	}
}

static void
test_refused(void **state)
{
	(void)state;
	syncs = 0;
	assert_int_equal(rename_lasting("nothing", "new"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(syncs, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder_is_synced),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
