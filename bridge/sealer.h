/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Seals what the client uploads to the user's own certificate, as the milter
 * does, with lib/openpgp/seal. Streaming; keeps no plaintext in a file.
 */
#ifndef BRIDGE_SEALER_H
#define BRIDGE_SEALER_H

#include "base/spool.h"
#include "user.h"

struct sealer;

int sealer_new(struct user *u, struct sealer **out, struct err *err)
    must_check;
void sealer_free(struct sealer **sp);
/* The message's octets as they come, CRLF or LF. */
int sealer_feed(struct sealer *s, const void *data, size_t n, struct err *err)
    must_check;
/*
 * 0 and the stored form (header and body, CRLF), borrowed until
 * sealer_free(). A message that is sealed to the user already passes as it is.
 * A Subject that carries a password is protected. After an error nothing may be
 * sent to the server.
 */
int sealer_finish(struct sealer *s, struct spool **stored, struct err *err)
    must_check;

#endif
