/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Ownership in the small: acquire under cleanup(), hand over with steal().
 * A destroyer takes T **, accepts NULL and half-built objects, and sets NULL.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/* Runs fn(&variable) when the variable leaves its scope. */
#define cleanup(fn) __attribute__((cleanup(fn)))

/* Gives the value of the pointer *pp to the caller and leaves NULL behind. */
#define steal(pp)                                                         \
	__extension__({                                                   \
		__typeof__(*(pp)) stolen_ = *(pp);                        \
		*(pp) = NULL;                                             \
		stolen_;                                                  \
	})

#define countof(a) (sizeof(a) / sizeof((a)[0]))

/* cleanup(free_str) char *s = ...; */
static inline void
free_str(char **p)
{
	free(*p);
	*p = NULL;
}

/* cleanup(free_bytes) uint8_t *b = ...; */
static inline void
free_bytes(unsigned char **p)
{
	free(*p);
	*p = NULL;
}

/* cleanup(close_fd) int fd = -1; */
static inline void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* cleanup(close_file) FILE *f = NULL; */
static inline void
close_file(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
	*f = NULL;
}

#endif
