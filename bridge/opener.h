/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a stored message really is: from the octets on the server to the octets
 * the client sees. Blocking (GPGME may be asked), no network; thread-safe.
 */
#ifndef BRIDGE_OPENER_H
#define BRIDGE_OPENER_H

#include <stdbool.h>

#include "base/sink.h"
#include "user.h"

enum opened {
	OPENED_PLAIN,   /* not encrypted: the client sees it as it is */
	OPENED_SEALED,  /* sealed by the server, restored byte for byte */
	OPENED_FOREIGN, /* encrypted by its sender, decrypted as a whole */
	OPENED_NEVER,   /* encrypted, but it can never be opened here: as stored */
};

/* Could it be anything but plain? From header fields alone, never from more. */
bool opener_may_be_encrypted(const void *header, size_t n);

/*
 * The header alone (stored header block with its empty line). 1: *kind is
 * OPENED_PLAIN, or OPENED_SEALED with the restored header in `header` (.secret)
 * and the size of the restored message in *octets. 0: the body is needed to
 * know (foreign, a head that cannot be decrypted). -1 ERR_TEMP: may pass (key
 * locked, memory, gpg); nothing may be told to the client.
 */
int opener_open_header(struct user *u, const void *stored, size_t n,
    enum opened *kind, struct buf *header, uint64_t *octets, struct err *err)
    must_check;

/*
 * The whole. 0, *kind, and for OPENED_SEALED and OPENED_FOREIGN the message in
 * `message` (.secret): always the same octets for the same stored message and
 * keys. -1 ERR_TEMP as above.
 */
int opener_open(struct user *u, const void *stored, size_t n,
    enum opened *kind, struct buf *message, struct err *err) must_check;

/*
 * The same of a message that comes in pieces, of so many octets at most. Of one
 * that the server sealed its header and the binary encrypted message alone are
 * kept, this in a spool: ciphertext, which goes to a file from
 * LIMIT_SPOOL_MEMORY on. Errors but ERR_TEMP of opener_intake_new() come out in
 * the end: the sink takes everything.
 */
struct opener_intake;
int opener_intake_new(struct user *u, size_t octets,
    struct opener_intake **out, struct err *err) must_check;
struct sink opener_intake_sink(struct opener_intake *in);
/* As opener_open(); *in can be freed alone afterwards. */
int opener_intake_open(struct opener_intake *in, enum opened *kind,
    struct buf *message, struct err *err) must_check;
void opener_intake_free(struct opener_intake **ip);

#endif
