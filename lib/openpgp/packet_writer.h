/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Writes one OpenPGP packet whose length is not known before its end: what is
 * short enough gets a plain length, all else comes in parts (RFC 9580, section
 * 4.2.1.4). Constant memory.
 */
#ifndef OPENPGP_PACKET_WRITER_H
#define OPENPGP_PACKET_WRITER_H

#include "base/sink.h"

enum {
	PACKET_PART_BITS = 13,
	PACKET_PART_LEN = 1
			  << PACKET_PART_BITS, /* a body up to this is whole */
	PACKET_HEADER_MAX = 6,
};

struct packet_writer;

int packet_writer_new(unsigned tag, struct sink to, struct packet_writer **out,
    struct err *err) must_check;
/* Takes the body. */
struct sink packet_writer_sink(struct packet_writer *w);
/* Ends the packet; only then it is one. */
int packet_writer_finish(struct packet_writer *w, struct err *err) must_check;
/* Wipes what it held. */
void packet_writer_free(struct packet_writer **wp);

/* The header of a packet of n octets; returns its own length. */
size_t packet_header(unsigned tag, uint32_t n, uint8_t out[PACKET_HEADER_MAX]);

#endif
