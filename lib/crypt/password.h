/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A password in memory that is locked and wiped: it is never swapped, copied
 * or given as an argument.
 */
#ifndef CRYPT_PASSWORD_H
#define CRYPT_PASSWORD_H

#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"

struct password {
	char text[LIMIT_PASSWORD + 2]; /* no NUL; room for a line end */
	size_t len;
};

/* Locks the memory (as far as the system allows it). */
void password_init(struct password *p);
void password_wipe(struct password *p);

/*
 * Reads one line from standard input, without its line end, and not an octet
 * more. ERR_PERM when it is empty, too long, or no UTF-8 text.
 */
int password_from_stdin(struct password *p, struct err *err) must_check;

/*
 * Asks with `prompt` on the terminal, without echo, and with `again` (NULL: not)
 * a second time for the same. 1 a password, 0 an empty line was entered, -1
 * (ERR_PERM: they differ, too long...). Signals that end the program are obeyed
 * once the terminal's echo is restored.
 */
int password_from_terminal(const char *prompt, const char *again,
    struct password *p, struct err *err) must_check;

#endif
