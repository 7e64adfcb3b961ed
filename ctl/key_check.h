/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What `sealpost key check` finds out, and the mails about it. */
#ifndef CTL_KEY_CHECK_H
#define CTL_KEY_CHECK_H

#include "shared.h"

/* One account. */
struct key_finding {
	const char *address; /* borrowed from the list of accounts */
	bool enabled;
	enum pgp_unusable why;
	int64_t until; /* 0 = for ever; in the past when it has expired */
};

struct key_report {
	struct account_list accounts;
	struct key_finding *findings; /* one an account */
	size_t unusable;
	size_t expiring;
	int64_t now;
};

/* In which of 1, 7 and 30 days a usable key ends; 0 = later. */
int key_days_left(const struct key_report *r, const struct key_finding *f);

/*
 * Which step of its way to the end the account is at: 30, 7, 1, and 0 when it
 * is over. False for none: nothing ends, or what is wrong is no expiry.
 */
bool key_step(
    const struct key_report *r, const struct key_finding *f, int *days);

struct key_mailed {
	size_t owners; /* mails to owners */
	size_t told;   /* accounts that the admin was told about */
};

/*
 * Mails to owners and the admin what they were not told before, and remembers
 * it. A mail that could not be handed over is ERR_TEMP, after all others were
 * tried; it is sent by the next call. Blocks on sendmail and the disk.
 */
int key_notify(struct ctl *ctl, const struct key_report *r,
    struct key_mailed *out, struct err *err) must_check;

#endif
