/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The log of a daemon: syslog, facility mail, ident "sealpost/<program>"; with
 * -d standard error. One line an event. The text of a warning starts with
 * "warning: ". Never give it a body, a password or a private key.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/cleanup.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

/* program is borrowed for good (a string constant). Call once, at start. */
void log_open(const char *program, bool to_stderr);

/* Control bytes become '?'; the line is cut at 1,000 bytes. Thread-safe. */
void log_err(const char *fmt, ...) printf_like(1, 2);
void log_warning(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2);

/*
 * A foreign value made fit for a log line: at most 100 bytes, control bytes as
 * '?'. Returns out.
 */
enum { LOG_TEXT_SIZE = 104 };
const char *log_text(char out[LOG_TEXT_SIZE], const char *value);

#endif
