/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the log says of an attempt: one line, fit for fail2ban.
 */
#ifndef SASLAUTHD_ANSWER_H
#define SASLAUTHD_ANSWER_H

void answer_log_ok(const char *user, const char *rip, const char *mechanism);
/* reason is one word of ours, and the last on the line. */
void answer_log_failed(const char *user, const char *rip,
    const char *mechanism, const char *reason);
/* It could be neither accepted nor refused. */
void answer_log_trouble(const char *user, const char *rip,
    const char *mechanism, const char *why);

#endif
