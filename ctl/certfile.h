/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Certificates from files, and what to say about stored ones.
 */
#ifndef CTL_CERTFILE_H
#define CTL_CERTFILE_H

#include "command.h"
#include "openpgp/cert.h"
#include "store/directory.h"

/*
 * Reads the file (NULL: standard input) and has it vetted for the address;
 * prints the vetting's warning. Errors name the file.
 */
int certfile_vet(struct ctl *ctl, const char *file, const char *address,
    struct pgp_cert **out, struct err *err) must_check;

/* "RSA 3072", "ECDH Curve25519", "X25519", ... */
enum { ALGORITHM_TEXT_SIZE = 48 };
const char *algorithm_text(const struct pgp_subkey *k,
    char out[ALGORITHM_TEXT_SIZE]);

/*
 * Until when something can be sealed to one of these certificates without a
 * change: 0 for ever; with *why other than PGP_USABLE not even now.
 */
int64_t usable_until(const struct cert_list *certs, int64_t now,
    enum pgp_unusable *why);

/* "usable", "expired" ... of one subkey, and of one certificate. */
const char *subkey_state(const struct pgp_subkey *k, int64_t now);
const char *cert_state(const struct pgp_cert *c, int64_t now);

#endif
