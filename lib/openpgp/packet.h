/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A reader of OpenPGP packet framing (RFC 9580, section 4.2), streaming and
 * without I/O: old and new format, all length types, partial and
 * indeterminate lengths (the last two for data packets only, and a first part
 * of at least 512 octets). It keeps no packet body.
 */
#ifndef OPENPGP_PACKET_H
#define OPENPGP_PACKET_H

#include <stdbool.h>

#include "base/sink.h"

enum pgp_tag {
	PGP_TAG_PKESK = 1,
	PGP_TAG_SIGNATURE = 2,
	PGP_TAG_SKESK = 3,
	PGP_TAG_SECRET_KEY = 5,
	PGP_TAG_PUBLIC_KEY = 6,
	PGP_TAG_SECRET_SUBKEY = 7,
	PGP_TAG_COMPRESSED = 8,
	PGP_TAG_SED = 9, /* no integrity protection */
	PGP_TAG_MARKER = 10,
	PGP_TAG_LITERAL = 11,
	PGP_TAG_USER_ID = 13,
	PGP_TAG_PUBLIC_SUBKEY = 14,
	PGP_TAG_SEIPD = 18,
	PGP_TAG_GNUPG_AEAD = 20,
	PGP_TAG_PADDING = 21,
};

/* Each returns 0, or -1 with *err set, which ends the reading. */
struct packet_events {
	int (*begin)(void *ctx, unsigned tag, struct err *err);
	int (*body)(void *ctx, const uint8_t *data, size_t n, struct err *err);
	int (*end)(void *ctx, struct err *err);
	void *ctx;
};

struct packet_reader;

int packet_reader_new(struct packet_events events, struct packet_reader **out,
    struct err *err) must_check;
/* ERR_PROTO for what is no packet sequence. */
int packet_reader_feed(struct packet_reader *r, const void *data, size_t n,
    struct err *err) must_check;
/* ERR_PROTO when the input ends inside a packet. */
int packet_reader_finish(struct packet_reader *r, struct err *err) must_check;
void packet_reader_free(struct packet_reader **rp);

#endif
