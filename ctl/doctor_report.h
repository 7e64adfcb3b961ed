/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What `sealpost doctor` has found: a list of findings, as text and as JSON.
 * The names of checks and the keys are an interface to monitoring.
 */
#ifndef CTL_DOCTOR_REPORT_H
#define CTL_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum doctor_severity {
	DOCTOR_FINE,
	DOCTOR_WARNING,
	DOCTOR_ERROR,
	DOCTOR_UNTRIED, /* what could not be looked at; an "error" in JSON */
};

struct doctor_finding {
	const char *check; /* "postfix.hop.milter" */
	enum doctor_severity severity;
	char *what;
	const char *why; /* NULL when it is fine */
	char *mend;      /* a command, or a sentence; NULL: none is known */
};

struct doctor_report {
	struct doctor_finding *findings;
	size_t count, room;
};

void doctor_report_reset(struct doctor_report *r);

/* What is the same for all of a kind. */
struct doctor_kind {
	const char *check;
	enum doctor_severity severity;
	const char *why;
};

enum { DOCTOR_COMMAND_SIZE = 3000 };

/*
 * Adds a finding: `mend` (may be NULL) is copied, the rest says what it is.
 * check and why are constants. ERR_TEMP when memory is short.
 */
int doctor_put(struct doctor_report *r, const struct doctor_kind *kind,
    const char *mend, struct err *err, const char *fmt, ...)
    printf_like(5, 6) must_check;

/* Adds that a check went well, unless it has a finding since `from`. */
int doctor_fine(struct doctor_report *r, size_t from, const char *check,
    const char *what, struct err *err) must_check;

size_t doctor_count(
    const struct doctor_report *r, enum doctor_severity severity);
bool doctor_has(
    const struct doctor_report *r, size_t from, const char *check_prefix);

/* The exit status: CTL_DONE, CTL_FAILED, CTL_TRY_AGAIN. */
int doctor_status(const struct doctor_report *r);

/* verbose: what is fine is told as well. */
void doctor_print_text(
    const struct doctor_report *r, FILE *to, bool verbose, bool colour);
void doctor_print_json(const struct doctor_report *r, int64_t now, FILE *to);

#endif
