/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Whom secrets.db knows. The file is opened when it is needed and opened again
 * after any trouble with it.
 */
#ifndef SASLAUTHD_ACCOUNTS_H
#define SASLAUTHD_ACCOUNTS_H

#include "crypt/verifier.h"
#include "mail/address.h"
#include "store/secrets.h"

/* Somebody who wants to log in. It holds secrets: wipe it. */
struct login {
	char address[ADDRESS_SIZE]; /* normal form; what was said if it has none */
	bool known;
	struct secrets_login row; /* where known */
	/*
	 * Nobody's, where not known: the same for the same name, another on
	 * another server, and with the server's usual iterations.
	 */
	struct verifier verifier;
};

struct accounts;

/* crypt is borrowed. Opens nothing yet. */
int accounts_new(const struct crypt *crypt, const char *path,
    struct accounts **out, struct err *err) must_check;
void accounts_free(struct accounts **ap);

/*
 * Fills *out, whether there is such an account or not; -1 with ERR_TEMP when
 * that cannot be told. For a moment after such trouble it says so without
 * looking again, so that a locked file does not hold up the loop.
 */
int accounts_find(struct accounts *a, const char *name, uint32_t iterations,
    int64_t now_ms, struct login *out, struct err *err) must_check;

#endif
