/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "policyd/count.h"

bool
count_request(const struct policy_request *r, struct count *out)
{
	if (!r->end_of_message)
		return false;
	out->delta = (struct stats_counters){
		.sent = 1,
		.recipients = r->recipient_count,
		.octets = r->size,
	};
	if (r->sasl_username[0] == '\0' ||
	    address_normalize(r->sasl_username, out->address, NULL) < 0)
		out->address[0] = '\0';
	return true;
}
