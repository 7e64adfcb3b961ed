/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost.conf: a file is taken or refused with a sentence that names it. */

#include <string.h>
#include <sys/mman.h>

#include "base/conf.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(close_fd) int fd = memfd_create("conf", MFD_CLOEXEC);
	cleanup(conf_free) struct conf *conf = NULL;
	struct err err = { 0 };
	char path[40];

	CHECK(fd >= 0);
	CHECK(write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (conf_load(path, false, &conf, &err) < 0) {
		CHECK(conf == NULL && err.kind == ERR_PERM);
		CHECK(strstr(err.text, path) != NULL);
		return 0;
	}
	CHECK(conf->milter.listen != NULL && conf->hop.deliver != NULL);
	return 0;
}
