/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The words of an IMAP command or response that was gathered by imap_frame.
 * Pure; everything is borrowed from the text.
 */
#ifndef PROTO_IMAP_TOKEN_H
#define PROTO_IMAP_TOKEN_H

#include <stdbool.h>

#include "base/buf.h"

struct imap_cursor {
	const uint8_t *at, *end;
};

static inline struct imap_cursor
imap_cursor(const void *data, size_t n)
{
	const uint8_t *at = data;

	return (struct imap_cursor){ at, n == 0 ? at : at + n };
}

enum imap_type { IMAP_ATOM, IMAP_QUOTED, IMAP_LITERAL, IMAP_LIST };

struct imap_value {
	enum imap_type type;
	const uint8_t *raw; /* all of it, quotes and parentheses included */
	size_t raw_len;
	const uint8_t *data; /* within quotes or parentheses; the literal */
	size_t len;
};

/*
 * The next value, blanks skipped. 1; 0 at the end; -1 ERR_PROTO. An atom is
 * whatever goes on to the next blank or parenthesis.
 */
int imap_next(
    struct imap_cursor *c, struct imap_value *v, struct err *err) must_check;

/*
 * The same for the name of a FETCH item, in which brackets hold blanks,
 * parentheses and strings: BODY[HEADER.FIELDS (A B)]<0>. Always an atom.
 */
int imap_next_item(
    struct imap_cursor *c, struct imap_value *v, struct err *err) must_check;

/* Only blanks are left? */
bool imap_at_end(const struct imap_cursor *c);

/* Compares an atom, ASCII case-insensitively. */
bool imap_is(const struct imap_value *v, const char *word);
bool imap_equal(const void *data, size_t n, const char *word);

/* Appends the octets of a string or atom. ERR_PROTO for a list. */
int imap_put_octets(
    const struct imap_value *v, struct buf *out, struct err *err) must_check;
/* Appends them as a quoted string, or as a literal where that cannot be. */
int imap_put_string(
    const void *data, size_t n, struct buf *out, struct err *err) must_check;
/*
 * A literal: "{n}" CRLF and the octets, a NUL among them as 0x80, as Dovecot
 * has it (RFC 3501 knows none).
 */
int imap_put_literal(
    const void *data, size_t n, struct buf *out, struct err *err) must_check;

/* A decimal number that is all of data. */
bool imap_number(const void *data, size_t n, uint32_t *out);

#endif
