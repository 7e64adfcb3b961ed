/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The MIME structure of a message as offsets into its octets, and what IMAP
 * says of it: BODY, BODYSTRUCTURE, ENVELOPE and the sections of BODY[...] (RFC
 * 3501, 7.4.2, 6.4.5), written as Dovecot writes them. Pure; knows no I/O.
 * The message has CRLF line ends (a bare LF ends a line too, as in Dovecot).
 * Sections are slices of it: a NUL in one has to become 0x80 in a literal, as
 * Dovecot has it.
 */
#ifndef MAIL_STRUCTURE_H
#define MAIL_STRUCTURE_H

#include <stdbool.h>

#include "base/buf.h"

struct structure_part {
	struct structure_part *parent, *children,
	    *next;                    /* first child, sibling */
	size_t header_at, header_len; /* its MIME header with the empty line */
	size_t body_at, body_len;
	size_t header_lines, body_lines;
	bool is_multipart;
	bool is_message; /* message/rfc822: its only child is the message in it
			  */
};

struct structure;

/*
 * `message` is borrowed for the life of the structure. Parts and depth are
 * bounded (what is deeper or more is text); never fails but for memory
 * (ERR_TEMP).
 */
int structure_parse(const void *message, size_t n, struct structure **out,
    struct err *err) must_check;
void structure_free(struct structure **sp);

const struct structure_part *structure_root(const struct structure *s);
/* The message that was parsed. */
const uint8_t *structure_message(const struct structure *s);

/*
 * Append the parenthesized list, without the item's name. Strings that cannot
 * be quoted are literals.
 */
int structure_put_bodystructure(
    const struct structure *s, struct buf *out, struct err *err) must_check;
int structure_put_body(
    const struct structure *s, struct buf *out, struct err *err) must_check;
/* Of any header block (with or without its empty line). */
int envelope_put(
    const void *header, size_t n, struct buf *out, struct err *err) must_check;

/* What stands between the brackets of BODY[...]. */
enum section_kind {
	SECTION_ALL, /* "" or a part's number alone */
	SECTION_HEADER,
	SECTION_HEADER_FIELDS,
	SECTION_HEADER_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

struct section {
	enum section_kind kind;
	const unsigned *path; /* part numbers; borrowed */
	size_t path_len;
	const char *const *fields; /* names, for the two HEADER_FIELDS kinds */
	size_t field_count;
};

/*
 * The octets of a section. 1: *data (borrowed from the message) and *len, or,
 * for the kinds with fields, what was put into `scratch`. 0: there is no such
 * part (Dovecot answers with an empty literal). -1 ERR_TEMP.
 */
int structure_section(const struct structure *s, const struct section *want,
    struct buf *scratch, const uint8_t **data, size_t *len,
    struct err *err) must_check;
/* The same for HEADER, HEADER.FIELDS[.NOT] of a header block alone. */
int header_section(const void *header, size_t n, const struct section *want,
    struct buf *scratch, const uint8_t **data, size_t *len,
    struct err *err) must_check;

#endif
