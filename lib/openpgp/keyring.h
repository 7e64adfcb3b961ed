/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The user's own GnuPG keyring, through GPGME. Starts gpg; blocks.
 */
#ifndef OPENPGP_KEYRING_H
#define OPENPGP_KEYRING_H

#include "base/buf.h"

/*
 * The certificate (binary) of the secret key that names the address and can be
 * encrypted to now; the newest when there are several. 1 and `out`, 0 there is
 * none, -1 ERR_TEMP. gnupg_home NULL is the user's own.
 */
int pgp_keyring_certificate(const char *gnupg_home, const char *address,
    struct buf *out, struct err *err) must_check;

#endif
