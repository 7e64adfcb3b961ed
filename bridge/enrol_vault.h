/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Where `enrol --rewrap` gets the private key from. */
#ifndef BRIDGE_ENROL_VAULT_H
#define BRIDGE_ENROL_VAULT_H

#include "base/buf.h"
#include "crypt/crypt.h"

/*
 * Takes the vault out of a file: an enrolment file for this address, or the
 * armored private key itself (which is not looked at).
 */
int enrol_vault_read(const char *text, size_t n, const char *address,
    struct buf *out, struct err *err) must_check;

/*
 * Logs in to the server that the configuration names for the address, and gets
 * it from there. ERR_PERM when there is no such account, the password is wrong,
 * or the server has no vault. Blocks on the network.
 */
int enrol_vault_fetch(const char *conf_file, const struct crypt *crypt,
    const char *address, struct crypt_bytes password, struct buf *out,
    struct err *err) must_check;

#endif
