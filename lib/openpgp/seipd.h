/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Symmetrically Encrypted and Integrity Protected Data (RFC 9580, section
 * 5.13): the body of packet 18, both ways, streaming, in constant memory.
 * Version 1 is AES in CFB with a SHA-1 modification detection code; version
 * 2 is AES in OCB, in chunks. What is written has AES-256.
 */
#ifndef OPENPGP_SEIPD_H
#define OPENPGP_SEIPD_H

#include "base/sink.h"
#include "crypt/aes.h"
#include "openpgp/pkesk.h"

enum seipd_version { SEIPD_V1 = 1, SEIPD_V2 = 2 };

struct seipd_writer;

/*
 * Writes the body of the packet to `to`: the encryption of the packets that are
 * put into its sink. crypt is borrowed; the session key is not kept.
 */
int seipd_writer_new(const struct crypt *c, enum seipd_version version,
    const uint8_t session_key[SESSION_KEY_LEN], struct sink to,
    struct seipd_writer **out, struct err *err) must_check;
struct sink seipd_writer_sink(struct seipd_writer *w);
/* Writes the proof of integrity. */
int seipd_writer_finish(struct seipd_writer *w, struct err *err) must_check;
void seipd_writer_free(struct seipd_writer **wp);

struct seipd_reader;

/*
 * The other way round: the body of the packet is fed, the packets in it go to
 * `to`.
 *
 * What comes out of version 1 is proven only by seipd_reader_finish(): until it
 * has returned 0, nothing that came out may be used. Of version 2 each chunk is
 * proven before it comes out, but only finish proves that none is missing.
 * The session key (copied) is one of AES, of any length.
 */
int seipd_reader_new(const struct crypt *c, struct aes_key session_key,
    struct sink to, struct seipd_reader **out, struct err *err) must_check;
/* ERR_PERM: another version or cipher, or not what was encrypted. */
int seipd_reader_feed(struct seipd_reader *r, const uint8_t *data, size_t n,
    struct err *err) must_check;
int seipd_reader_finish(struct seipd_reader *r, struct err *err) must_check;
void seipd_reader_free(struct seipd_reader **rp);

#endif
