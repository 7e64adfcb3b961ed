/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * EHLO keywords, one a line, each line ended by a line feed. Only those that
 * the bridge honours are told to a client; an extension that it does not know
 * is hidden. PIPELINING, AUTH and STARTTLS are the bridge's own. Pure.
 */
#ifndef BRIDGE_SMTP_EHLO_H
#define BRIDGE_SMTP_EHLO_H

#include <stdbool.h>

#include "base/buf.h"

/* What may pass of a server's keywords. */
int smtp_ehlo_filter(const char *server, struct buf *out, struct err *err)
    must_check;

/* What both have, filtered; of SIZE the smaller number. */
int smtp_ehlo_common(const char *a, const char *b, struct buf *out,
    struct err *err) must_check;

/* The reply to EHLO, with the bridge's own keywords. */
int smtp_ehlo_reply(const char *filtered, bool auth, bool starttls,
    struct buf *out, struct err *err) must_check;

#endif
