/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Whether a login is allowed: pure functions of what was asked, what the
 * database says and what is configured.
 */
#ifndef SASLAUTHD_DECISION_H
#define SASLAUTHD_DECISION_H

#include "saslauthd/accounts.h"

/* Why a login failed: for the log. The client is never told. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_MECHANISM, /* not offered, or not to this account */
	REFUSAL_INSECURE,  /* a password without TLS */
	REFUSAL_MALFORMED, /* the client broke the mechanism's rules */
	REFUSAL_UNKNOWN,
	REFUSAL_DISABLED,
	REFUSAL_PASSWORD,
	REFUSAL_TIMEOUT, /* the client never answered */
};

/* One word. */
const char *refusal_text(enum refusal r);

/* Is the name in the list, whose names stand between blanks? */
bool decision_names(const char *list, const char *name);

/* What can be said before the client has said who it is. */
struct decision_exchange {
	const char *mechanism;
	const char *offered; /* as configured */
	bool plaintext, secured, allow_insecure;
};
enum refusal decision_of_exchange(const struct decision_exchange *e);

/* What can be said when it has, before its password is checked. */
enum refusal decision_of_login(const struct login *l, const char *mechanism);

#endif
