/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The plain program around a harness: runs it over the files of the folders
 * that are named, whole and cut at some lengths. A folder that does not exist
 * is empty.
 */

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "fuzz.h"

enum { FILE_MAX = 16 << 20, CUTS = 40 };

static void
read_file(const char *path, struct buf *out)
{
	cleanup(close_file) FILE *f = fopen(path, "r");
	uint8_t piece[4096];
	size_t n;

	CHECK(f != NULL);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		CHECK(buf_put(out, piece, n, NULL) == 0);
}

/* A copy of its own for each length, so that reading past it is noticed. */
static void
run_cut(const struct buf *b, size_t n)
{
	cleanup(free_bytes) uint8_t *copy = malloc(n > 0 ? n : 1);

	CHECK(copy != NULL);
	if (n > 0)
		memcpy(copy, b->data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
}

static void
run_file(const char *path)
{
	cleanup(buf_reset) struct buf b = { .limit = FILE_MAX };

	read_file(path, &b);
	run_cut(&b, b.len);
	for (size_t i = 0; i < CUTS; i++)
		run_cut(&b, b.len * i / CUTS);
}

static size_t
run_folder(const char *folder)
{
	DIR *d = opendir(folder);
	size_t count = 0;

	if (d == NULL)
		return 0;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		char path[PATH_MAX];
		struct stat st;

		(void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		run_file(path);
		count++;
	}
	(void)closedir(d);
	return count;
}

int
main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++)
		count += run_folder(argv[i]);
	(void)printf("%zu files\n", count);
	return count > 0 ? 0 : 1;
}
