/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static bool
is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

static bool
asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (is_help(argv[i]))
			return true;
	return false;
}

static void
print_usage(FILE *to, const char *path, const struct command *c)
{
	fprintf(to, "%s %s%s%s", path, c->name,
	    c->usage == NULL || c->usage[0] == '\0' ? "" : " ",
	    c->usage == NULL ? "" : c->usage);
}

static int
table_help(struct ctl *ctl, const struct command *table)
{
	size_t width = 0;

	for (const struct command *c = table; c->name != NULL; c++)
		if (strlen(c->name) > width)
			width = strlen(c->name);
	bool top = strchr(ctl->command, ' ') == NULL;

	fprintf(ctl->out, "usage: %s%s COMMAND ...\n\n", ctl->command,
	    top ? " [-c FILE]" : "");
	for (const struct command *c = table; c->name != NULL; c++)
		fprintf(ctl->out, "  %-*s  %s\n", (int)width, c->name,
		    c->summary);
	fprintf(ctl->out, "\n%s COMMAND --help says more about one.\n",
	    ctl->command);
	return ctl_done(ctl);
}

static int
command_help(struct ctl *ctl, const struct command *c)
{
	fputs("usage: ", ctl->out);
	print_usage(ctl->out, ctl->command, c);
	fprintf(ctl->out, "\n\n%s.\n", c->summary);
	if (c->help != NULL)
		fprintf(ctl->out, "\n%s", c->help);
	return ctl_done(ctl);
}

static void
enter(struct ctl *ctl, const char *name)
{
	size_t n = strlen(ctl->command);

	(void)snprintf(ctl->command + n, sizeof ctl->command - n, " %s",
	    name);
}

static const struct command *
find(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

int
command_dispatch(struct ctl *ctl, const struct command *table, int argc,
    char **argv)
{
	if (argc < 2)
		return ctl_usage(ctl, "a command is missing");
	if (is_help(argv[1]))
		return table_help(ctl, table);

	const struct command *c = find(table, argv[1]);

	if (c == NULL)
		return ctl_usage(ctl, "there is no command \"%s\"", argv[1]);
	if (!c->family && asks_for_help(argc - 1, argv + 1))
		return command_help(ctl, c);
	enter(ctl, c->name);
	return c->run(ctl, argc - 1, argv + 1);
}

/* ---- arguments ---- */

/* Which option arg is; *value is what follows "=" or NULL. */
static const struct ctl_option *
find_option(const struct ctl_option *options, size_t count, char *arg,
    char **value)
{
	size_t len = strcspn(arg, "=");

	*value = arg[len] == '=' ? arg + len + 1 : NULL;
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == len &&
		    memcmp(options[i].name, arg, len) == 0)
			return &options[i];
	return NULL;
}

static int
option_error(struct ctl *ctl, const char *what, const char *name)
{
	(void)ctl_usage(ctl, "%s %s", name, what);
	return -1;
}

static int
take_flag(struct ctl *ctl, const struct ctl_option *o, const char *value)
{
	if (value != NULL)
		return option_error(ctl, "takes no value", o->name);
	*o->flag = true;
	return 0;
}

/* Returns how many arguments the option took, or -1. */
static int
take_option(struct ctl *ctl, const struct ctl_option *options, size_t count,
    char **argv)
{
	char *value;
	const struct ctl_option *o =
	    find_option(options, count, argv[0], &value);

	if (o == NULL)
		return option_error(ctl, "is no option of this command",
		    argv[0]);
	if (o->flag != NULL)
		return take_flag(ctl, o, value) < 0 ? -1 : 1;
	if (*o->value != NULL)
		return option_error(ctl, "is given twice", o->name);

	bool next = value == NULL;

	if (next)
		value = argv[1];
	if (value == NULL)
		return option_error(ctl, "lacks its value", o->name);
	*o->value = value;
	return next ? 2 : 1;
}

static int
check_count(struct ctl *ctl, int found, int min, int max)
{
	if (found < min) {
		(void)ctl_usage(ctl, "an argument is missing");
		return -1;
	}
	if (found > max) {
		(void)ctl_usage(ctl, "too many arguments");
		return -1;
	}
	return found;
}

int
ctl_arguments(struct ctl *ctl, int argc, char **argv,
    const struct ctl_option *options, size_t option_count, int min, int max)
{
	int found = 0;
	bool only_arguments = false;

	for (int i = 1; i < argc;) {
		if (!only_arguments && strcmp(argv[i], "--") == 0) {
			only_arguments = true;
			i++;
		} else if (only_arguments || argv[i][0] != '-' ||
		    argv[i][1] == '\0') {
			argv[++found] = argv[i++];
		} else {
			int taken = take_option(ctl, options, option_count,
			    argv + i);

			if (taken < 0)
				return -1;
			i += taken;
		}
	}
	if (found + 1 < argc)
		argv[found + 1] = NULL;
	return check_count(ctl, found, min, max);
}

/* ---- how commands fail ---- */

int
ctl_usage(struct ctl *ctl, const char *fmt, ...)
{
	struct err err;
	char text[ERR_TEXT_SIZE / 2];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)err_set(&err, ERR_PERM, "%s", text);
	fprintf(ctl->errors, "%s: %s; see %s --help\n", ctl->command,
	    err.text, ctl->command);
	return CTL_USAGE;
}

int
ctl_fail(struct ctl *ctl, const struct err *err)
{
	fprintf(ctl->errors, "sealpost: %s\n", err->text);
	return err->kind == ERR_TEMP ? CTL_TRY_AGAIN : CTL_FAILED;
}

void
ctl_warn(struct ctl *ctl, const char *fmt, ...)
{
	struct err err;
	char text[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)err_set(&err, ERR_PERM, "%s", text);
	fprintf(ctl->errors, "sealpost: warning: %s\n", err.text);
}

int
ctl_done(struct ctl *ctl)
{
	if (fflush(ctl->out) == 0 && !ferror(ctl->out))
		return CTL_DONE;

	struct err err;

	(void)err_set(&err, ERR_PERM, "write to standard output: %s",
	    strerror(errno));
	return ctl_fail(ctl, &err);
}

const char *
ctl_data_directory(char out[CTL_PATH_SIZE])
{
	char self[CTL_PATH_SIZE / 2];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		(void)snprintf(out, CTL_PATH_SIZE, "%s/../share/sealpost",
		    self);
		if (access(out, R_OK | X_OK) == 0)
			return out;
	}
	(void)snprintf(out, CTL_PATH_SIZE, "%s", SEALPOST_DATA_DIRECTORY);
	return out;
}
