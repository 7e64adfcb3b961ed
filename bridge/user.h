/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A user who is logged in: the unlocked keys and what all of the user's
 * connections share. One object for each account, counted; thread-safe.
 */
#ifndef BRIDGE_USER_H
#define BRIDGE_USER_H

#include "account.h"
#include "crypt/crypt.h"
#include "base/buf.h"

struct user;
struct users; /* all that are logged in */

int users_new(const struct crypt *crypt, struct users **out, struct err *err)
    must_check;
void users_free(struct users **up);
/* Octets that a restored message may have (max_message); before any enters. */
void users_limit(struct users *all, uint64_t octets);

/* What was derived from a password (design.md section 4). Wiped. */
struct credentials {
	char *login;      /* what the server is told: login secret or password */
	size_t login_len;
	char *passphrase; /* of the vault */
	size_t passphrase_len;
};
/*
 * Costs 600,000 rounds of PBKDF2 where the account uses a login secret or the
 * vault. The passphrase of a key file is the password itself with login =
 * password, and the derived one with login = secret, as the vault's always is.
 */
int credentials_derive(const struct crypt *crypt, const struct account *a,
    const char *password, size_t len, struct credentials **out,
    struct err *err) must_check;
void credentials_free(struct credentials **cp);

/*
 * After the server has accepted the login. `fetch_vault` is called when the
 * account's key comes from the vault and is not unlocked yet: 1 and the armored
 * key, 0 there is none, -1. What comes from the server must be protected by the
 * passphrase. Another connection's unlocked key is used only when the
 * passphrase is the same. ERR_PERM and a sentence when there is no key or
 * the passphrase does not open it: the login is to be refused then.
 */
int users_enter(struct users *all, const struct account *a,
    const struct credentials *c,
    int (*fetch_vault)(void *ctx, struct buf *armored, struct err *err),
    void *ctx, struct user **out, struct err *err) must_check;
void user_leave(struct user **up);

const struct account *user_account(const struct user *u);

/*
 * A key for something that is kept on this machine, from the user's secret: the
 * same in each run as long as the key is. `purpose` tells them apart. ERR_TEMP.
 */
enum { USER_KEY_LEN = 32 };
int user_derive(const struct user *u, const char *purpose,
    uint8_t out[USER_KEY_LEN], struct err *err) must_check;

struct message_cache;
/*
 * The restored messages that the user's connections share. The first call makes
 * it, for so many octets; it ends with the user. ERR_TEMP.
 */
int user_messages(struct user *u, size_t octets, struct message_cache **out,
    struct err *err) must_check;

#endif
