/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SASL mechanisms, the server's side, as state machines: messages in, and out
 * what is to be done next. They look nothing up and know no clock.
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H

#include "crypt/verifier.h"

enum sasl_step {
	SASL_CHALLENGE, /* sasl_challenge() goes out, its answer is awaited */
	SASL_PASSWORD,  /* check sasl_password() of sasl_user(): the end */
	SASL_VERIFIER,  /* sasl_give_verifier() of sasl_user() is due */
	SASL_ACCEPTED,  /* the client has proved who it is: the end */
	SASL_REFUSED,   /* it has not: the end */
	SASL_MALFORMED, /* it broke the mechanism's rules: the end */
};

struct sasl_mechanism;

/* NULL when there is none of this name. */
const struct sasl_mechanism *sasl_find(const char *name);
const char *sasl_name(const struct sasl_mechanism *m);
/* For the MECH line of Dovecot's protocol. */
const char *sasl_properties(const struct sasl_mechanism *m);
/* The password itself passes over the connection. */
bool sasl_is_plaintext(const struct sasl_mechanism *m);

/* One exchange; all of it is wiped at the end. */
struct sasl;

enum { SASL_NONCE_OCTETS = 18 };

/*
 * crypt is borrowed. `nonce`, the server's part of SCRAM's, is printable ASCII
 * without comma, fresh and random.
 */
int sasl_new(const struct crypt *crypt, const struct sasl_mechanism *m,
    const char *nonce, struct sasl **out, struct err *err) must_check;
void sasl_free(struct sasl **sp);

/*
 * They return 0 and what is to be done next; -1 with ERR_TEMP when memory or
 * the cryptographic library failed, which says nothing about the client.
 */
/* The client sent no initial response. */
int sasl_begin(struct sasl *s, enum sasl_step *next, struct err *err)
    must_check;
/* The client's initial response, or answer to the challenge. */
int sasl_answer(struct sasl *s, const uint8_t *in, size_t n,
    enum sasl_step *next, struct err *err) must_check;
/*
 * After SASL_VERIFIER; not `allowed`: the exchange goes on as it would and ends
 * with SASL_REFUSED, whatever the client proves.
 */
int sasl_give_verifier(struct sasl *s, const struct verifier *v, bool allowed,
    enum sasl_step *next, struct err *err) must_check;

/* UTF-8 without control characters; "" as long as it is not known. */
const char *sasl_user(const struct sasl *s);
const uint8_t *sasl_challenge(const struct sasl *s, size_t *len);
/* Not empty and without NUL after SASL_PASSWORD. */
const char *sasl_password(const struct sasl *s, size_t *len);

#endif
