/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What several commands do with accounts, databases and times.
 */
#ifndef CTL_SHARED_H
#define CTL_SHARED_H

#include <signal.h>

#include "command.h"
#include "mail/address.h"
#include "store/directory.h"
#include "store/secrets.h"

/* Open the configured file; when it is missing, the error names the cure. */
int open_directory(const struct ctl *ctl, enum store_mode mode,
    struct directory **out, struct err *err) must_check;
int open_secrets(const struct ctl *ctl, enum store_mode mode,
    struct secrets **out, struct err *err) must_check;

/* The answer to a missing database: adds what to do. Always -1. */
int missing_database(const char *path, struct err *err);

/* 0 when the address (in normal form) is of a domain here; ERR_PERM if not. */
int need_domain(struct directory *d, const char *address, struct err *err)
    must_check;

/*
 * Brings the address into normal form and finds its account: 0 and both, or
 * -1 (ERR_PERM when there is none).
 */
int find_account(struct directory *d, const char *text,
    char address[ADDRESS_SIZE], struct account **out, struct err *err)
    must_check;

/*
 * Waits until no other command changes an account, and keeps others out until
 * the descriptor is closed: a change of two databases is one step to them.
 * Returns the descriptor, or -1 with ERR_TEMP.
 */
int lock_accounts(const struct ctl *ctl, struct err *err) must_check;

/* Copies of all accounts, in the order of the store. */
struct account_list {
	struct account **accounts;
	size_t count;
	size_t room;
};
void account_list_reset(struct account_list *l);
int account_list_load(struct directory *d, struct account_list *out,
    struct err *err) must_check;

/* "2026-11-20" and "2026-11-20T23:13:00Z" (UTC); "never" for 0. */
enum { TIME_TEXT_SIZE = 32 };
const char *date_text(int64_t t, char out[TIME_TEXT_SIZE]);
const char *time_text(int64_t t, char out[TIME_TEXT_SIZE]);
struct json;
void json_time(struct json *j, const char *key, int64_t t);

int64_t now(void);

/*
 * Holds back the signals that end a program, so that a change of two databases
 * is not torn apart by an interrupt; the second gives them back.
 */
void hold_signals(sigset_t *before);
void release_signals(const sigset_t *before);

#endif
