/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * From outcome or error to what Postfix is told. No other file knows an SMTP
 * reply, a milter edit or a log line of a message.
 */
#ifndef MILTER_ANSWER_H
#define MILTER_ANSWER_H

#include <libmilter/mfapi.h>

#include "milter/message.h"
#include "store/stats.h"

/*
 * Sends the edits of a finished message. -1 with ERR_TEMP: the caller must
 * answer with a failure, which makes Postfix drop the edits sent so far.
 */
int answer_edits(SMFICTX *ctx, struct message *m, struct err *err) must_check;

/* Sets the SMTP reply for an error and returns the status for libmilter. */
sfsistat answer_failure(SMFICTX *ctx, const struct err *err);

/* The outcome that an error means. */
enum outcome answer_outcome(const struct err *err);

/* One log line for the message. err is NULL unless it failed. */
void answer_log(const char *queue_id, const struct message *m,
    enum outcome outcome, double delay, const struct err *err);

/* What the outcome adds to the counters. */
struct stats_counters answer_counters(enum outcome outcome);

#endif
