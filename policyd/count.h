/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The decision: what a request counts for. Pure; no I/O. */
#ifndef POLICYD_COUNT_H
#define POLICYD_COUNT_H

#include <stdbool.h>

#include "mail/address.h"
#include "proto/policy.h"
#include "store/stats.h"

struct count {
	char address[ADDRESS_SIZE]; /* "" = in the total only */
	struct stats_counters delta;
};

/*
 * True when the request is for a message at its end, which is then in *out:
 * one sent, its recipients and octets, for the account that has logged in. A
 * login name that is no address counts in the total only.
 */
bool count_request(const struct policy_request *r, struct count *out);

#endif
