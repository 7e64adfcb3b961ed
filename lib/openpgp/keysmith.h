/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Makes a key pair and changes the passphrase that protects it, with gpg and an
 * agent of its own in a throw-away GNUPGHOME. Outside of the agent the private
 * key is never without its passphrase. For programs of one thread that hold
 * back the signals which would end them (an agent would stay behind); every
 * function blocks, for seconds where a large RSA key is made.
 */
#ifndef OPENPGP_KEYSMITH_H
#define OPENPGP_KEYSMITH_H

#include "base/buf.h"
#include "crypt/crypt.h"

struct keysmith; /* holds one key */

int keysmith_new(struct keysmith **out, struct err *err) must_check;
/* Ends the agent, overwrites and removes the folder. */
void keysmith_free(struct keysmith **kp);

/*
 * A new key that signs and certifies, and a subkey that encrypts; neither
 * expires. Algorithms: "curve25519" (Ed25519 and Curve25519), "nistp256",
 * "nistp384", "rsa3072", "rsa4096"; ERR_PERM for others.
 */
int keysmith_generate(struct keysmith *k, const char *user_id,
    const char *algorithm, struct crypt_bytes passphrase, struct err *err)
    must_check;

/* Takes one armored private key. ERR_PERM when gpg finds none in it. */
int keysmith_import(struct keysmith *k, const void *armored, size_t n,
    struct err *err) must_check;

/* 1 done, 0 `from` is not its passphrase, -1. A passphrase is one line. */
int keysmith_change_passphrase(struct keysmith *k, struct crypt_bytes from,
    struct crypt_bytes to, struct err *err) must_check;

/* Both armored. The private key keeps its passphrase, which gpg wants to know. */
int keysmith_public(struct keysmith *k, struct buf *out, struct err *err)
    must_check;
int keysmith_private(struct keysmith *k, struct crypt_bytes passphrase,
    struct buf *out, struct err *err) must_check;

#endif
