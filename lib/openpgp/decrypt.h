/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Decryption of one OpenPGP message through GPGME, with the keys of the
 * user's own GnuPG (smart cards and agents included). Starts gpg and may ask
 * for a passphrase; blocks.
 */
#ifndef OPENPGP_DECRYPT_H
#define OPENPGP_DECRYPT_H

#include "base/buf.h"

/*
 * Puts the plaintext of the message (armored or binary) into `out` (which
 * should be .secret) only after its integrity was proven; on error `out` is
 * empty. ERR_PERM: not for any key here, or damaged; ERR_TEMP: gpg cannot be
 * run, or the passphrase was not given. gnupg_home NULL is the user's own.
 */
int pgp_decrypt(const char *gnupg_home, const void *data, size_t n,
    struct buf *out, struct err *err) must_check;

#endif
