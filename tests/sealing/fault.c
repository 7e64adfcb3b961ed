/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "fault.h"

#include "fake_milter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <sqlite3.h>

static unsigned long armed_at, calls;
static const char *failed;

void
fault_at(unsigned long n)
{
	armed_at = n;
	calls = 0;
	failed = NULL;
}

bool
fault_off(const char **name)
{
	armed_at = 0;
	*name = failed;
	return failed != NULL;
}

static bool
fails(const char *name)
{
	if (armed_at == 0 || !fake_in_milter || ++calls != armed_at)
		return false;
	failed = name;
	errno = ENOMEM;
	return true;
}

/* WRAP(type of the result, result of a failure, name, parameters, arguments) */
#define WRAP(type, bad, name, parameters, arguments)                      \
	type __real_##name parameters;                                    \
	type __wrap_##name parameters;                                    \
	type __wrap_##name parameters                                     \
	{                                                                 \
		return fails(#name) ? (bad) : __real_##name arguments;    \
	}

WRAP(void *, NULL, malloc, (size_t n), (n))
WRAP(void *, NULL, calloc, (size_t a, size_t b), (a, b))
WRAP(void *, NULL, realloc, (void *p, size_t n), (p, n))
WRAP(void *, NULL, reallocarray, (void *p, size_t a, size_t b), (p, a, b))
WRAP(char *, NULL, strdup, (const char *s), (s))
WRAP(char *, NULL, strndup, (const char *s, size_t n), (s, n))
WRAP(ssize_t, -1, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, -1, pread, (int fd, void *p, size_t n, off_t at),
    (fd, p, n, at))
WRAP(int, -1, mkostemp, (char *path, int flags), (path, flags))
WRAP(int, 0, RAND_bytes, (unsigned char *p, int n), (p, n))
WRAP(EVP_CIPHER_CTX *, NULL, EVP_CIPHER_CTX_new, (void), ())
WRAP(int, 0, EVP_CipherInit_ex2,
    (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k,
	const unsigned char *iv, int e, const OSSL_PARAM p[]),
    (c, t, k, iv, e, p))
WRAP(int, 0, EVP_CipherUpdate,
    (EVP_CIPHER_CTX * c, unsigned char *o, int *l, const unsigned char *i,
	int n),
    (c, o, l, i, n))
WRAP(int, 0, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *o, int *l),
    (c, o, l))
WRAP(int, 0, EVP_EncryptInit_ex2,
    (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, const unsigned char *k,
	const unsigned char *iv, const OSSL_PARAM p[]),
    (c, t, k, iv, p))
WRAP(int, 0, EVP_EncryptUpdate,
    (EVP_CIPHER_CTX * c, unsigned char *o, int *l, const unsigned char *i,
	int n),
    (c, o, l, i, n))
WRAP(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
WRAP(int, 0, EVP_DigestInit_ex2,
    (EVP_MD_CTX * c, const EVP_MD *t, const OSSL_PARAM p[]), (c, t, p))
WRAP(int, 0, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n),
    (c, p, n))
WRAP(int, 0, EVP_DigestFinal_ex,
    (EVP_MD_CTX * c, unsigned char *p, unsigned int *n), (c, p, n))
WRAP(int, 0, EVP_PKEY_derive_init, (EVP_PKEY_CTX * c), (c))
WRAP(int, 0, EVP_PKEY_derive, (EVP_PKEY_CTX * c, unsigned char *p, size_t *n),
    (c, p, n))
WRAP(EVP_PKEY *, NULL, EVP_PKEY_new_raw_public_key_ex,
    (OSSL_LIB_CTX * l, const char *t, const char *q, const unsigned char *p,
	size_t n),
    (l, t, q, p, n))
WRAP(EVP_KDF_CTX *, NULL, EVP_KDF_CTX_new, (EVP_KDF * k), (k))
WRAP(int, 0, EVP_KDF_derive,
    (EVP_KDF_CTX * c, unsigned char *p, size_t n, const OSSL_PARAM q[]),
    (c, p, n, q))
WRAP(int, 0, EVP_MAC_init,
    (EVP_MAC_CTX * c, const unsigned char *k, size_t n, const OSSL_PARAM p[]),
    (c, k, n, p))
WRAP(int, 0, EVP_MAC_update,
    (EVP_MAC_CTX * c, const unsigned char *p, size_t n), (c, p, n))
WRAP(int, 0, EVP_MAC_final,
    (EVP_MAC_CTX * c, unsigned char *p, size_t *n, size_t m), (c, p, n, m))
WRAP(int, SQLITE_CANTOPEN, sqlite3_open_v2,
    (const char *f, sqlite3 **d, int m, const char *v), (f, d, m, v))
WRAP(int, SQLITE_IOERR, sqlite3_prepare_v2,
    (sqlite3 * d, const char *q, int n, sqlite3_stmt **s, const char **t),
    (d, q, n, s, t))
WRAP(int, SQLITE_NOMEM, sqlite3_prepare_v3,
    (sqlite3 * d, const char *q, int n, unsigned f, sqlite3_stmt **s,
	const char **t),
    (d, q, n, f, s, t))
WRAP(int, SQLITE_BUSY, sqlite3_step, (sqlite3_stmt * s), (s))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails("open") ? -1 : __real_open(path, flags, mode);
}
