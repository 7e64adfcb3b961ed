/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "dovecot_plan.h"

#include <grp.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "postfix_file.h"
#include "postfix_merge.h"

#define OWN_NAME "sealpost.conf"
#define MARKER   "# Written by sealpost dovecot apply"

static const char *const own_names[DOVECOT_FILES] = {
	[DOVECOT_OWN] = OWN_NAME,
	[DOVECOT_PASSDB] = "sealpost-passdb.conf.ext",
	[DOVECOT_USERDB] = "sealpost-userdb.conf.ext",
};

static int
path_make(char out[PATH_MAX], const struct dovecot_plan *p, const char *name,
    const char *suffix, struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", p->run->directory, name,
		suffix) >= PATH_MAX)
		return err_set(err, ERR_PERM, "%s: the path is too long",
		    p->run->directory);
	return 0;
}

/* ---- files that exist only for doveconf ---- */

struct check_file {
	char path[PATH_MAX];
};

static void
check_file_remove(struct check_file *f)
{
	if (f->path[0] != '\0')
		(void)unlink(f->path);
}

static int
check_file_make(struct check_file *f, const struct dovecot_plan *p,
    const char *name, const struct buf *text, struct err *err)
{
	char path[PATH_MAX];

	if (path_make(path, p, name, DOVECOT_CHECK_SUFFIX, err) < 0)
		return -1;
	/* What a run that was killed may have left. */
	if (file_remove(path, err) < 0 || file_create(path, text, err) < 0)
		return -1;
	memcpy(f->path, path, sizeof path);
	return 0;
}

/* ---- the parts of a plan ---- */

static int
read_file(struct dovecot_plan *p, size_t i, struct err *err)
{
	struct dovecot_file *f = &p->files[i];
	char path[PATH_MAX];

	if (path_make(path, p, f->name, "", err) < 0)
		return -1;

	int rc = file_read(path, &f->now, err);

	if (rc < 0)
		return -1;
	f->exists = rc == 1;
	if (i == DOVECOT_MAIN && !f->exists)
		return err_set(
		    err, ERR_PERM, "%s: there is no such file", path);
	if (i != DOVECOT_MAIN && f->exists &&
	    (f->now.len < strlen(MARKER) ||
		memcmp(f->now.data, MARKER, strlen(MARKER)) != 0))
		return err_set(err, ERR_PERM,
		    "%s is there and not sealpost's: move it away", path);
	return 0;
}

static int
render_own(
    struct dovecot_plan *p, const struct dovecot_facts *facts, struct err *err)
{
	for (size_t i = DOVECOT_OWN; i < DOVECOT_FILES; i++) {
		struct dovecot_file *f = &p->files[i];

		f->wanted = i == DOVECOT_OWN || p->run->version == DOVECOT_2_3;
		if (f->wanted &&
		    dovecot_render(facts, f->name, &f->next, err) < 0)
			return -1;
	}
	return 0;
}

/* base with the include of our file, or of the copy that is checked. */
static int
put_include(const struct dovecot_plan *p, const char *suffix, struct buf *out,
    struct err *err)
{
	char path[PATH_MAX];

	if (path_make(path, p, OWN_NAME, suffix, err) < 0)
		return -1;
	return include_put(&p->base, path, out, err);
}

/* Dovecot is shown the result before anything is changed. */
static int
check_result(struct dovecot_plan *p, const char *before, struct err *err)
{
	cleanup(check_file_remove) struct check_file own = { "" };
	cleanup(check_file_remove) struct check_file whole = { "" };
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_POSTFIX_FILE };
	cleanup(buf_reset) struct buf after = { .limit = LIMIT_POSTFIX_FILE };

	if (put_include(p, DOVECOT_CHECK_SUFFIX, &text, err) < 0 ||
	    check_file_make(
		&own, p, OWN_NAME, &p->files[DOVECOT_OWN].next, err) < 0 ||
	    check_file_make(&whole, p, p->run->name, &text, err) < 0)
		return -1;
	if (doveconf_changed(whole.path, &after, err) < 0)
		return err_context(err, "nothing was changed, Dovecot refuses");
	return doveconf_notes(before, (char *)after.data, &p->notes, err);
}

/* What dovecot.conf says without us: facts, our files, and the settings. */
static int
look_at_base(struct dovecot_plan *p, struct buf *settings, struct err *err)
{
	cleanup(check_file_remove) struct check_file base = { "" };
	cleanup(dovecot_facts_reset) struct dovecot_facts facts = { 0 };

	if (check_file_make(&base, p, p->run->name, &p->base, err) < 0 ||
	    doveconf_changed(base.path, settings, err) < 0 ||
	    dovecot_facts_find(&facts, p->run, base.path, &p->notes, err) < 0)
		return -1;
	return render_own(p, &facts, err);
}

static int
plan_apply(struct dovecot_plan *p, struct err *err)
{
	cleanup(buf_reset) struct buf before = { .limit = LIMIT_POSTFIX_FILE };

	if (look_at_base(p, &before, err) < 0 ||
	    put_include(p, "", &p->files[DOVECOT_MAIN].next, err) < 0)
		return -1;
	return check_result(p, (char *)before.data, err);
}

static void
plan_init(struct dovecot_plan *p, bool apply, const struct dovecot_run *run)
{
	const struct buf empty = { .limit = LIMIT_POSTFIX_FILE };

	*p = (struct dovecot_plan){ .run = run,
		.apply = apply,
		.base = empty,
		.notes = empty,
		.lock = -1 };
	for (size_t i = 0; i < DOVECOT_FILES; i++)
		p->files[i] = (struct dovecot_file){
			.name = i == DOVECOT_MAIN ? run->name : own_names[i],
			.wanted = i == DOVECOT_MAIN,
			.now = empty,
			.next = empty,
		};
}

int
dovecot_plan_make(struct dovecot_plan *p, bool apply,
    const struct dovecot_run *run, struct err *err)
{
	char own[PATH_MAX];

	plan_init(p, apply, run);
	p->lock = folder_lock(run->directory, err);
	if (p->lock < 0 || path_make(own, p, OWN_NAME, "", err) < 0)
		return -1;
	for (size_t i = 0; i < DOVECOT_FILES; i++)
		if (read_file(p, i, err) < 0)
			return -1;

	struct dovecot_file *f = &p->files[DOVECOT_MAIN];

	if (include_take(&f->now, own, &p->base, err) < 0)
		return -1;
	return apply ? plan_apply(p, err)
		     : buf_put(&f->next, p->base.data, p->base.len, err);
}

void
dovecot_plan_reset(struct dovecot_plan *p)
{
	for (size_t i = 0; i < DOVECOT_FILES; i++) {
		buf_reset(&p->files[i].now);
		buf_reset(&p->files[i].next);
	}
	buf_reset(&p->base);
	buf_reset(&p->notes);
	close_fd(&p->lock);
}

/* ---- what would change ---- */

static bool
file_changes(const struct dovecot_file *f)
{
	return f->exists != f->wanted || !buf_equal(&f->now, &f->next);
}

int
dovecot_plan_print(const struct dovecot_plan *p, FILE *to, struct err *err)
{
	int changes = 0;

	for (size_t i = 0; i < DOVECOT_FILES; i++) {
		const struct dovecot_file *f = &p->files[i];

		if (!file_changes(f))
			continue;
		changes = 1;
		fprintf(to, "%s %s/%s\n",
		    !f->exists  ? "new file"
		    : f->wanted ? "change in"
				: "removed:",
		    p->run->directory, f->name);
		if (f->wanted && merge_print(&f->now, &f->next, to, err) < 0)
			return -1;
	}
	return changes;
}

/* ---- putting it in place ---- */

static int
put_file(const struct dovecot_plan *p, size_t i, struct err *err)
{
	const struct group *gr = getgrnam("dovecot");
	const struct file_access access = { 0640, geteuid(),
		gr != NULL ? gr->gr_gid : getegid() };
	const struct dovecot_file *f = &p->files[i];
	char path[PATH_MAX];

	if (!file_changes(f))
		return 0;
	if (path_make(path, p, f->name, "", err) < 0)
		return -1;
	if (!f->wanted)
		return file_remove(path, err);
	return file_replace(path, &f->next, &access, err);
}

/* An included file is there before the line, and outlives it. */
int
dovecot_plan_execute(const struct dovecot_plan *p, struct err *err)
{
	for (size_t i = 0; i < DOVECOT_FILES; i++) {
		size_t which = p->apply ? DOVECOT_FILES - 1 - i : i;

		if (put_file(p, which, err) < 0)
			return -1;
	}
	return 0;
}
