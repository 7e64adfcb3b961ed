/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Is this message already sealed to its recipient? Proven from its octets,
 * never believed: exactly the RFC 3156 structure, armor that decodes, packets
 * PKESK/SKESK... then exactly one SEIPD to the end, and one PKESK names an
 * encryption subkey of one of the recipient's certificates (expired ones count:
 * what is encrypted to them is not plaintext). Streaming; keeps no body.
 */
#ifndef OPENPGP_PROOF_H
#define OPENPGP_PROOF_H

#include "base/sink.h"
#include "openpgp/cert.h"

struct pgp_proof;

/*
 * content_type is the value of the message's only Content-Type field, raw
 * (folding allowed). Returns 1 and *out when it is worth looking at the body,
 * 0 when the value alone rules it out, -1 with ERR_TEMP. certs is borrowed.
 */
int pgp_proof_new(const char *content_type, size_t len,
    struct pgp_cert *const *certs, size_t cert_count, struct pgp_proof **out,
    struct err *err) must_check;
/*
 * The same, but whoever can decrypt it: proves that the body is encrypted, and
 * not that the recipient can read it. For those who take stock, never for
 * those who decide what may be stored.
 */
int pgp_proof_new_for_anyone(const char *content_type, size_t len,
    struct pgp_proof **out, struct err *err) must_check;
/* 1 still possible, 0 ruled out (stop feeding), -1 ERR_TEMP. */
int pgp_proof_feed(struct pgp_proof *p, const void *body, size_t n,
    struct err *err) must_check;
/*
 * 1 proven, 0 not, -1 ERR_TEMP. *reason says why not; it is valid until
 * pgp_proof_free().
 */
int pgp_proof_finish(struct pgp_proof *p, const char **reason,
    struct err *err) must_check;
void pgp_proof_free(struct pgp_proof **pp);

#endif
