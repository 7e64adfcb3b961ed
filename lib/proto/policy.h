/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Postfix's policy delegation protocol: a request is "name=value" lines and an
 * empty line. Bytes in, requests out; no socket, no clock, no log.
 *
 * Attributes come in any order; those we have no use for are skipped, of one
 * that is there twice the last counts. A value that cannot be (a size that is
 * no number, a name that is too long) is as if it were missing: the request
 * keeps its shape.
 */
#ifndef PROTO_POLICY_H
#define PROTO_POLICY_H

#include <stdbool.h>

#include "base/buf.h"

enum { POLICY_USER_SIZE = 960 + 1, POLICY_INSTANCE_SIZE = 128 };

struct policy_request {
	bool end_of_message;                  /* protocol_state */
	char sasl_username[POLICY_USER_SIZE]; /* "" = none */
	char instance[POLICY_INSTANCE_SIZE];  /* one for each message; "" = none
					       */
	uint64_t recipient_count;
	uint64_t size; /* octets of the message */
};

/* Born as { 0 }. */
struct policy {
	struct policy_request request;
	struct buf line; /* the beginning of a line that was cut */
	size_t used;     /* octets of this request so far */
	bool whole;      /* request was given out: the next octet begins anew */
};

/*
 * Eats octets (*data and *n move on) up to the end of a request. 1 =
 * p->request is whole, good until the next call; 0 = all was eaten, feed more;
 * -1 with ERR_PROTO = this is no such protocol (a line without a name and
 * '=', a NUL, more than LIMIT_POLICY_REQUEST octets), or ERR_TEMP: then p is of
 * no more use than to be reset.
 */
int policy_feed(struct policy *p, const uint8_t **data, size_t *n,
    struct err *err) must_check;

void policy_reset(struct policy *p);

#endif
