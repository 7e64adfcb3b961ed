/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* For tests of the doctor's decisions: what is in a report. */
#ifndef CTL_DOCTOR_TESTING_H
#define CTL_DOCTOR_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doctor_report.h"

static inline const char *
severity_name(enum doctor_severity s)
{
	static const char *const names[] = { "fine", "warning", "error",
		"untried" };

	return names[s];
}

/* All that is not fine: "error postfix.bounce; warning ..." */
static inline const char *
testing_summary(const struct doctor_report *r, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < r->count; i++) {
		size_t n = strlen(out);

		if (r->findings[i].severity == DOCTOR_FINE)
			continue;
		(void)snprintf(out + n, size - n, "%s%s %s", n == 0 ? "" : "; ",
		    severity_name(r->findings[i].severity),
		    r->findings[i].check);
		if (r->findings[i].why == NULL)
			fail_msg("%s says not why", r->findings[i].check);
	}
	return out;
}

static inline void
testing_expect(
    const struct doctor_report *r, const char *name, const char *expected)
{
	char summary[2000];

	if (strcmp(testing_summary(r, summary, sizeof summary), expected) != 0)
		fail_msg(
		    "%s: \"%s\" instead of \"%s\"", name, summary, expected);
}

#endif
