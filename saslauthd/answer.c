/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/answer.h"

#include "base/log.h"

void
answer_log_ok(const char *user, const char *rip, const char *mechanism)
{
	char text[LOG_TEXT_SIZE];

	log_info("login ok, user=<%s>, rip=%s, mechanism=%s",
	    log_text(text, user), rip, mechanism);
}

void
answer_log_failed(const char *user, const char *rip, const char *mechanism,
    const char *reason)
{
	char text[LOG_TEXT_SIZE];

	log_info("login failed, user=<%s>, rip=%s, mechanism=%s, reason=%s",
	    log_text(text, user), rip, mechanism, reason);
}

void
answer_log_trouble(const char *user, const char *rip, const char *mechanism,
    const char *why)
{
	char text[LOG_TEXT_SIZE];

	log_warning("login not checked, user=<%s>, rip=%s, mechanism=%s, "
		    "reason=%s",
	    log_text(text, user), rip, mechanism, why);
}
