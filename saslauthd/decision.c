/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/decision.h"

#include <string.h>

const char *
refusal_text(enum refusal r)
{
	static const char *const texts[] = {
		[REFUSAL_NONE] = "none",
		[REFUSAL_MECHANISM] = "mechanism",
		[REFUSAL_INSECURE] = "insecure",
		[REFUSAL_MALFORMED] = "malformed",
		[REFUSAL_UNKNOWN] = "unknown",
		[REFUSAL_DISABLED] = "disabled",
		[REFUSAL_PASSWORD] = "password",
		[REFUSAL_TIMEOUT] = "timeout",
	};

	return texts[r];
}

bool
decision_names(const char *list, const char *name)
{
	size_t len;

	for (const char *p = list + strspn(list, " \t"); *p != '\0';
	     p += len, p += strspn(p, " \t")) {
		len = strcspn(p, " \t");
		if (len == strlen(name) && memcmp(p, name, len) == 0)
			return true;
	}
	return false;
}

enum refusal
decision_of_exchange(const struct decision_exchange *e)
{
	if (!decision_names(e->offered, e->mechanism))
		return REFUSAL_MECHANISM;
	if (e->plaintext && !e->secured && !e->allow_insecure)
		return REFUSAL_INSECURE;
	return REFUSAL_NONE;
}

enum refusal
decision_of_login(const struct login *l, const char *mechanism)
{
	if (!l->known)
		return REFUSAL_UNKNOWN;
	if (!l->row.enabled)
		return REFUSAL_DISABLED;
	if (l->row.mechanisms[0] != '\0' &&
	    !decision_names(l->row.mechanisms, mechanism))
		return REFUSAL_MECHANISM;
	return REFUSAL_NONE;
}
