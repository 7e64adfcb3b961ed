/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The door to OpenSSL's EVP: no other folder includes openssl/evp.h.
 *
 * struct crypt holds the algorithms, fetched once (a fetch costs more than
 * sealing a small message); it is constant after crypt_open() and may be
 * shared by threads. All functions return 0, or -1 with *err set: ERR_TEMP
 * unless said otherwise. None blocks.
 */
#ifndef CRYPT_CRYPT_H
#define CRYPT_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct crypt;

/* Octets that are borrowed for a call. */
struct crypt_bytes {
	const void *data;
	size_t len;
};

int crypt_open(struct crypt **out, struct err *err) must_check;
void crypt_close(struct crypt **cp);

/*
 * From now on OpenSSL keeps private keys in memory that is not paged out and in
 * no core dump (as far as the limit RLIMIT_MEMLOCK goes). Once a process, at
 * its start, before there are threads; again does nothing.
 */
void crypt_lock_private_keys(void);

int crypt_random(
    const struct crypt *c, void *out, size_t n, struct err *err) must_check;

/* Compares in time that depends on n alone. */
bool crypt_equal(const void *a, const void *b, size_t n);

#endif
