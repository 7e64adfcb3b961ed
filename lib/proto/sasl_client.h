/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SASL, the client's side: SCRAM-SHA-256 (RFC 5802, RFC 7677; without channel
 * binding) and PLAIN (RFC 4616). Pure: messages in and out, as octets before
 * base64.
 */
#ifndef PROTO_SASL_CLIENT_H
#define PROTO_SASL_CLIENT_H

#include "base/buf.h"
#include "crypt/crypt.h"

/* The one message of PLAIN; `out` is .secret. ERR_PERM for a NUL in either. */
int sasl_client_plain(const char *user, struct crypt_bytes password,
    struct buf *out, struct err *err) must_check;

struct scram_client;

/*
 * All is borrowed for the life of the object. `nonce` is fresh, random,
 * printable ASCII without comma. The password is taken as it is (no SASLprep).
 * A server that asks for fewer rounds than min (it could then guess the
 * password), or for more than max, is refused.
 */
struct scram_setup {
	const struct crypt *crypt;
	const char *user;
	struct crypt_bytes password;
	const char *nonce;
	uint32_t min_iterations, max_iterations;
};

int scram_client_new(const struct scram_setup *setup,
    struct scram_client **out, struct err *err) must_check;
void scram_client_free(struct scram_client **sp);

/* The client's first message, borrowed. */
const uint8_t *scram_client_first(const struct scram_client *s, size_t *len);

/*
 * The server's first message: checked, *salt and *iterations set for whoever
 * pins them; nothing was computed yet. ERR_PROTO when it is malformed, ERR_PERM
 * when the number of rounds is refused.
 */
int scram_client_take_first(struct scram_client *s, const uint8_t *in,
    size_t n, struct crypt_bytes *salt, uint32_t *iterations, struct err *err)
    must_check;

/* The client's final message into out. Costs the rounds of PBKDF2. */
int scram_client_final(struct scram_client *s, struct buf *out,
    struct err *err) must_check;

/*
 * The server's final message. 1: it knows the verifier, the login stands. 0: it
 * says that the login is refused (e=). -1 ERR_PERM: its signature is wrong, so
 * it is not the server that it should be; ERR_PROTO.
 */
int scram_client_verify(struct scram_client *s, const uint8_t *in, size_t n,
    struct err *err) must_check;

#endif
