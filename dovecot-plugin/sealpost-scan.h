/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Counts one folder, in steps. */
#ifndef DOVECOT_PLUGIN_SEALPOST_SCAN_H
#define DOVECOT_PLUGIN_SEALPOST_SCAN_H

#include "mail-error.h"
#include "sealpost-stats.h"

struct mailbox_list;
struct sealpost_scan;

/* Messages in one step of those who must not block for long. */
#define SEALPOST_SCAN_STEP 200

/* Opens an instance of the mailbox of its own, read-only: no other one is
   synced by this, and nothing loses its \Recent. Never fails; an error is
   returned by sealpost_scan_step(). */
struct sealpost_scan *
sealpost_scan_begin(struct mailbox_list *list, const char *vname);
/* Looks at up to so many messages that aren't counted in the index yet.
   Returns 1 if finished, 0 if there are more, -1 if error. */
int sealpost_scan_step(struct sealpost_scan *scan, unsigned int messages);
/* The figures after sealpost_scan_step() returned 1. */
const struct sealpost_stats *sealpost_scan_stats(struct sealpost_scan *scan);
/* The error after sealpost_scan_step() returned -1. */
const char *
sealpost_scan_error(struct sealpost_scan *scan, enum mail_error *error_r);
void sealpost_scan_end(struct sealpost_scan **scan);

#endif
