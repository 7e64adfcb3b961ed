/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to user.c, opener*.c and sealer.c: what a user has.
 */
#ifndef BRIDGE_USER_PRIVATE_H
#define BRIDGE_USER_PRIVATE_H

#include <pthread.h>

#include "openpgp/cert.h"
#include "openpgp/secret.h"
#include "user.h"

enum { USER_DIGEST_LEN = 32 };

struct user {
	struct users *all;
	struct user *next;
	const struct account *account;
	size_t references; /* guarded by the lock of `all` */
	uint8_t digest[USER_DIGEST_LEN]; /* of the passphrase */
	uint8_t seed[USER_DIGEST_LEN];   /* for user_derive() */
	struct pgp_secret *secret;       /* NULL: the keyring's */
	struct buf public_key;           /* binary */

	pthread_mutex_t lock; /* guards what follows */
	struct pgp_cert *cert; /* vetted; NULL until it is asked for */
	struct message_cache *messages;
};

const struct crypt *user_crypt(const struct user *u);
/* Octets that a restored message may have. */
size_t user_max_message(const struct user *u);
/* The GNUPGHOME of the account; NULL is the user's own. */
const char *user_gnupg_home(const struct user *u);

/*
 * The certificate to seal to, vetted once: it and its subkey are borrowed until
 * the user leaves. ERR_PERM when there is none that can be used now (and whose
 * secret is here); ERR_TEMP. May block on gpg.
 */
int user_certificate(struct user *u, int64_t now,
    const struct pgp_cert **cert, const struct pgp_subkey **subkey,
    struct err *err) must_check;

#endif
