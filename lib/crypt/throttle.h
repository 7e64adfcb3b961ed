/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * How often logins failed, by account and by client address, and how long the
 * next failure has to wait for its answer. A table of fixed size: whatever an
 * attacker sends, those who fail most are remembered.
 */
#ifndef CRYPT_THROTTLE_H
#define CRYPT_THROTTLE_H

#include "crypt/crypt.h"

/* A client's address; IPv6 counts by its /64 network. */
struct throttle_client {
	size_t len; /* 4, 8, or 0: not known */
	uint8_t octets[8];
};

/* What is no address is not known. ::ffff:192.0.2.1 is 192.0.2.1. */
struct throttle_client throttle_client_of(const char *rip);

struct throttle;

/* crypt is borrowed. */
int throttle_new(const struct crypt *crypt, struct throttle **out,
    struct err *err) must_check;
void throttle_free(struct throttle **tp);

/*
 * Counts one failure ("" = no account) and says how long after the request its
 * answer should come: doubling with each failure, at most cap_ms. One failure a
 * minute is forgotten. now_ms only moves forward.
 */
int throttle_failed(struct throttle *t, const char *account,
    const struct throttle_client *client, int64_t now_ms, int64_t cap_ms,
    int64_t *delay_ms, struct err *err) must_check;

#endif
