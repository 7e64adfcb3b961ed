/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the tests of sealing share: a key pair that costs nothing, the session
 * key of the last sealing (through --wrap=pgp_session_new), and decryption with
 * it (through --wrap=pgp_decrypt), so that unsealing runs without gpg.
 */
#ifndef TESTS_KIT_H
#define TESTS_KIT_H

#include "crypt/crypt.h"
#include "openpgp/cert.h"
#include "openpgp/pkesk.h"

/* A certificate with one X25519 subkey that expires at `expires` (0 never). */
struct pgp_cert *kit_cert(const struct crypt *crypt, bool seipd2,
    int64_t expires);

/* Remembers the algorithms that the wrapped pgp_decrypt() uses. */
void kit_use(const struct crypt *crypt);

/* Undoes sealing with the session key of the last sealing; fails the test. */
void kit_unseal(const void *message, size_t n, struct buf *out);

#endif
