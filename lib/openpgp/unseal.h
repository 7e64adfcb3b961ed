/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Unsealing a whole message held in memory: the inverse of seal.h.
 */
#ifndef OPENPGP_UNSEAL_H
#define OPENPGP_UNSEAL_H

#include "base/buf.h"

/*
 * `message` is a stored message with CRLF line ends. Decrypts through
 * pgp_decrypt() (GNUPGHOME gnupg_home, NULL for the user's own) and puts the
 * rebuilt message into `out` (which should be .secret).
 *
 * Returns 1 and the original; 0 and nothing when the message is not sealed
 * (neither a marker nor PGP/MIME); -1 with *err set and `out` empty. A
 * PGP/MIME message without our marker is rebuilt as far as PGP/MIME can: outer
 * fields, the entity's fields in place of the outer Content-*.
 */
int unseal_message(const char *gnupg_home, const void *message, size_t n,
    struct buf *out, struct err *err) must_check;

#endif
