/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What can be said of a vault without its passphrase: that it is the protected
 * private key of a certificate.
 */
#ifndef OPENPGP_VAULT_H
#define OPENPGP_VAULT_H

#include <stddef.h>

#include "openpgp/cert.h"

/*
 * ERR_PERM with a sentence unless `armored` is exactly one armored private key,
 * its primary key is the certificate's, every secret key in it belongs to the
 * certificate and is protected by a passphrase (AES, a salted and iterated S2K
 * or Argon2, with a check of its integrity), and each encryption subkey of the
 * certificate is in it. Whether the passphrase opens it cannot be seen. Pure.
 */
int pgp_vault_check(const struct pgp_cert *cert, const char *armored, size_t n,
    struct err *err) must_check;

#endif
