/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* One question over a socket. */
#ifndef CTL_DOCTOR_TALK_H
#define CTL_DOCTOR_TALK_H

#include "base/buf.h"
#include "base/conf.h"
#include "doctor_state.h"

/*
 * Connects, sends what begins the protocol, and puts what comes back into
 * `out` (empty, with its limit) until it is whole, or the peer ends, or ten
 * seconds are over. 0, or -1 when nobody answers at all.
 */
int doctor_talk(const struct conf_socket *to, enum doctor_peer peer,
    struct buf *out, struct err *err) must_check;

#endif
