/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The gatekeeper: GPGME in a GNUPGHOME of its own decides what a certificate
 * is worth. Starts gpg; blocks for tens of milliseconds. Not for daemons.
 */
#ifndef OPENPGP_VET_H
#define OPENPGP_VET_H

#include "base/buf.h"
#include "openpgp/cert.h"

/*
 * Vets one transferable public key, armored or binary, for the owner of
 * `address` (normal form). *warning gets a sentence (e.g. no user ID names the
 * address), or "" when there is nothing to say.
 *
 * Returns 0 and *out, or -1 with ERR_PERM and a sentence when the input is not
 * exactly one certificate that can be sealed to now: nothing OpenPGP, a secret
 * key, several certificates, no encryption subkey, all expired or revoked, RSA or
 * ElGamal under 2,048 bits; ERR_TEMP when gpg cannot be run.
 */
int pgp_vet(const uint8_t *data, size_t len, const char *address, int64_t now,
    struct pgp_cert **out, char warning[ERR_TEXT_SIZE], struct err *err)
    must_check;

/*
 * Vets a stored certificate again (its validity may have changed by rule or
 * clock): fills *out like pgp_vet(), but an expired or revoked certificate is a
 * result, not an error.
 */
int pgp_vet_again(const uint8_t *data, size_t len, int64_t now,
    struct pgp_cert **out, struct err *err) must_check;

#endif
