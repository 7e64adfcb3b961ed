/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: what is in SEIPD version 2, which not every gpg
 * reads, put into SEIPD version 1, which every gpg does.
 */
#ifndef OPENPGP_REWRAP_H
#define OPENPGP_REWRAP_H

#include "base/buf.h"
#include "crypt/aes.h"
#include "openpgp/pkesk.h"

/*
 * `data` is a message (binary), `key` its session key. Into `out` (no PKESK
 * before it) with a new random session key. ERR_PERM when the message is
 * damaged: the whole of it was proven when this returns 0.
 */
int message_rewrap(const struct crypt *c, struct aes_key key,
    struct crypt_bytes data, uint8_t new_key[SESSION_KEY_LEN], struct buf *out,
    struct err *err) must_check;

#endif
