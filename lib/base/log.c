/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <syslog.h>

enum { LOG_LINE_SIZE = 1000 };

/* Written once by log_open(), before any thread is started. */
static struct {
	const char *program;
	bool to_stderr;
	char ident[64];
} log_state = { .program = "sealpost", .to_stderr = true };

void
log_open(const char *program, bool to_stderr)
{
	log_state.program = program;
	log_state.to_stderr = to_stderr;
	(void)snprintf(log_state.ident, sizeof log_state.ident, "sealpost/%s",
	    program);
	if (!to_stderr)
		openlog(log_state.ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

static void
replace_control_bytes(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

static void printf_like(3, 0)
emit(int priority, const char *prefix, const char *fmt, va_list ap)
{
	char line[LOG_LINE_SIZE];
	int n = snprintf(line, sizeof line, "%s", prefix);

	(void)vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
	replace_control_bytes(line);
	if (log_state.to_stderr)
		fprintf(stderr, "sealpost/%s[%ld]: %s\n", log_state.program,
		    (long)getpid(), line);
	else
		syslog(priority, "%s", line);
}

void
log_err(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_ERR, "error: ", fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_WARNING, "warning: ", fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(LOG_INFO, "", fmt, ap);
	va_end(ap);
}

const char *
log_text(char out[LOG_TEXT_SIZE], const char *value)
{
	(void)snprintf(out, 101, "%s", value);
	replace_control_bytes(out);
	return out;
}
