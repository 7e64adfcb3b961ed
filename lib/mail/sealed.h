/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The format of the sealed message (doc/architecture.md, "The sealed
 * message"), without cryptography and without I/O: which header fields leave
 * the outside, what the encrypted entity's header says, the record ("head") that
 * undoes it, and the marker field X-Sealpost.
 *
 * The record, before encryption, is a sequence of
 *
 *	sealpost-head 1 CRLF
 *	taken <position> <length> CRLF <raw field>
 *	added <length> CRLF <raw field>
 *	unseparated CRLF          (no empty line ends the original header)
 *	end CRLF
 *
 * where position is the number of fields of the original header below the
 * field. Fields that the record does not name are outside, untouched.
 */
#ifndef MAIL_SEALED_H
#define MAIL_SEALED_H

#include "mail/header.h"

#define SEALED_MARKER "X-Sealpost"

/* What becomes of a header when its message is sealed. */
struct sealed_plan {
	bool *taken;            /* per field of the original: leaves the outside */
	size_t field_count;
	struct header added;    /* put below the last field, in this order */
	bool subject_protected;
	struct buf entity;      /* header of the entity, its empty line included */
	struct buf head;        /* the record; secret */
	char boundary[64];
};

struct sealed_options {
	bool protect_subject;
	bool unseparated;
	uint8_t boundary_seed[16]; /* random: makes the boundary unique */
};

/*
 * Plans the sealing of a message with this header. Returns 0 and *plan (to be
 * reset by the caller in any case), or -1 with *err set.
 */
int sealed_plan_make(const struct header *h, const struct sealed_options *o,
    struct sealed_plan *plan, struct err *err) must_check;
void sealed_plan_reset(struct sealed_plan *plan);

/* Does the Subject value carry a password ("encrypt:...", RFC 2047 decoded)? */
bool sealed_subject_has_password(const uint8_t *value, size_t len);

/* Octets before and behind the armored message in the body. */
int sealed_put_preamble(const struct sealed_plan *plan, struct buf *out,
    struct err *err) must_check;
int sealed_put_epilogue(const struct sealed_plan *plan, struct buf *out,
    struct err *err) must_check;

/*
 * The marker field, raw and folded: head is the encrypted record, binary;
 * body_octets the size of the original body.
 */
int sealed_put_marker(uint64_t body_octets, const void *head, size_t head_len,
    struct buf *out, struct err *err) must_check;

/*
 * Reads a marker's value. 1 and *body_octets and the decoded head in `head`; 0
 * when the value is no marker of a version known here; -1 with ERR_TEMP.
 */
int sealed_parse_marker(const uint8_t *value, size_t len,
    uint64_t *body_octets, struct buf *head, struct err *err) must_check;

/*
 * Rebuilds the original header block (with its empty line, if it had one) from
 * the stored header and the decrypted record, into `out`. `marker` is the
 * index of the marker's field: what stands above it is kept above. ERR_PERM when
 * the record is damaged.
 */
int sealed_rebuild_header(const struct header *stored, size_t marker,
    const void *record, size_t record_len, struct buf *out, struct err *err)
    must_check;

#endif
