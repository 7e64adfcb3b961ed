/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the self-signatures of a certificate, verified
 * without gpg. It answers for what GPGME cannot tell (the features) or cannot
 * read (RFC 9580: version 6, X25519).
 */
#ifndef OPENPGP_SELFSIG_H
#define OPENPGP_SELFSIG_H

#include "openpgp/keyblock.h"

/*
 * *seipd2 says whether the newest self-signature that verifies announces
 * SEIPD version 2; false when none can be verified. For version 6 only
 * direct-key signatures count.
 */
int selfsig_seipd2(const struct crypt *crypt, const struct keyblock *kb,
    bool *seipd2, struct err *err) must_check;

/*
 * Fills an empty *cert by our own verification of every binding: all but data.
 * ERR_PERM with a sentence when the primary key's own signature is missing
 * or its algorithm is none that we verify. A subkey whose binding does not
 * verify is left out.
 */
int selfsig_vet(const struct crypt *crypt, const struct keyblock *kb,
    struct pgp_cert *cert, struct err *err) must_check;

#endif
