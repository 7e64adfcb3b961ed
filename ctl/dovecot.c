/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost dovecot: shows, applies and removes the wiring of Dovecot. */
#include <limits.h>
#include <string.h>

#include "command.h"
#include "dovecot_plan.h"
#include "template.h"

#define FILE_HELP \
	"  --config-file FILE      instead of /etc/dovecot/dovecot.conf\n"
#define OPTIONS_HELP                                                          \
	FILE_HELP                                                             \
	"  --mail-user USER        owns the mail; else as dovecot.conf has\n" \
	"                          it (mail_uid), else vmail\n"               \
	"  --mail-directory DIR    has the accounts' homes, /var/vmail\n"     \
	"  --queue-directory DIR   instead of Postfix's own\n"                \
	"  --templates DIR         instead of the installed ones\n"           \
	"  --dovecot-version 2.3|2.4  instead of the installed one\n"

struct dovecot_options {
	const char *config_file;
	const char *mail_user;
	const char *mail_directory;
	const char *queue_directory;
	const char *templates;
	const char *version;
};

/* The strings that a run borrows. */
struct dovecot_paths {
	char *directory;
	char templates[TEMPLATE_FOLDER_SIZE];
	char of_version[TEMPLATE_FOLDER_SIZE + 8];
};

static void
paths_reset(struct dovecot_paths *p)
{
	free_str(&p->directory);
}

static int
read_options(struct ctl *ctl, int argc, char **argv, bool apply,
    struct dovecot_options *o)
{
	const struct ctl_option options[] = {
		{ "--config-file", NULL, &o->config_file },
		{ "--mail-user", NULL, &o->mail_user },
		{ "--mail-directory", NULL, &o->mail_directory },
		{ "--queue-directory", NULL, &o->queue_directory },
		{ "--templates", NULL, &o->templates },
		{ "--dovecot-version", NULL, &o->version },
	};

	return ctl_arguments(
	    ctl, argc, argv, options, apply ? countof(options) : 1, 0, 0);
}

/* The folder with every link followed, the name of the file as it is. */
static int
find_file(struct dovecot_run *run, struct dovecot_paths *paths,
    const char *file, struct err *err)
{
	const char *slash = strrchr(file, '/');
	char folder[PATH_MAX];
	int len = slash == NULL ? 1 : slash == file ? 1 : (int)(slash - file);

	if (snprintf(folder, sizeof folder, "%.*s", len,
		slash == NULL ? "." : file) >= (int)sizeof folder)
		return err_set(err, ERR_PERM, "the path is too long");
	paths->directory = realpath(folder, NULL);
	if (paths->directory == NULL)
		return err_set(err, ERR_PERM, "%s: %m", folder);
	run->directory = paths->directory;
	run->name = slash == NULL ? file : slash + 1;
	return 0;
}

static int
run_init(struct dovecot_run *run, struct dovecot_paths *paths, struct ctl *ctl,
    const struct dovecot_options *o, bool apply, struct err *err)
{
	*run = (struct dovecot_run){
		.conf = ctl->conf,
		.mail_user = o->mail_user,
		.mail_directory = o->mail_directory != NULL ? o->mail_directory
							    : "/var/vmail",
		.queue_directory = o->queue_directory,
		.templates = paths->of_version,
	};
	if (find_file(run, paths,
		o->config_file != NULL ? o->config_file
				       : "/etc/dovecot/dovecot.conf",
		err) < 0)
		return -1;
	if (!apply)
		return 0;
	if (dovecot_version_find(o->version, &run->version, err) < 0)
		return -1;
	(void)snprintf(paths->of_version, sizeof paths->of_version, "%s/%s",
	    template_folder(o->templates, "dovecot", paths->templates),
	    dovecot_version_name(run->version));
	return 0;
}

/* ---- what is said ---- */

static void
print_notes(struct ctl *ctl, const struct buf *notes)
{
	const char *s = (const char *)notes->data;

	for (size_t at = 0; at < notes->len;) {
		const char *end = memchr(s + at, '\n', notes->len - at);
		size_t n =
		    end != NULL ? (size_t)(end - s) - at : notes->len - at;

		fprintf(ctl->out, "note: %.*s\n", (int)n, s + at);
		at += n + 1;
	}
}

static int
dovecot_do(struct ctl *ctl, int argc, char **argv, bool apply, bool execute)
{
	struct dovecot_options o = { 0 };
	struct dovecot_run run;
	cleanup(paths_reset) struct dovecot_paths paths = { 0 };
	cleanup(dovecot_plan_reset) struct dovecot_plan plan = { .lock = -1 };
	struct err err;

	if (read_options(ctl, argc, argv, apply, &o) < 0)
		return CTL_USAGE;
	if (run_init(&run, &paths, ctl, &o, apply, &err) < 0 ||
	    dovecot_plan_make(&plan, apply, &run, &err) < 0)
		return ctl_fail(ctl, &err);

	int changes = dovecot_plan_print(&plan, ctl->out, &err);

	if (changes == 0)
		fputs("nothing to do\n", ctl->out);
	print_notes(ctl, &plan.notes);
	if (changes < 0 || (execute && dovecot_plan_execute(&plan, &err) < 0))
		return ctl_fail(ctl, &err);
	if (execute && changes == 1)
		fputs("done; `doveadm reload` puts it in force\n", ctl->out);
	return ctl_done(ctl);
}

/* ---- the commands ---- */

static int
dovecot_show(struct ctl *ctl, int argc, char **argv)
{
	return dovecot_do(ctl, argc, argv, true, false);
}

static int
dovecot_apply(struct ctl *ctl, int argc, char **argv)
{
	return dovecot_do(ctl, argc, argv, true, true);
}

static int
dovecot_remove(struct ctl *ctl, int argc, char **argv)
{
	return dovecot_do(ctl, argc, argv, false, true);
}

static const struct command commands[] = {
	{ .name = "show",
	    .usage = "[--config-file FILE] ...",
	    .summary = "Prints what apply would change",
	    .help = OPTIONS_HELP,
	    .run = dovecot_show },
	{ .name = "apply",
	    .usage = "[--config-file FILE] ...",
	    .summary = "Gives Dovecot the accounts, passwords and quota",
	    .help = "Adds one line to dovecot.conf, which includes "
		    "sealpost.conf beside it. Dovecot\nchecks the result "
		    "before it is kept. Running it again changes "
		    "nothing.\n\n" OPTIONS_HELP,
	    .run = dovecot_apply },
	{ .name = "remove",
	    .usage = "[--config-file FILE]",
	    .summary = "Undoes what apply changed",
	    .help = FILE_HELP,
	    .run = dovecot_remove },
	{ .name = NULL },
};

int
cmd_dovecot(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
