/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the start of an encrypted message, up to the
 * encrypted data: for whom it is.
 */
#ifndef OPENPGP_RECIPIENTS_H
#define OPENPGP_RECIPIENTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "openpgp/cert.h"
#include "openpgp/cursor.h"
#include "openpgp/input.h"

/* One PKESK packet; borrows from `recipients`. */
struct recipient {
	unsigned version; /* 3 or 6 */
	unsigned algorithm;
	struct octets id;   /* key ID or fingerprint; empty: not told */
	struct octets rest; /* behind the algorithm */
};

struct recipients {
	struct buf bodies;
	size_t starts[LIMIT_PKESK_PACKETS + 1];
	size_t count;
	struct recipient of[LIMIT_PKESK_PACKETS];
	size_t known;           /* of them, of version 3 or 6 */
	unsigned data_tag;      /* of the encrypted data */
	unsigned data_version;  /* its first octet */
};

/*
 * Reads so far into the message (binary). 0, or -1: ERR_PERM when it is no
 * encrypted message, or has more than LIMIT_PKESK_PACKETS recipients. *out is
 * to be reset in any case.
 */
int recipients_read(const struct input *in, struct recipients *out,
    struct err *err) must_check;
void recipients_reset(struct recipients *r);

/* Is it for the (sub)key with this fingerprint, or may it be? */
bool recipient_is(
    const struct recipient *r, const uint8_t *fingerprint, size_t len);

#endif
