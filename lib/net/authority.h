/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Certificates for a listener on this machine: a certificate authority of one's
 * own, which can certify nothing but localhost, 127.0.0.0/8 and ::1 (name
 * constraints, critical; no authority below it), and a certificate by it.
 * Clients do not take a self-signed one even when they are told to.
 *
 * In the folder, which is the user's own (0700), are
 *	ca-key.pem    0600  the authority's key and certificate
 *	ca.pem        0644  its certificate alone, to be given to clients
 *	localhost.pem 0600  key and certificate of the listener
 * each replaced as a whole, never written in place.
 */
#ifndef NET_AUTHORITY_H
#define NET_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define NET_AUTHORITY_CA   "ca.pem"
#define NET_AUTHORITY_LEAF "localhost.pem" /* as chain and as key file */

enum {
	NET_AUTHORITY_CA_DAYS = 3650,
	NET_AUTHORITY_LEAF_DAYS = 397, /* Apple takes up to 825 */
	NET_AUTHORITY_RENEW_DAYS = 180, /* before the end */
};

/* What was made anew: a new authority must be trusted again. */
struct net_authority_news {
	bool ca, leaf;
};

/*
 * Makes what is missing, or ends within NET_AUTHORITY_RENEW_DAYS (the
 * authority: within those of a leaf), or does not belong to the authority.
 * `now` is in seconds. Waits for another process that does the same. ERR_PERM
 * when the authority's file is damaged or others may read it: it is not
 * replaced unasked. Blocks on the disk.
 */
int net_authority_prepare(const char *directory, int64_t now,
    struct net_authority_news *news, struct err *err) must_check;

#endif
