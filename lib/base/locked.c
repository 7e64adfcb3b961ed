/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/locked.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
whole_pages(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (n == 0)
		n = 1;
	return n > SIZE_MAX - page ? 0 : (n + page - 1) / page * page;
}

void *
locked_new(size_t n)
{
	size_t size = whole_pages(n);

	if (size == 0)
		return NULL;

	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	/* over the limit it is still memory, though it may be paged out */
	(void)mlock(p, size);
#ifdef MADV_DONTDUMP
	(void)madvise(p, size, MADV_DONTDUMP);
#endif
	return p;
}

void
locked_free(void *p, size_t n)
{
	if (p == NULL)
		return;
	explicit_bzero(p, n);
	(void)munmap(p, whole_pages(n));
}
