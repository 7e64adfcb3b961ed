/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Which of a server's extensions the bridge can honour. An allow-list: an
 * extension that is not known here is hidden, or it would show what is stored
 * in place of what was written. Pure.
 */
#ifndef PROTO_IMAP_CAPABILITY_H
#define PROTO_IMAP_CAPABILITY_H

#include "proto/imap_token.h"

/*
 * Puts the words of a server's capability list that pass, blank-separated, and
 * LITERAL+, which is the bridge's own.
 */
int imap_capability_filter(
    const void *list, size_t n, struct buf *out, struct err *err) must_check;

/* Is the word in the list? ASCII case-insensitively. */
bool imap_capability_has(const void *list, size_t n, const char *word);

/* May a client ENABLE it? */
bool imap_enable_passes(const void *name, size_t n);

#endif
