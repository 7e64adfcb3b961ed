/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "tool.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

/* ---- arguments ---- */

void
args_reset(struct args *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->v[i]);
	free(a->v);
	*a = (struct args){ 0 };
}

static int
args_take(struct args *a, char *arg, struct err *err)
{
	char **v =
	    arg == NULL ? NULL : reallocarray(a->v, a->count + 2, sizeof *v);

	if (v == NULL) {
		free(arg);
		return err_nomem(err);
	}
	a->v = v;
	v[a->count++] = arg;
	v[a->count] = NULL;
	return 0;
}

int
args_put(struct args *a, const char *arg, struct err *err)
{
	return args_take(a, strdup(arg), err);
}

int
args_putf(struct args *a, struct err *err, const char *fmt, ...)
{
	char *arg = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&arg, fmt, ap);

	va_end(ap);
	return args_take(a, n < 0 ? NULL : arg, err);
}

/* ---- running it ---- */

/* Also where PATH of a plain user does not lead. */
static const char *
program(const struct tool *tool)
{
	return access(tool->usual, X_OK) == 0 ? tool->usual : tool->name;
}

/* What the program reads and prints. */
struct streams {
	FILE *in; /* NULL: as this one's */
	FILE *out, *errors;
};

static int
spawn(const struct tool *tool, const struct args *args,
    const struct streams *s, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	if (rc == 0 && s->in != NULL)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, fileno(s->in), STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, fileno(s->out), STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, fileno(s->errors), STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawnp(
		    pid, program(tool), &actions, NULL, args->v, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static int
collect(FILE *from, struct buf *out, struct err *err)
{
	char chunk[4096];
	size_t n;

	rewind(from);
	while ((n = fread(chunk, 1, sizeof chunk, from)) > 0)
		if (buf_put(out, chunk, n, err) < 0)
			return -1;
	return 0;
}

/* The first line that is no warning. */
static int
say_failure(const struct tool *tool, FILE *errors, struct err *err)
{
	cleanup(free_str) char *line = NULL;
	size_t room = 0;

	rewind(errors);
	while (getline(&line, &room, errors) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strcasestr(line, "warning:") == NULL)
			return err_set(err, ERR_PERM, "%s", line);
	}
	return err_set(err, ERR_PERM, "%s failed without a word", tool->name);
}

static int
run(const struct tool *tool, const struct args *args,
    const struct streams *s, struct err *err)
{
	pid_t pid;
	int status = 0;
	int rc = spawn(tool, args, s, &pid);

	if (rc != 0)
		return err_set(err, ERR_PERM,
		    "%s cannot be run (%s): is %s installed?", tool->name,
		    strerror(rc), tool->package);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_TEMP, "waiting for %s: %s",
			    tool->name, strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return say_failure(tool, s->errors, err);
	return 0;
}

static int
run_with(const struct tool *tool, const struct args *args, FILE *in,
    struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args all = { 0 };
	cleanup(close_file) FILE *printed = tmpfile();
	cleanup(close_file) FILE *errors = tmpfile();
	const struct streams streams = { in, printed, errors };

	if (printed == NULL || errors == NULL)
		return err_set(
		    err, ERR_TEMP, "temporary file: %s", strerror(errno));
	if (args_put(&all, tool->name, err) < 0)
		return -1;
	for (size_t i = 0; i < args->count; i++)
		if (args_put(&all, args->v[i], err) < 0)
			return -1;
	if (run(tool, &all, &streams, err) < 0)
		return -1;
	return out == NULL ? 0 : collect(printed, out, err);
}

int
tool_run(const struct tool *tool, const struct args *args, struct buf *out,
    struct err *err)
{
	return run_with(tool, args, NULL, out, err);
}

int
tool_feed(const struct tool *tool, const struct args *args, const void *input,
    size_t len, struct err *err)
{
	cleanup(close_file) FILE *in = tmpfile();

	if (in == NULL || fwrite(input, 1, len, in) != len ||
	    fflush(in) != 0 || fseek(in, 0, SEEK_SET) != 0)
		return err_set(
		    err, ERR_TEMP, "temporary file: %s", strerror(errno));
	return run_with(tool, args, in, NULL, err);
}
