/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_conf.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "postfix_file.h"

int
postconf(const struct args *args, struct buf *out, struct err *err)
{
	static const struct tool tool = { "postconf", "/usr/sbin/postconf",
		"Postfix" };

	return tool_run(&tool, args, out, err);
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
