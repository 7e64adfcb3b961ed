/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Is a stored subkey whole? Its fingerprint is one of its packet, so a packet
 * that was damaged in the store is found before mail is lost to it.
 */
#ifndef OPENPGP_FINGERPRINT_H
#define OPENPGP_FINGERPRINT_H

#include "crypt/crypt.h"
#include "openpgp/cert.h"

/*
 * 0 when version, algorithm and fingerprint are those of the packet; -1 with
 * ERR_PERM when not, or when the packet is no public key of version 4, 5 or 6.
 */
int pgp_subkey_check(const struct crypt *c, const struct pgp_subkey *subkey,
    struct err *err) must_check;

/*
 * The fingerprint of the body of a Public-(Sub)key packet of version 4 or 6
 * (RFC 9580, section 5.5.4) or 5 (GnuPG's own); ERR_PERM when it is another.
 */
int pgp_fingerprint(const struct crypt *c, const uint8_t *packet, size_t n,
    uint8_t out[PGP_FINGERPRINT_MAX], size_t *out_len,
    struct err *err) must_check;

#endif
