/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Not part of the interface: lets tests look into a session.
 */
#ifndef OPENPGP_SESSION_KEY_H
#define OPENPGP_SESSION_KEY_H

#include <stdbool.h>

#include "openpgp/encrypt.h"
#include "openpgp/pkesk.h"

/*
 * FOR TESTS ONLY: the session key of a session. False, and out untouched, when
 * the session is not native.
 */
bool pgp_session_key(const struct pgp_session *s, uint8_t out[SESSION_KEY_LEN]);

#endif
