/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "milter/decision.h"

static struct decision
by_policy(enum conf_policy policy, const char *reason)
{
	static const enum action action_of[] = {
		[POLICY_DEFER] = ACTION_DEFER,
		[POLICY_REJECT] = ACTION_REFUSE,
		[POLICY_PASS] = ACTION_PASS,
	};

	return (struct decision){ .action = action_of[policy],
		.reason = reason };
}

static struct decision
decide_for_account(const struct recipient *recipient,
    enum conf_policy missing_key, int64_t now)
{
	struct decision d = { .action = ACTION_SEAL };
	enum pgp_unusable why = PGP_NO_CERTIFICATE;

	d.subkey = pgp_usable_subkey(recipient->certs.certs,
	    recipient->certs.count, now, &d.cert, &why);
	if (d.subkey != NULL)
		return d;
	/* plaintext is no answer for an account, whatever the setting says */
	if (missing_key == POLICY_PASS)
		missing_key = POLICY_DEFER;
	return by_policy(missing_key, pgp_unusable_text(why));
}

struct decision
decide(const struct recipient *recipient, size_t recipients,
    enum conf_policy missing_key, enum conf_policy unenrolled, int64_t now)
{
	if (recipients != 1)
		return (struct decision){ .action = ACTION_DEFER,
			.reason = "not exactly one recipient: "
				  "check seal_destination_recipient_limit" };
	if (recipient == NULL)
		return by_policy(unenrolled, "no such account");
	return decide_for_account(recipient, missing_key, now);
}
