/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#ifndef BRIDGE_SMTP_BCC_H
#define BRIDGE_SMTP_BCC_H

#include "base/buf.h"

/*
 * A Bcc field for the copy of a sent message: the recipients (one a line) whom
 * no To, Cc or Bcc of the header names. Nothing when there are none. Pure.
 */
int smtp_bcc_put(const uint8_t *header, size_t n, const char *recipients,
    struct buf *out, struct err *err) must_check;

#endif
