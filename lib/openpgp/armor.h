/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * ASCII armor of "PGP MESSAGE" (RFC 9580, section 6), streaming, both ways.
 * The writer makes 64-character lines ended by CRLF, and the CRC-24 line
 * (gpg 2.2 warns without it).
 */
#ifndef OPENPGP_ARMOR_H
#define OPENPGP_ARMOR_H

#include "base/sink.h"

struct armor_writer;

int armor_writer_new(
    struct sink to, struct armor_writer **out, struct err *err) must_check;
/* A sink that armors what is put in. */
struct sink armor_writer_sink(struct armor_writer *w);
int armor_writer_finish(struct armor_writer *w, struct err *err) must_check;
void armor_writer_free(struct armor_writer **wp);

struct armor_reader;

/*
 * Reads exactly one armored message: optional blank lines, the header line,
 * armor header lines (any), an empty line, base64, an optional CRC-24 line
 * (checked), the tail line, then nothing but white space. LF or CRLF; lines
 * of at most LIMIT_ARMOR_LINE octets. Anything else is ERR_PROTO. Decoded
 * octets go into `to`; they are worth something only once finish returned 0.
 */
int armor_reader_new(
    struct sink to, struct armor_reader **out, struct err *err) must_check;
int armor_reader_feed(struct armor_reader *r, const void *data, size_t n,
    struct err *err) must_check;
int armor_reader_finish(struct armor_reader *r, struct err *err) must_check;
void armor_reader_free(struct armor_reader **rp);

#endif
