/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Sequence sets: "1:4,7,9:*" (RFC 3501, section 9), and "$" (RFC 5182). Pure.
 */
#ifndef PROTO_IMAP_SET_H
#define PROTO_IMAP_SET_H

#include <stdbool.h>

#include "base/buf.h"

bool imap_set_valid(const void *set, size_t n);

/*
 * The next range of a valid set; *at counts on from 0. low <= high, "*" is
 * UINT32_MAX. False at the end, and for "$".
 */
bool imap_set_next(
    const void *set, size_t n, size_t *at, uint32_t *low, uint32_t *high);

/*
 * Puts numbers, in their order, as a set of at most `room` octets; *used is how
 * many went in (one at least).
 */
int imap_set_put(const uint32_t *numbers, size_t n, size_t room,
    struct buf *out, size_t *used, struct err *err) must_check;

#endif
