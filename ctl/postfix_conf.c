/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "postfix_file.h"

extern char **environ;

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
program(void)
{
	static const char usual[] = "/usr/sbin/postconf";

	return access(usual, X_OK) == 0 ? usual : "postconf";
}

static int
spawn(const struct args *args, FILE *out, FILE *errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int rc = posix_spawn_file_actions_init(&actions);

	if (rc != 0)
		return rc;
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, fileno(out), STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(
		    &actions, fileno(errors), STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawnp(
		    pid, program(), &actions, NULL, args->v, environ);
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
say_failure(FILE *errors, struct err *err)
{
	char line[ERR_TEXT_SIZE - 40];

	rewind(errors);
	while (fgets(line, sizeof line, errors) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "warning:") == NULL)
			return err_set(err, ERR_PERM, "%s", line);
	}
	return err_set(err, ERR_PERM, "postconf failed without a word");
}

static int
run(const struct args *args, FILE *out, FILE *errors, struct err *err)
{
	pid_t pid;
	int status = 0;
	int rc = spawn(args, out, errors, &pid);

	if (rc != 0)
		return err_set(err, ERR_PERM,
		    "postconf cannot be run (%s): is Postfix installed?",
		    strerror(rc));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_TEMP,
			    "waiting for postconf: %s", strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return say_failure(errors, err);
	return 0;
}

int
postconf(const struct args *args, struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args all = { 0 };
	cleanup(close_file) FILE *printed = tmpfile();
	cleanup(close_file) FILE *errors = tmpfile();

	if (printed == NULL || errors == NULL)
		return err_set(
		    err, ERR_TEMP, "temporary file: %s", strerror(errno));
	if (args_put(&all, "postconf", err) < 0)
		return -1;
	for (size_t i = 0; i < args->count; i++)
		if (args_put(&all, args->v[i], err) < 0)
			return -1;
	if (run(&all, printed, errors, err) < 0)
		return -1;
	return out == NULL ? 0 : collect(printed, out, err);
}

void
postconf_age(const char *folder)
{
	static const char *const names[] = { "main.cf", "master.cf" };
	const struct timespec past = { .tv_sec = time(NULL) - 60 };
	const struct timespec times[2] = { past, past };
	char path[4096];

	for (size_t i = 0; i < countof(names); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)utimensat(AT_FDCWD, path, times, 0);
	}
}

int
postconf_edit(const char *folder, const struct args *args, struct err *err)
{
	int rc = postconf(args, NULL, err);

	postconf_age(folder);
	return rc;
}

/* name NULL: all. */
static int
ask(const char *folder, const char *option, const char *name, struct buf *out,
    struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "-c", err) < 0 ||
	    args_put(&args, folder, err) < 0 ||
	    args_put(&args, option, err) < 0 ||
	    (name != NULL && args_put(&args, name, err) < 0) ||
	    postconf(&args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

static const char *const how_option[POSTCONF_HOW_COUNT] = {
	[POSTCONF_SET] = "-n",
	[POSTCONF_VALUE] = "-p",
	[POSTCONF_EXPANDED] = "-px",
};

int
postconf_list(
    const char *folder, enum postconf_how how, struct buf *out, struct err *err)
{
	return ask(folder, how_option[how], NULL, out, err);
}

int
postconf_services(const char *folder, struct buf *out, struct err *err)
{
	return ask(folder, "-M", NULL, out, err);
}

int
postconf_options(const char *folder, struct buf *out, struct err *err)
{
	return ask(folder, "-Px", NULL, out, err);
}

int
postconf_find(
    const char *list, const char *name, struct buf *out, struct err *err)
{
	size_t len = strlen(name);
	const char *s = list;

	while (*s != '\0' &&
	       (strncmp(s, name, len) != 0 || strncmp(s + len, " =", 2) != 0)) {
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
	if (*s == '\0')
		return 0;
	s += len + 2;
	s += strspn(s, " ");
	if (buf_put(out, s, strcspn(s, "\n"), err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 1;
}

int
postconf_get(const char *folder, enum postconf_how how, const char *name,
    struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = LIMIT_POSTFIX_FILE };

	if (ask(folder, how_option[how], name, &line, err) < 0)
		return -1;
	return postconf_find((const char *)line.data, name, out, err);
}
