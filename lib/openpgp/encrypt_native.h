/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to encrypt.c: the native backend, and a look into its session.
 */
#ifndef OPENPGP_ENCRYPT_NATIVE_H
#define OPENPGP_ENCRYPT_NATIVE_H

#include "openpgp/backend.h"
#include "openpgp/pkesk.h"

/* session was made by pgp_backend_native. */
void native_session_key(const void *session, uint8_t out[SESSION_KEY_LEN]);

#endif
