/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Does a header carry the password of an "encrypt:PASSWORD:SUBJECT" subject?
 * Looked for in every unstructured field (Thread-Topic, Comments and Keywords
 * repeat a subject), and in lines that are no field at all. Doubt is yes: such a
 * message is refused. Pure.
 */
#ifndef BRIDGE_SMTP_JUDGE_H
#define BRIDGE_SMTP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CRLF lines, up to the empty line or the message's end. */
bool smtp_header_has_password(const uint8_t *header, size_t n);

/*
 * Octets of the header with its empty line, 0 when that is not there yet.
 * *from is where to look, 0 at first; it is moved on.
 */
size_t smtp_header_end(const uint8_t *data, size_t n, size_t *from);

#endif
