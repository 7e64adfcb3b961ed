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
#define SEALED_SEED_SIZE 16

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
	/* makes the boundary unique: random, or a label to know it by */
	uint8_t boundary_seed[SEALED_SEED_SIZE];
};

/*
 * The seed of a boundary that was made here, from the value of Content-Type.
 * It proves nothing: whoever made the message may have chosen it.
 */
bool sealed_boundary_seed(
    const char *content_type, uint8_t seed[SEALED_SEED_SIZE]);

/*
 * Plans the sealing of a message with this header. Returns 0 and *plan (to be
 * reset by the caller in any case), or -1 with *err set.
 */
int sealed_plan_make(const struct header *h, const struct sealed_options *o,
    struct sealed_plan *plan, struct err *err) must_check;
void sealed_plan_reset(struct sealed_plan *plan);

/* Does the Subject value carry a password ("encrypt:...", RFC 2047 decoded)? */
bool sealed_subject_has_password(const uint8_t *value, size_t len);

/*
 * Is it a field that says the Subject (Thread-Topic and its like repeat it), and
 * carries a password?
 */
bool sealed_field_has_password(const struct header_field *f);

/*
 * The same of any field, name and all, whose value somebody may have written or
 * a program copied from a Subject: not of addresses, dates and the like. Also
 * of what stands among the fields and is none.
 */
bool sealed_text_has_password(const uint8_t *field, size_t n);

/* Octets before and behind the armored message in the body. */
int sealed_put_preamble(const struct sealed_plan *plan, struct buf *out,
    struct err *err) must_check;
int sealed_put_epilogue(const struct sealed_plan *plan, struct buf *out,
    struct err *err) must_check;

/*
 * Puts the marker into `out`: the fields that stand above all others. head is
 * the encrypted record, binary; body_octets the size of the original body. It is
 * one field, unless head is so large that Postfix would cut that field (it cuts
 * at 60,000 octets without a word): then X-Sealpost-More fields follow.
 */
int sealed_put_marker(uint64_t body_octets, const void *head, size_t head_len,
    struct header *out, struct err *err) must_check;

/* Where the marker stands in a stored header, and what it says. */
struct sealed_marker {
	size_t first; /* index of its first field */
	size_t count; /* fields, one below the other */
	uint64_t body_octets;
	struct buf head; /* the encrypted record, binary */
};

/*
 * Finds the topmost marker of a version known here. 1 and *out; 0 when there is
 * none that can be read; -1 with ERR_TEMP. *out is to be reset in any case.
 */
int sealed_find_marker(const struct header *stored, struct sealed_marker *out,
    struct err *err) must_check;
void sealed_marker_reset(struct sealed_marker *m);

/*
 * Rebuilds the original header block (with its empty line, if it had one) from
 * the stored header and the decrypted record, and puts it into `out`. What
 * stands above the marker is kept above. ERR_PERM when the record is damaged.
 */
int sealed_rebuild_header(const struct header *stored,
    const struct sealed_marker *marker, const void *record, size_t record_len,
    struct buf *out, struct err *err) must_check;

#endif
