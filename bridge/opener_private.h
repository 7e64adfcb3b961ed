/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to opener*.c: the parts that opening a message is made of.
 */
#ifndef BRIDGE_OPENER_PRIVATE_H
#define BRIDGE_OPENER_PRIVATE_H

#include "base/sink.h"
#include "base/spool.h"
#include "mail/header.h"
#include "openpgp/decrypt.h"
#include "openpgp/secret.h"
#include "user.h"

/* One message that is being opened. */
struct opening {
	struct user *user;
	struct pgp_last last; /* its two parts share a session key */
};

/* One encrypted message, binary. */
struct opener_cipher {
	const void *data;
	size_t n;
	struct spool *spool; /* when not NULL, it and not data */
};

/*
 * Where plaintext goes: behind what `to` holds. { .to, .most } and, for an
 * entity of which the body alone is wanted, .body_only.
 */
struct opener_target {
	struct buf *to;
	uint64_t most; /* octets; more are ERR_PERM */
	bool body_only;
	size_t before; /* this and what follows are set by opener_decrypt() */
	struct header dropped;
	struct header_reader reader;
};

/*
 * Decrypts one message: in-process, or with GPGME what is only for that. 0,
 * and what came out is whole and proven; -1 and nothing is left of it:
 * ERR_PERM it can never be opened here; ERR_TEMP. signature NULL: a signature
 * is not looked for (the server's own messages have none).
 */
int opener_decrypt(struct opening *o, const struct opener_cipher *in,
    struct opener_target *out, struct pgp_signature *signature,
    struct err *err) must_check;

/* ---- opener_armor.c ---- */

/*
 * The first armored message of a PGP/MIME body as it streams in, to the end of
 * its tail line. The binary message is all that is kept.
 */
struct opener_armor;

int opener_armor_new(struct opener_armor **out, struct err *err) must_check;
int opener_armor_feed(struct opener_armor *a, const uint8_t *data, size_t n,
    struct err *err) must_check;
/* The message (borrowed). ERR_PERM when there was none, or a broken one. */
int opener_armor_finish(struct opener_armor *a, struct spool **message,
    struct err *err) must_check;
void opener_armor_free(struct opener_armor **ap);

/* ---- opener_foreign.c ---- */

/*
 * A message that its sender encrypted, decrypted as a whole, into `out`. 0, or
 * -1 ERR_PERM it can never be opened here, or it is not encrypted as a whole;
 * ERR_TEMP. The stored octets are in `stored`, which is given back as soon as
 * they are of no use any more.
 */
int opener_open_foreign(struct opening *o, const struct message_parts *parts,
    struct buf *stored, struct buf *out, struct err *err) must_check;

#endif
