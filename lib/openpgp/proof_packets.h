/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the packets of a message that is sealed to its
 * recipient: PKESK and SKESK packets with nothing but a session key in them,
 * one of them for the recipient, then one SEIPD packet whose octets are spread
 * as those of a ciphertext are. (Nobody without the key can know that they are
 * one; but no text, plain or encoded, looks like it.)
 */
#ifndef OPENPGP_PROOF_PACKETS_H
#define OPENPGP_PROOF_PACKETS_H

#include "openpgp/cert.h"
#include "openpgp/packet.h"

enum { SPREAD_WINDOW = 4096, SPREAD_MIN = 64 };

/* How often each octet occurs in a window of the encrypted data. */
struct spread {
	uint32_t seen[256];
	uint32_t total;
};

struct proof_packets {
	struct pgp_cert *const *certs; /* borrowed */
	size_t cert_count;
	bool anyone; /* may be the recipient */
	unsigned tag;    /* of the current packet */
	struct buf body; /* of the current PKESK or SKESK */
	size_t session_keys;
	bool other_versions[2]; /* session keys for SEIPD 1, for SEIPD 2 */
	bool for_recipient[2];  /* the same, with his key */
	uint8_t head[4];        /* of the SEIPD packet */
	uint64_t data_len;      /* octets of it */
	bool complete;          /* it has ended */
	struct spread spread;
};

void proof_packets_init(
    struct proof_packets *p, struct pgp_cert *const *certs, size_t cert_count);
void proof_packets_reset(struct proof_packets *p);

/* ERR_PROTO from any of them: not sealed to this recipient. */
struct packet_events proof_packets_events(struct proof_packets *p);
int proof_packets_finish(
    const struct proof_packets *p, struct err *err) must_check;

/*
 * Adds octets of the encrypted data; false when they cannot be ciphertext. A
 * window is judged when it is full and when the data end.
 */
bool spread_add(struct spread *s, const uint8_t *data, size_t n);
bool spread_is_even(const struct spread *s);

#endif
