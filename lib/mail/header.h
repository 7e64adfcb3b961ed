/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A header block as a list of raw fields (RFC 5322, 2.2), byte for byte.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>

#include "base/buf.h"

struct header_field {
	uint8_t *raw; /* "Name: value CRLF", folding included, owned */
	size_t raw_len;
	size_t name_len; /* octets before the colon, less trailing blanks */
	size_t value_at; /* offset of the octet after the colon */
};

struct header {
	struct header_field *fields;
	size_t count;
	size_t room;
	size_t octets; /* sum of raw_len; never over LIMIT_HEADER */
};

void header_reset(struct header *h);

/*
 * Appends a copy of one raw field that ends with CRLF. ERR_PERM over
 * LIMIT_HEADER octets or LIMIT_HEADER_FIELDS fields; ERR_PROTO without a name
 * and a colon.
 */
int header_add_raw(struct header *h, const void *raw, size_t n,
    struct err *err) must_check;

/* Compares the field's name, ASCII case-insensitively. */
bool header_field_is(const struct header_field *f, const char *name);
bool header_field_begins(const struct header_field *f, const char *prefix);

/*
 * The value: what follows the colon, without the final CRLF. Borrowed; may
 * hold folding, 8-bit octets and NUL.
 */
const uint8_t *header_field_value(const struct header_field *f, size_t *len);

/* The first field of that name, and how many there are; NULL for none. */
const struct header_field *header_find(const struct header *h,
    const char *name, size_t *count);

/*
 * Splits the header block of a message as it streams in: fields are gathered
 * until the empty line, what follows it is the body.
 */
struct header_reader {
	struct buf line; /* the field being gathered */
	struct header *to;
	bool at_line_start;
	bool done;      /* the empty line was seen, or a line that is no field */
	bool separated; /* it was the empty line */
	bool cr;        /* the last octet was CR (needed across cuts) */
};

void header_reader_init(struct header_reader *r, struct header *to);
void header_reader_reset(struct header_reader *r);
/*
 * Eats octets of a CRLF message. *used says how many belong to the header (and
 * its empty line); r->done is set when the header is over. A line that is no
 * field and no continuation ends the header without a separator: the octets
 * of that line are given back by header_reader_rest().
 */
int header_reader_feed(struct header_reader *r, const void *data, size_t n,
    size_t *used, struct err *err) must_check;
/* At the end of the input: a message that has no body and no empty line. */
int header_reader_finish(struct header_reader *r, struct err *err) must_check;
/* Octets of the body that the reader still holds (borrowed). */
const uint8_t *header_reader_rest(const struct header_reader *r, size_t *len);

#endif
