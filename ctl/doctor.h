/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost doctor: what its collectors of facts share. */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include <limits.h>

#include "command.h"
#include "doctor_report.h"

struct doctor_options {
	const char *probe;            /* an address, or NULL */
	const char *config_directory; /* of Postfix; NULL: its own */
	const char *config_file;      /* of Dovecot; NULL: its own */
	const char
	    *templates; /* the folder above postfix and dovecot, or NULL */
	const char *submission, *submissions; /* names, or NULL */
	unsigned wait;                        /* seconds for the probe */
};

/* What one collector learns and others need; "" where it is not known. */
struct doctor_site {
	struct ctl *ctl;
	const struct doctor_options *options;
	struct doctor_report *report;
	char sealpost[PATH_MAX + 40]; /* "sealpost -c FILE" */
	char config_directory[PATH_MAX];
	char queue_directory[PATH_MAX];
	char mail_owner[100];
	char mail_directory[PATH_MAX];
	char dovecot_file[PATH_MAX];
};

/*
 * Each looks at its part and puts findings into the report: also that it could
 * not look. -1 only when memory is short. They block on programs, sockets and
 * the disk; sockets for 10 seconds at most.
 */
int doctor_look_at_postfix(struct doctor_site *s, struct err *err) must_check;
int doctor_look_at_dovecot(struct doctor_site *s, struct err *err) must_check;
int doctor_look_at_sockets(struct doctor_site *s, struct err *err) must_check;
int doctor_look_at_files(struct doctor_site *s, struct err *err) must_check;
int doctor_look_at_keys(struct doctor_site *s, struct err *err) must_check;
int doctor_look_at_machine(struct doctor_site *s, struct err *err) must_check;

/*
 * Sends a message to the account, follows it into the mailbox, looks at what
 * is stored there and removes it again. Waits as long as the options say.
 */
int doctor_send_probe(struct doctor_site *s, struct err *err) must_check;

/* Adds that a part could not be looked at. */
int doctor_untried(struct doctor_site *s, const char *check,
    const struct err *why, struct err *err) must_check;

#endif
