/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: a key file as people have it (RFC 9580, section 6).
 */
#ifndef OPENPGP_KEY_ARMOR_H
#define OPENPGP_KEY_ARMOR_H

#include "base/buf.h"

/*
 * Puts the binary form of a key file into `out`. Binary input is copied; text
 * must hold exactly one armored "PGP PUBLIC KEY BLOCK" (other lines may stand
 * around it). ERR_PERM with a sentence that names the line.
 */
int key_dearmor(
    const uint8_t *data, size_t n, struct buf *out, struct err *err) must_check;

/* The same for a "PGP PRIVATE KEY BLOCK"; `out` should be .secret. */
int secret_key_dearmor(
    const uint8_t *data, size_t n, struct buf *out, struct err *err) must_check;

#endif
