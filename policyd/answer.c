/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "policyd/answer.h"

const char *
answer_text(size_t *len)
{
	static const char dunno[] = "action=DUNNO\n\n";

	*len = sizeof dunno - 1;
	return dunno;
}
