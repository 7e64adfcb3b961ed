/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What follows DATA (RFC 5321, section 4.5.2), as it comes in: dots undone, the
 * end found. Only CRLF ends a line; CR or LF alone makes the message malformed,
 * for servers disagree about them (SMTP smuggling). Pure.
 */
#ifndef PROTO_SMTP_DATA_H
#define PROTO_SMTP_DATA_H

#include <stdbool.h>

#include "base/buf.h"

/* All zero at the start of a message. */
struct smtp_data {
	unsigned state;
	bool malformed; /* a bare CR or LF was seen: refuse it at the end */
};

/*
 * Appends the message's octets to out, up to the end. *eaten is how many of in
 * belong to the message and its final dot. 1 at the end, 0 more is needed, -1
 * (out is full, memory): the message is lost then.
 */
int smtp_data_feed(struct smtp_data *d, const uint8_t *in, size_t n,
    size_t *eaten, struct buf *out, struct err *err) must_check;

#endif
