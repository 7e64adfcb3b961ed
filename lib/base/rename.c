/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"

/* The folder that the name stands in: "/a/" of "/a/b", "./" of "b". */
static int
open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	cleanup(free_str) char *folder = slash == NULL
	    ? strdup("./")
	    : strndup(path, (size_t)(slash - path) + 1);

	return folder == NULL
		   ? -1
		   : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
name_lasting(const char *path)
{
	cleanup(close_fd) int folder = open_folder(path);

	if (folder < 0 || fsync(folder) < 0)
		log_warning("%s: its folder is not on the disk: %s", path,
		    strerror(errno));
}

int
rename_lasting(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		return -1;
	name_lasting(to);
	return 0;
}
