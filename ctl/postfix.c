/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost postfix: shows, applies and removes the lines of Postfix. */
#include <string.h>

#include "command.h"
#include "postfix_conf.h"
#include "postfix_file.h"
#include "postfix_plan.h"
#include "template.h"

#define OPTIONS_HELP                                                           \
	"  --config-directory DIR  instead of Postfix's own folder\n"          \
	"  --templates DIR         instead of the installed ones\n"            \
	"  --submission NAME       the service for STARTTLS, \"submission\"\n" \
	"  --submissions NAME      the service for TLS, \"submissions\"\n"     \
	"                          (NAME: host:port, or \"none\")\n"

struct postfix_options {
	const char *config_directory;
	const char *templates;
	const char *submission;
	const char *submissions;
};

/* What the command works on; strings are owned or of the options. */
struct postfix_run {
	struct render render;
	char *config_directory;
	char templates[TEMPLATE_FOLDER_SIZE];
};

static void
run_reset(struct postfix_run *r)
{
	free_str(&r->config_directory);
}

static int
read_options(struct ctl *ctl, int argc, char **argv, struct postfix_options *o)
{
	const struct ctl_option options[] = {
		{ "--config-directory", NULL, &o->config_directory },
		{ "--templates", NULL, &o->templates },
		{ "--submission", NULL, &o->submission },
		{ "--submissions", NULL, &o->submissions },
	};

	return ctl_arguments(ctl, argc, argv, options, countof(options), 0, 0);
}

/* Where Postfix itself looks. */
static int
usual_directory(struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "-h", err) < 0 ||
	    args_put(&args, "config_directory", err) < 0 ||
	    postconf(&args, out, err) < 0)
		return -1;
	if (buf_str(out, err) == NULL)
		return -1;
	out->data[strcspn((char *)out->data, "\n")] = '\0';
	return 0;
}

static int
find_directory(
    struct postfix_run *r, const struct postfix_options *o, struct err *err)
{
	cleanup(buf_reset) struct buf usual = { .limit = CTL_PATH_SIZE };
	const char *folder = o->config_directory;

	if (folder == NULL && usual_directory(&usual, err) < 0)
		return -1;
	if (folder == NULL)
		folder = (char *)usual.data;
	r->config_directory = realpath(folder, NULL);
	if (r->config_directory == NULL)
		return err_set(err, ERR_PERM, "%s: %m", folder);
	return 0;
}

static int
run_init(struct postfix_run *r, struct ctl *ctl,
    const struct postfix_options *o, struct err *err)
{
	if (find_directory(r, o, err) < 0)
		return -1;
	r->render = (struct render){
		.conf = ctl->conf,
		.templates =
		    template_folder(o->templates, "postfix", r->templates),
		.config_directory = r->config_directory,
		.submission =
		    o->submission != NULL ? o->submission : "submission",
		.submissions =
		    o->submissions != NULL ? o->submissions : "submissions",
	};
	return 0;
}

/* ---- what is said ---- */

static void
print_kept(const struct plan *p, const struct plan_file *f, FILE *to)
{
	const char *s = (const char *)f->kept.data;

	for (size_t at = 0; at < f->kept.len;) {
		size_t n = strcspn(s + at, "\n");

		fprintf(to, "%s: %.*s was changed since the last apply: %s\n",
		    f->name, (int)n, s + at,
		    p->what == PLAN_REMOVE
			? "it is left, but for sealpost's own entries"
			: "it is kept, where sealpost does not need another");
		at += n + 1;
	}
}

static int
print_plan(struct ctl *ctl, struct plan *p, struct err *err)
{
	int changes = plan_print(p, ctl->out, err);

	if (changes < 0)
		return -1;
	if (changes == 0)
		fputs("nothing to do\n", ctl->out);
	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++)
		if (buf_putc(&p->files[i].kept, '\0', err) == 0) {
			p->files[i].kept.len--;
			print_kept(p, &p->files[i], ctl->out);
		}
	if (p->notes.len > 0)
		fprintf(ctl->out, "note: %.*s", (int)p->notes.len,
		    (const char *)p->notes.data);
	if (p->maps_in_use)
		fprintf(ctl->out,
		    "note: main.cf still names files in %s/sealpost; they are "
		    "left\n",
		    p->render->config_directory);
	return changes;
}

static void
print_next_step(struct ctl *ctl, const struct plan *p)
{
	fprintf(ctl->out, "done; `postfix -c %s reload` puts it in force\n",
	    p->render->config_directory);
}

/* ---- the commands ---- */

static int
postfix_do(
    struct ctl *ctl, int argc, char **argv, enum plan_what what, bool execute)
{
	struct postfix_options o = { 0 };
	cleanup(run_reset) struct postfix_run run = { 0 };
	cleanup(plan_reset) struct plan plan = { .lock = -1 };
	struct err err;

	if (read_options(ctl, argc, argv, &o) < 0)
		return CTL_USAGE;
	if (run_init(&run, ctl, &o, &err) < 0 ||
	    plan_make(&plan, what, &run.render, &err) < 0)
		return ctl_fail(ctl, &err);

	int changes = print_plan(ctl, &plan, &err);

	if (changes < 0 || (execute && plan_execute(&plan, &err) < 0))
		return ctl_fail(ctl, &err);
	if (execute && changes == 1)
		print_next_step(ctl, &plan);
	return ctl_done(ctl);
}

static int
postfix_show(struct ctl *ctl, int argc, char **argv)
{
	return postfix_do(ctl, argc, argv, PLAN_APPLY, false);
}

static int
postfix_apply(struct ctl *ctl, int argc, char **argv)
{
	return postfix_do(ctl, argc, argv, PLAN_APPLY, true);
}

static int
postfix_remove(struct ctl *ctl, int argc, char **argv)
{
	return postfix_do(ctl, argc, argv, PLAN_REMOVE, true);
}

static const struct command commands[] = {
	{ .name = "show",
	    .usage = "[--config-directory DIR] ...",
	    .summary = "Prints what apply would change",
	    .help = OPTIONS_HELP,
	    .run = postfix_show },
	{ .name = "apply",
	    .usage = "[--config-directory DIR] ...",
	    .summary = "Leads all mail for mailboxes through the milter",
	    .help = "Changes main.cf and master.cf with postconf, and writes "
		    "the maps to\nDIR/sealpost. Running it again changes "
		    "nothing.\n\n" OPTIONS_HELP,
	    .run = postfix_apply },
	{ .name = "remove",
	    .usage = "[--config-directory DIR] ...",
	    .summary = "Undoes what apply changed",
	    .help = "What was changed since by somebody else is left, and "
		    "named.\n\n" OPTIONS_HELP,
	    .run = postfix_remove },
	{ .name = NULL },
};

int
cmd_postfix(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
