/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What Postfix and Dovecot say of themselves. */
#include <string.h>
#include <sys/stat.h>

#include "doctor.h"
#include "doctor_dovecot.h"
#include "doctor_postfix.h"
#include "postfix_file.h"
#include "postfix_render.h"
#include "postfix_view.h"
#include "template.h"
#include "tool.h"

/* ---- Postfix ---- */

struct postfix_facts {
	struct view view;
	struct buf main_wanted, master_wanted, users_wanted;
	char folder_option[PATH_MAX + 8];
	char apply[DOCTOR_COMMAND_SIZE / 2];
};

static void
postfix_facts_reset(struct postfix_facts *f)
{
	view_reset(&f->view);
	buf_reset(&f->main_wanted);
	buf_reset(&f->master_wanted);
	buf_reset(&f->users_wanted);
}

static int
put_option(char *out, size_t size, const char *name, const char *value,
    const char *below)
{
	size_t n = strlen(out);

	if (value == NULL)
		return 0;
	return snprintf(out + n, size - n, " %s '%s%s'", name, value, below) <
		       (int)(size - n)
		   ? 0
		   : -1;
}

/* The command that was, or would be, used here. */
static int
make_postfix_apply(
    const struct doctor_site *s, struct postfix_facts *f, struct err *err)
{
	const struct doctor_options *o = s->options;

	(void)snprintf(
	    f->apply, sizeof f->apply, "%.1000s postfix apply", s->sealpost);
	if (put_option(f->apply, sizeof f->apply, "--config-directory",
		o->config_directory, "") < 0 ||
	    put_option(f->apply, sizeof f->apply, "--templates", o->templates,
		"/postfix") < 0 ||
	    put_option(f->apply, sizeof f->apply, "--submission", o->submission,
		"") < 0 ||
	    put_option(f->apply, sizeof f->apply, "--submissions",
		o->submissions, "") < 0)
		return err_set(err, ERR_PERM, "the options are too long");
	if (o->config_directory != NULL)
		(void)snprintf(f->folder_option, sizeof f->folder_option,
		    " -c %s", s->config_directory);
	return 0;
}

static int
find_config_directory(struct doctor_site *s, struct err *err)
{
	cleanup(buf_reset) struct buf usual = { .limit = PATH_MAX };
	cleanup(args_reset) struct args args = { 0 };
	const char *folder = s->options->config_directory;

	if (folder == NULL) {
		if (args_put(&args, "-h", err) < 0 ||
		    args_put(&args, "config_directory", err) < 0 ||
		    postconf(&args, &usual, err) < 0 ||
		    buf_str(&usual, err) == NULL)
			return -1;
		usual.data[strcspn((char *)usual.data, "\n")] = '\0';
		folder = (char *)usual.data;
	}
	if (realpath(folder, s->config_directory) == NULL) {
		s->config_directory[0] = '\0';
		return err_set(err, ERR_PERM, "%s: %m", folder);
	}
	return 0;
}

static int
render_wanted(
    const struct doctor_site *s, struct postfix_facts *f, struct err *err)
{
	char folder[PATH_MAX], templates[TEMPLATE_FOLDER_SIZE];
	const struct doctor_options *o = s->options;
	struct render r = { .conf = s->ctl->conf,
		.config_directory = s->config_directory,
		.submission = "none",
		.submissions = "none" };

	if (o->templates != NULL)
		(void)snprintf(
		    folder, sizeof folder, "%s/postfix", o->templates);
	r.templates = template_folder(
	    o->templates == NULL ? NULL : folder, "postfix", templates);
	if (render_template(&r, "main.cf", &f->main_wanted, err) < 0 ||
	    render_template(&r, "master.cf", &f->master_wanted, err) < 0)
		return -1;
	if (s->ctl->conf->hop.system_users &&
	    (render_template(
		 &r, "main-system-users.cf", &f->users_wanted, err) < 0 ||
		buf_put(&f->main_wanted, f->users_wanted.data,
		    f->users_wanted.len, err) < 0))
		return -1;
	return buf_str(&f->main_wanted, err) == NULL ||
		       buf_str(&f->master_wanted, err) == NULL
		   ? -1
		   : 0;
}

static int
keep_parameter(const struct view *v, const char *name, char *out, size_t size,
    struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };

	if (view_get(v, POSTCONF_EXPANDED, name, &value, err) < 0)
		return -1;
	(void)snprintf(
	    out, size, "%s", value.len > 0 ? (char *)value.data : "");
	return 0;
}

static int
ask_postfix(struct doctor_site *s, struct postfix_facts *f, struct err *err)
{
	if (find_config_directory(s, err) < 0 ||
	    view_read(&f->view, s->config_directory, err) < 0 ||
	    keep_parameter(&f->view, "queue_directory", s->queue_directory,
		sizeof s->queue_directory, err) < 0 ||
	    keep_parameter(&f->view, "mail_owner", s->mail_owner,
		sizeof s->mail_owner, err) < 0 ||
	    make_postfix_apply(s, f, err) < 0)
		return -1;
	return render_wanted(s, f, err);
}

int
doctor_look_at_postfix(struct doctor_site *s, struct err *err)
{
	cleanup(postfix_facts_reset) struct postfix_facts f = {
		.main_wanted.limit = LIMIT_POSTFIX_FILE,
		.master_wanted.limit = LIMIT_POSTFIX_FILE,
		.users_wanted.limit = LIMIT_POSTFIX_FILE
	};
	struct doctor_postfix p = { .conf = s->ctl->conf,
		.folder_option = f.folder_option,
		.apply = f.apply };
	struct err why;

	if (ask_postfix(s, &f, &why) < 0)
		return doctor_untried(s, "postfix.configuration", &why, err);
	for (size_t i = 0; i < POSTCONF_HOW_COUNT; i++)
		p.parameters[i] = (char *)f.view.parameters[i].data;
	p.services = (char *)f.view.services.data;
	p.options = (char *)f.view.options.data;
	p.main_wanted = (char *)f.main_wanted.data;
	p.master_wanted = (char *)f.master_wanted.data;
	return doctor_judge_postfix(&p, s->report, err);
}

/* ---- Dovecot ---- */

struct dovecot_look {
	enum dovecot_version version;
	struct buf changed, values, passdb, userdb;
	struct buf plugins[DOCTOR_PROTOCOLS];
	bool modules;
	char apply[DOCTOR_COMMAND_SIZE / 2];
};

static void
dovecot_look_reset(struct dovecot_look *l)
{
	buf_reset(&l->changed);
	buf_reset(&l->values);
	buf_reset(&l->passdb);
	buf_reset(&l->userdb);
	for (size_t i = 0; i < DOCTOR_PROTOCOLS; i++)
		buf_reset(&l->plugins[i]);
}

static int
ask_plugins(
    const char *file, const char *protocol, struct buf *out, struct err *err)
{
	static const struct tool doveconf = { "doveconf", "/usr/bin/doveconf",
		"Dovecot" };
	cleanup(args_reset) struct args args = { 0 };

	out->limit = LIMIT_POSTFIX_FILE;
	if (args_put(&args, "-c", err) < 0 || args_put(&args, file, err) < 0)
		return -1;
	if (protocol != NULL &&
	    (args_put(&args, "-f", err) < 0 ||
		args_putf(&args, err, "protocol=%s", protocol) < 0))
		return -1;
	if (args_put(&args, "mail_plugins", err) < 0 ||
	    tool_run(&doveconf, &args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* What stands beside dovecot.conf; no file is no text. */
static int
read_beside(const struct doctor_site *s, const char *name, struct buf *out,
    struct err *err)
{
	char path[PATH_MAX];
	const char *slash = strrchr(s->dovecot_file, '/');

	out->limit = LIMIT_POSTFIX_FILE;
	if (snprintf(path, sizeof path, "%.*s%s",
		(int)(slash - s->dovecot_file + 1), s->dovecot_file,
		name) >= (int)sizeof path)
		return err_set(err, ERR_PERM, "the path is too long");
	if (file_read(path, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

static int
find_modules(struct dovecot_look *l, struct err *err)
{
	static const char *const modules[] = { "lib30_sealpost_plugin.so",
		"lib31_imap_sealpost_plugin.so" };
	cleanup(buf_reset) struct buf folder = { .limit = LIMIT_POSTFIX_FILE };

	if (doveconf_find(
		(char *)l->values.data, "mail_plugin_dir", &folder, err) < 0)
		return -1;
	l->modules = true;
	for (size_t i = 0; i < countof(modules); i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof path, "%s/%s", (char *)folder.data,
			modules[i]) >= (int)sizeof path ||
		    access(path, R_OK) < 0)
			l->modules = false;
	}
	return 0;
}

static int
make_dovecot_apply(
    struct doctor_site *s, struct dovecot_look *l, struct err *err)
{
	const struct doctor_options *o = s->options;
	struct doctor_mail_place place = { "", "" };
	bool known = doctor_find_mail_place((char *)l->userdb.data, &place);

	(void)snprintf(s->mail_directory, sizeof s->mail_directory, "%s",
	    known ? place.directory : "/var/vmail");
	(void)snprintf(
	    l->apply, sizeof l->apply, "%.1000s dovecot apply", s->sealpost);
	if (put_option(l->apply, sizeof l->apply, "--config-file",
		o->config_file, "") < 0 ||
	    put_option(l->apply, sizeof l->apply, "--templates", o->templates,
		"/dovecot") < 0 ||
	    put_option(l->apply, sizeof l->apply, "--queue-directory",
		o->config_directory == NULL ? NULL : s->queue_directory,
		"") < 0 ||
	    put_option(l->apply, sizeof l->apply, "--mail-user",
		known ? place.user : NULL, "") < 0 ||
	    put_option(l->apply, sizeof l->apply, "--mail-directory",
		known ? place.directory : NULL, "") < 0)
		return err_set(err, ERR_PERM, "the options are too long");
	return 0;
}

static int
ask_dovecot(struct doctor_site *s, struct dovecot_look *l, struct err *err)
{
	static const char *const names[] = { "ssl", "disable_plaintext_auth",
		"auth_allow_cleartext", "mail_debug", "auth_debug_passwords",
		"auth_verbose_passwords", "mail_plugin_dir", NULL };
	static const char *const protocols[DOCTOR_PROTOCOLS] = {
		[DOCTOR_IMAP] = "imap", [DOCTOR_LMTP] = "lmtp"
	};

	if (dovecot_version_find(NULL, &l->version, err) < 0 ||
	    doveconf_changed(s->dovecot_file, &l->changed, err) < 0 ||
	    doveconf_values(s->dovecot_file, names, &l->values, err) < 0)
		return -1;
	bool old = l->version == DOVECOT_2_3;

	/* since 2.4 a protocol's are added to all others' */
	for (size_t i = 0; i < DOCTOR_PROTOCOLS; i++)
		if ((!old && ask_plugins(s->dovecot_file, NULL, &l->plugins[i],
				 err) < 0) ||
		    ask_plugins(
			s->dovecot_file, protocols[i], &l->plugins[i], err) < 0)
			return -1;

	if (read_beside(s, old ? "sealpost-passdb.conf.ext" : "sealpost.conf",
		&l->passdb, err) < 0 ||
	    read_beside(s, old ? "sealpost-userdb.conf.ext" : "sealpost.conf",
		&l->userdb, err) < 0 ||
	    find_modules(l, err) < 0)
		return -1;
	return make_dovecot_apply(s, l, err);
}

static int
find_dovecot_file(struct doctor_site *s, struct err *err)
{
	const char *file = s->options->config_file != NULL
			       ? s->options->config_file
			       : "/etc/dovecot/dovecot.conf";

	if (realpath(file, s->dovecot_file) != NULL)
		return 0;
	s->dovecot_file[0] = '\0';
	return err_set(err, ERR_PERM, "%s: %m", file);
}

int
doctor_look_at_dovecot(struct doctor_site *s, struct err *err)
{
	cleanup(dovecot_look_reset) struct dovecot_look l = {
		.changed.limit = LIMIT_POSTFIX_FILE,
		.values.limit = LIMIT_POSTFIX_FILE
	};
	struct doctor_dovecot d = {
		.conf = s->ctl->conf, .file = s->dovecot_file, .apply = l.apply
	};
	struct err why;

	if (find_dovecot_file(s, &why) < 0 || ask_dovecot(s, &l, &why) < 0)
		return doctor_untried(s, "dovecot.configuration", &why, err);
	d.version = l.version;
	d.changed = (char *)l.changed.data;
	d.values = (char *)l.values.data;
	d.passdb_file = (char *)l.passdb.data;
	d.userdb_file = (char *)l.userdb.data;
	d.modules = l.modules;
	for (size_t i = 0; i < DOCTOR_PROTOCOLS; i++)
		d.plugins[i] = (char *)l.plugins[i].data;
	return doctor_judge_dovecot(&d, s->report, err);
}
