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
 * Splits the header block of a CRLF message as it streams in: fields are
 * gathered until the empty line; what follows it is the body. A line that is
 * neither a field nor a continuation ends the header too, and belongs to the
 * body.
 */
struct header_reader {
	struct header *to;  /* borrowed */
	struct buf pending; /* a field that may go on, and an unfinished line */
	size_t line_at;     /* where in pending the unfinished line starts */
	bool done;
	bool separated; /* the header was ended by an empty line */
};

void header_reader_init(struct header_reader *r, struct header *to);
void header_reader_reset(struct header_reader *r);

/*
 * Eats octets until the header is over (r->done) or the input is; *used says
 * how many were eaten. Octets that were eaten and belong to the body all the
 * same are given back by header_reader_rest().
 */
int header_reader_feed(struct header_reader *r, const void *data, size_t n,
    size_t *used, struct err *err) must_check;
/* At the end of the input, when the header was not over before. */
int header_reader_finish(struct header_reader *r, struct err *err) must_check;
/* The start of the body as far as the reader has eaten it; borrowed. */
const uint8_t *header_reader_rest(const struct header_reader *r, size_t *len);

/* A message in memory, taken apart. */
struct message_parts {
	struct header header;
	const uint8_t *message; /* borrowed, as the body in it is */
	size_t message_len;
	const uint8_t *body;
	size_t body_len;
	bool separated; /* the header was ended by an empty line */
};

/*
 * Takes all n octets of a CRLF message apart into *out, which is { 0 } before
 * and needs message_parts_reset() after an error as well. What is held
 * meanwhile is wiped. Fails as header_add_raw() does, or for want of memory.
 */
int header_split(const void *message, size_t n, struct message_parts *out,
    struct err *err) must_check;
void message_parts_reset(struct message_parts *p);

#endif
