/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What becomes of a message, from what is known about its recipient: a pure
 * function. Nothing in the message itself has a say.
 */
#ifndef MILTER_DECISION_H
#define MILTER_DECISION_H

#include "base/conf.h"
#include "store/directory.h"

enum action {
	ACTION_SEAL,
	ACTION_PASS,   /* plaintext, only with unenrolled = pass */
	ACTION_DEFER,  /* 4xx */
	ACTION_REFUSE, /* 5xx */
};

struct decision {
	enum action action;
	const struct pgp_cert *cert;     /* of ACTION_SEAL; borrowed from */
	const struct pgp_subkey *subkey; /* the recipient */
	const char *reason;              /* static text, for all but SEAL */
};

/*
 * recipient is NULL when the address is no account; recipients is how many the
 * message has.
 */
struct decision decide(const struct recipient *recipient, size_t recipients,
    enum conf_policy missing_key, enum conf_policy unenrolled, int64_t now);

#endif
