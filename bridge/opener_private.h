/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to opener*.c: the parts that opening a message is made of.
 */
#ifndef BRIDGE_OPENER_PRIVATE_H
#define BRIDGE_OPENER_PRIVATE_H

#include "base/sink.h"
#include "mail/header.h"
#include "openpgp/decrypt.h"
#include "openpgp/secret.h"
#include "user.h"

/* A message in memory, taken apart. */
struct opener_parts {
	struct header header;
	const uint8_t *message; /* borrowed, as the body in it is */
	size_t message_len;
	const uint8_t *body;
	size_t body_len;
};

int opener_split(const void *message, size_t n, struct opener_parts *out,
    struct err *err) must_check;
void opener_parts_reset(struct opener_parts *p);

/* One message that is being opened. */
struct opening {
	struct user *user;
	struct pgp_last last; /* its two parts share a session key */
};

/*
 * Decrypts one message (binary) into `to`: in-process, or with GPGME what is
 * only for that. 0, and what came out is whole and proven; -1 ERR_PERM it can
 * never be opened here; ERR_TEMP. signature NULL: a signature is not looked for
 * (the server's own messages have none).
 */
int opener_decrypt(struct opening *o, const void *data, size_t n,
    struct buf *to, struct pgp_signature *signature,
    struct err *err) must_check;

/* The same for the armored message in a PGP/MIME body. */
int opener_decrypt_body(struct opening *o, const struct opener_parts *stored,
    struct buf *to, struct pgp_signature *signature,
    struct err *err) must_check;

/*
 * A message that its sender encrypted, decrypted as a whole, into `out`. 0, or
 * -1 ERR_PERM it can never be opened here, or it is not encrypted as a whole;
 * ERR_TEMP.
 */
int opener_open_foreign(struct opening *o, const struct opener_parts *stored,
    struct buf *out, struct err *err) must_check;

#endif
