/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * For tests: makes the n-th allocation fail, that of libraries included. It
 * replaces malloc() and its like, so one file of a test program includes it. A
 * sanitizer replaces them too; FAULT_TESTING is 0 then, and the test has
 * nothing to do.
 */
#ifndef BASE_FAULT_TESTING_H
#define BASE_FAULT_TESTING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAULT_TESTING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAULT_TESTING 0
#endif
#endif
#ifndef FAULT_TESTING
#define FAULT_TESTING 1
#endif

/* Allocations until one fails; 0 = none does. */
static unsigned long fault_countdown;

/* Arms: the n-th allocation from now on fails (n from 1), and no other. */
static void
fault_at(unsigned long n)
{
	fault_countdown = n;
}

/* Disarms; true when the n-th allocation was reached. */
static bool
fault_off(void)
{
	bool reached = fault_countdown == 0;

	fault_countdown = 0;
	return reached;
}

#if FAULT_TESTING
/* glibc's own names of them */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);

static bool
fault_now(void)
{
	if (fault_countdown == 0 || --fault_countdown > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	return fault_now() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t count, size_t n)
{
	return fault_now() ? NULL : __libc_calloc(count, n);
}

void *
realloc(void *p, size_t n)
{
	return fault_now() ? NULL : __libc_realloc(p, n);
}
#endif

#endif
