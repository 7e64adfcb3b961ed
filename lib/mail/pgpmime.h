/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Recognises exactly the structure of an encrypted message in RFC 3156,
 * section 4, as real clients write it, and nothing else that could carry
 * readable text: the preamble is one of a few known sentences, the fields of
 * the parts are known and bounded, the first part is "Version: 1", the second
 * one is handed on, and nothing follows. Streaming; lines end with CRLF.
 */
#ifndef MAIL_PGPMIME_H
#define MAIL_PGPMIME_H

#include "base/sink.h"

struct pgpmime;

/*
 * content_type is the raw value of the message's Content-Type. Returns 1 and
 * *out when it announces PGP/MIME encryption, 0 when it does not, -1 with
 * ERR_TEMP. The body of the second part goes into `armor` (copied): each put
 * is one line, without its CRLF.
 */
int pgpmime_new(const void *content_type, size_t n, struct sink armor,
    struct pgpmime **out, struct err *err) must_check;
void pgpmime_free(struct pgpmime **pp);

/*
 * 0, or -1 with *err set: ERR_PROTO and what is wrong when this is not the
 * structure, ERR_TEMP, or what the sink said. No use after a failure.
 */
int pgpmime_feed(
    struct pgpmime *p, const void *body, size_t n, struct err *err) must_check;
/* The same; 0 only when the structure is complete. */
int pgpmime_finish(struct pgpmime *p, struct err *err) must_check;

#endif
