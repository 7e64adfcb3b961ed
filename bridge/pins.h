/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The salt and the number of rounds that a server named at the first login, in
 * a file of the state directory for each account and service. A server that
 * names others later may be another one that wants to guess the password.
 */
#ifndef BRIDGE_PINS_H
#define BRIDGE_PINS_H

#include "account.h"
#include "crypt/crypt.h"

/* All borrowed for a call. */
struct pin {
	const char *state_directory;
	const struct account *account;
	const struct server *server;
	const char *service; /* "imap" or "smtp" */
};

/*
 * 1 when something is pinned for this login at this server, 0 when not. With
 * `salt` (data not NULL) it must be the same: ERR_PERM and a sentence that says
 * what to do when it differs. Without, *err is set only when the file cannot be
 * read.
 */
int pin_check(const struct pin *p, struct crypt_bytes salt,
    uint32_t iterations, struct err *err) must_check;

/* After a login that succeeded. Atomic. */
int pin_store(const struct pin *p, struct crypt_bytes salt,
    uint32_t iterations, struct err *err) must_check;

#endif
