/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What a daemon does to itself at start. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>

#include "base/err.h"

/* No core dump of this process, and no ptrace by its own user. */
int process_no_core_dumps(struct err *err) must_check;

/*
 * Memory that is never paged out. The first, called while the process is still
 * root, lifts the limit, and does nothing else; the second, called when it has
 * become its user, locks all pages, those to come as well. False when the limit
 * is not infinite: a limit that is met later would end the process.
 */
void process_allow_locked_memory(void);
bool process_lock_memory(void);

/*
 * Large pieces of memory go back to the system when they are freed. By itself
 * glibc comes to keep pieces of up to 32 MiB, for each thread.
 */
void process_give_back_memory(void);

/*
 * Becomes `user` with that user's groups, for good, and checks that it worked.
 * "" does nothing. ERR_PERM when there is no such user or the process may not.
 */
int process_drop_privileges(const char *user, struct err *err) must_check;

/*
 * Gives `path` to the group; "" does nothing. What belongs to the group already
 * (its folder is setgid) is left alone, which needs no privilege.
 */
int process_chgrp(const char *path, const char *group, struct err *err)
    must_check;

/*
 * Removes the UNIX socket `path` when nobody listens on it any more. ERR_PERM
 * when something is there that is no socket; ERR_TEMP when somebody listens.
 */
int process_remove_stale_socket(const char *path, struct err *err) must_check;

#endif
