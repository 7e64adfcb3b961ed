/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the commands of `sealpost` have in common: the context they run in, the
 * table they are found by, their arguments and how they fail.
 *
 * A family of commands (`sealpost user ...`) is one file with a static const
 * table and one function that ends in command_dispatch():
 *
 *	static const struct command commands[] = {
 *		{ .name = "add", .usage = "ADDRESS", .summary = "...",
 *		    .run = user_add },
 *		{ .name = NULL },
 *	};
 *
 *	int
 *	cmd_user(struct ctl *ctl, int argc, char **argv)
 *	{
 *		return command_dispatch(ctl, commands, argc, argv);
 *	}
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/err.h"

/* Exit statuses, as in the manual page. */
enum {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_TRY_AGAIN = 75, /* EX_TEMPFAIL */
};

struct ctl {
	const struct conf *conf;
	const char *conf_file; /* as it was read; NULL: built-in defaults */
	FILE *in;
	FILE *out;
	FILE *errors;
	bool colour; /* out is a terminal that shows colours */
	char command[64]; /* "sealpost user add": for messages */
};

struct command {
	const char *name;
	const char *usage;   /* what follows the name */
	const char *summary; /* one line, no full stop */
	const char *help;    /* more for --help, whole lines, or NULL */
	bool family;         /* it has commands of its own and calls dispatch */
	/* argv[0] is the name of the command; returns the exit status. */
	int (*run)(struct ctl *ctl, int argc, char **argv);
};

/*
 * Runs the command of the table (which ends with a name of NULL) that argv[1]
 * names, with argv[0] being that name; answers --help for the table and for
 * each command in it. Returns the exit status.
 */
int command_dispatch(struct ctl *ctl, const struct command *table, int argc,
    char **argv);

/* An option: exactly one of flag and value is not NULL. */
struct ctl_option {
	const char *name; /* "--json" */
	bool *flag;
	const char **value; /* `--key FILE` or `--key=FILE`; argv is borrowed */
};

/*
 * Reads the options, in any place before "--", and leaves the other arguments
 * in argv[1] and on, followed by NULL. Returns how many they are, or -1 after
 * it has said on ctl->errors what is wrong (return CTL_USAGE then): an unknown
 * or repeated option, one without its value, fewer than min or more than max.
 */
int ctl_arguments(struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, size_t option_count, int min, int max)
    must_check;

/* Says what is wrong with the command line; returns CTL_USAGE. */
int ctl_usage(struct ctl *ctl, const char *fmt, ...) printf_like(2, 3);

/* Prints the error as one line; returns CTL_TRY_AGAIN or CTL_FAILED. */
int ctl_fail(struct ctl *ctl, const struct err *err);

/* "sealpost: warning: ..." on ctl->errors. */
void ctl_warn(struct ctl *ctl, const char *fmt, ...) printf_like(2, 3);

/*
 * Ends a command that has written to ctl->out: flushes it. CTL_DONE, or
 * CTL_FAILED with its line when not everything could be written.
 */
int ctl_done(struct ctl *ctl);

/*
 * The folder of installed data (share/sealpost) that belongs to the running
 * program: beside the program's own folder, else where it was configured.
 */
enum { CTL_PATH_SIZE = 4096 };
const char *ctl_data_directory(char out[CTL_PATH_SIZE]);

/* The families and single commands, one file each. */
int cmd_init(struct ctl *ctl, int argc, char **argv);
int cmd_conf(struct ctl *ctl, int argc, char **argv);
int cmd_domain(struct ctl *ctl, int argc, char **argv);
int cmd_user(struct ctl *ctl, int argc, char **argv);
int cmd_alias(struct ctl *ctl, int argc, char **argv);
int cmd_key(struct ctl *ctl, int argc, char **argv);
int cmd_seal(struct ctl *ctl, int argc, char **argv);
int cmd_stats(struct ctl *ctl, int argc, char **argv);
int cmd_postfix(struct ctl *ctl, int argc, char **argv);
int cmd_dovecot(struct ctl *ctl, int argc, char **argv);
int cmd_doctor(struct ctl *ctl, int argc, char **argv);
int cmd_backup(struct ctl *ctl, int argc, char **argv);
int cmd_restore(struct ctl *ctl, int argc, char **argv);

#endif
