/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The subcommands. The table is in main.c; each has a file of its own,
 * cmd_*.c. argv[0] is the subcommand's name, so that getopt() works. conf_file
 * is what -c said before it, else the user's own; it need not exist. The result
 * is the exit status: 0, 1 (one line on standard error says why), 2 wrong
 * usage, 75 try again later.
 */
#ifndef BRIDGE_CMD_H
#define BRIDGE_CMD_H

#include "base/err.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_TRY_AGAIN = 75 };

int cmd_run(const char *conf_file, int argc, char **argv);
int cmd_check(const char *conf_file, int argc, char **argv);
int cmd_enrol(const char *conf_file, int argc, char **argv);
int cmd_trust(const char *conf_file, int argc, char **argv);

/* "sealpost-bridge: text" on standard error; the status for the kind. */
int cmd_fail(const struct err *err);

/* "see sealpost-bridge --help" on standard error; EXIT_USAGE. */
int cmd_wrong_usage(const char *command);

#endif
