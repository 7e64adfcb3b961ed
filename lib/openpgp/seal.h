/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The sealing of one message: header fields and body octets in, the edits
 * that seal it out. It decides by proof alone whether the message is sealed
 * already. Used by the milter, `sealpost seal` and the Dovecot plugin.
 *
 * Order of calls: seal_new, seal_field..., seal_end_of_header, seal_body...,
 * seal_finish; then the results. After any call has failed the object is only
 * good for seal_free(), and nothing it holds may be passed on.
 */
#ifndef OPENPGP_SEAL_H
#define OPENPGP_SEAL_H

#include "base/spool.h"
#include "crypt/crypt.h"
#include "mail/sealed.h"
#include "openpgp/cert.h"
#include "openpgp/proof.h"

/*
 * Begins the proof that a message with this header is sealed already: as
 * pgp_proof_new(), 1 and *out, 0 when the header rules it out, or -1. Sealing
 * does it by itself; this is for whoever only looks.
 */
int seal_proof_new(const struct header *h, struct pgp_cert *const *certs,
    size_t cert_count, struct pgp_proof **out, struct err *err) must_check;
/* The same as pgp_proof_new_for_anyone(). */
int seal_proof_new_for_anyone(const struct header *h, struct pgp_proof **out,
    struct err *err) must_check;

struct seal;

enum seal_outcome { SEAL_SEALED, SEAL_ALREADY };

struct seal_request {
	const struct crypt *crypt;
	struct pgp_cert *const *certs; /* the recipient's, newest first */
	size_t cert_count;
	const struct pgp_cert *cert;     /* the one to seal to */
	const struct pgp_subkey *subkey; /* of cert */
	bool protect_subject;
	const char *spool_directory;
	/* Of the boundary, SEALED_SEED_SIZE octets; NULL = random. */
	const uint8_t *boundary_seed;
};

/* All pointers of the request are borrowed for the life of the object. */
int seal_new(const struct seal_request *request, struct seal **out,
    struct err *err) must_check;
void seal_free(struct seal **sp);

/* One raw field, CRLF-terminated, in the order of the message. */
int seal_field(struct seal *s, const void *raw, size_t n, struct err *err)
    must_check;
/* separated: an empty line ends the header (always so in SMTP). */
int seal_end_of_header(struct seal *s, bool separated, struct err *err)
    must_check;
int seal_body(struct seal *s, const void *data, size_t n, struct err *err)
    must_check;
/*
 * Can the outcome still be SEAL_ALREADY? Whoever cannot read the message again
 * keeps its body so long (encrypted, if it may come to a disk).
 */
bool seal_maybe_already(const struct seal *s);
int seal_finish(struct seal *s, enum seal_outcome *outcome, struct err *err)
    must_check;

/*
 * Results of a finished sealing, valid until seal_free(). For SEAL_ALREADY the
 * body stays as it is and only seal_removes() asks for something: forged
 * markers go.
 */
const struct header *seal_header(const struct seal *s);
/* Field i of the original header must be removed from the outside. */
bool seal_removes(const struct seal *s, size_t i);
/* The marker's fields (mostly one), to stand above all fields. */
const struct header *seal_marker(const struct seal *s);
/* Fields to append below all fields. */
const struct header *seal_added(const struct seal *s);
/* The new body; NULL unless the outcome is SEAL_SEALED. */
struct spool *seal_body_spool(struct seal *s);

#endif
