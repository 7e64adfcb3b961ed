/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_plan.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "postfix_conf.h"
#include "postfix_file.h"
#include "postfix_merge.h"
#include "postfix_wiring.h"

static const char *const names[PLAN_FILES] = {
	[PLAN_MAIN] = "main.cf",
	[PLAN_MASTER] = "master.cf",
	[PLAN_MAPS_FIRST] = "sealpost/domains.cf",
	"sealpost/mailboxes.cf",
	"sealpost/aliases.cf",
	"sealpost/unusable.cf",
	"sealpost/transport.cf",
};

/* "sealpost/domains.cf" is rendered from maps/domains.cf. */
static const char *
map_template(const char *name, char out[64])
{
	(void)snprintf(out, 64, "maps%s", strchr(name, '/'));
	return out;
}

static int
path_make(char out[PATH_MAX], const char *folder, const char *name,
    const char *suffix, struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s%s", folder, name, suffix) >=
	    PATH_MAX)
		return err_set(
		    err, ERR_PERM, "%s: the path is too long", folder);
	return 0;
}

static int
read_in(const char *folder, const char *name, const char *suffix,
    struct buf *out, struct err *err)
{
	char path[PATH_MAX];

	if (path_make(path, folder, name, suffix, err) < 0)
		return -1;
	return file_read(path, out, err);
}

static int
copy_buf(struct buf *to, const struct buf *from, struct err *err)
{
	buf_clear(to);
	return buf_put(to, from->data, from->len, err);
}

/* ---- the copy that postconf works on ---- */

struct scratch {
	char folder[64];
};

static void
scratch_remove(struct scratch *s)
{
	char path[PATH_MAX];

	if (s->folder[0] == '\0')
		return;
	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++)
		if (path_make(path, s->folder, names[i], "", NULL) == 0)
			(void)unlink(path);
	(void)rmdir(s->folder);
}

static int
scratch_make(struct scratch *s, struct err *err)
{
	(void)snprintf(
	    s->folder, sizeof s->folder, "/tmp/sealpost-postfix.XXXXXX");
	if (mkdtemp(s->folder) == NULL) {
		s->folder[0] = '\0';
		return err_set(
		    err, ERR_TEMP, "temporary folder: %s", strerror(errno));
	}
	return 0;
}

/* postconf puts a new line directly behind a last line without an end. */
static int
scratch_put(const struct scratch *s, const char *name, const struct buf *text,
    struct buf *written, struct err *err)
{
	char path[PATH_MAX];

	if (copy_buf(written, text, err) < 0)
		return -1;
	if (text->len > 0 && text->data[text->len - 1] != '\n' &&
	    buf_putc(written, '\n', err) < 0)
		return -1;
	if (path_make(path, s->folder, name, "", err) < 0)
		return -1;
	return file_create(path, written, err);
}

static int
find_mail_owner(struct plan *p, const char *folder, struct err *err)
{
	cleanup(buf_reset) struct buf owner = { .limit = sizeof p->mail_owner };

	if (postconf_get(folder, POSTCONF_EXPANDED, "mail_owner", &owner, err) <
	    0)
		return -1;
	(void)snprintf(p->mail_owner, sizeof p->mail_owner, "%s",
	    owner.len > 0 ? (char *)owner.data : "");
	return 0;
}

static int
change_copy(struct plan *p, const struct scratch *s, struct err *err)
{
	if (p->what == PLAN_APPLY)
		return wiring_apply(p->render, s->folder, &p->notes, err);

	const char *kept = buf_str(&p->files[PLAN_MAIN].kept, err);

	if (kept == NULL)
		return -1;
	return wiring_remove(p->render->config_directory, kept, s->folder, err);
}

/* An apply that only moves lines about is none. */
static int
settle(struct plan_file *f, struct err *err)
{
	int same = merge_same_units(&f->now, &f->next, err);

	if (same <= 0)
		return same;
	f->settled = true;
	return copy_buf(&f->next, &f->now, err);
}

/* next = what postconf makes of base. */
static int
work_out_next(struct plan *p, struct err *err)
{
	cleanup(scratch_remove) struct scratch s = { "" };
	struct buf written[PLAN_MAPS_FIRST] = {
		{ .limit = LIMIT_POSTFIX_FILE },
		{ .limit = LIMIT_POSTFIX_FILE },
	};
	int rc = scratch_make(&s, err);

	for (size_t i = 0; rc == 0 && i < PLAN_MAPS_FIRST; i++)
		rc = scratch_put(
		    &s, names[i], &p->files[i].base, &written[i], err);
	if (rc == 0) {
		postconf_age(s.folder);
		rc = find_mail_owner(p, s.folder, err);
	}
	if (rc == 0)
		rc = change_copy(p, &s, err);
	for (size_t i = 0; rc == 0 && i < PLAN_MAPS_FIRST; i++) {
		struct plan_file *f = &p->files[i];

		rc =
		    read_in(s.folder, names[i], "", &f->next, err) < 0 ? -1 : 0;
		if (rc == 0 && buf_equal(&f->next, &written[i]))
			rc = copy_buf(&f->next, &f->base, err);
		if (rc == 0 && p->what == PLAN_APPLY)
			rc = settle(f, err);
	}
	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++)
		buf_reset(&written[i]);
	return rc;
}

/* ---- the parts of a plan ---- */

static int
read_now(struct plan *p, struct plan_file *f, struct err *err)
{
	int rc =
	    read_in(p->render->config_directory, f->name, "", &f->now, err);

	if (rc < 0)
		return -1;
	f->exists = rc == 1;
	return 0;
}

/* An earlier apply is taken back. */
static int
read_base(struct plan *p, struct plan_file *f, struct err *err)
{
	char folder[PATH_MAX];

	if (read_now(p, f, err) < 0)
		return -1;
	if (!f->exists)
		return err_set(err, ERR_PERM, "%s/%s: there is no such file",
		    p->render->config_directory, f->name);
	if (path_make(folder, p->render->config_directory, "sealpost/saved", "",
		err) < 0)
		return -1;

	int before = read_in(folder, f->name, ".before", &f->saved_before, err);
	int after = before <= 0 ? before
				: read_in(folder, f->name, ".after",
				      &f->saved_after, err);

	if (before < 0 || after < 0)
		return -1;
	if (before == 0 || after == 0)
		return copy_buf(&f->base, &f->now, err);
	p->applied = true;
	return merge_revert(&f->saved_before, &f->saved_after, &f->now,
	    &f->base, &f->kept, err);
}

static int
plan_map(struct plan *p, struct plan_file *f, struct err *err)
{
	char template[64];

	if (read_now(p, f, err) < 0)
		return -1;
	f->wanted = p->what == PLAN_APPLY || p->maps_in_use;
	if (p->what == PLAN_APPLY)
		return render_template(
		    p->render, map_template(f->name, template), &f->next, err);
	return f->wanted ? copy_buf(&f->next, &f->now, err) : 0;
}

static int
find_maps_in_use(struct plan *p, struct err *err)
{
	char folder[PATH_MAX];
	const char *text = buf_str(&p->files[PLAN_MAIN].next, err);

	if (text == NULL || path_make(folder, p->render->config_directory,
				"sealpost/", "", err) < 0)
		return -1;
	p->maps_in_use = p->what == PLAN_REMOVE && p->applied &&
			 strstr(text, folder) != NULL;
	return 0;
}

static void
plan_init(struct plan *p, enum plan_what what, const struct render *render)
{
	const struct buf empty = { .limit = LIMIT_POSTFIX_FILE };

	*p = (struct plan){
		.what = what, .render = render, .notes = empty, .lock = -1
	};
	for (size_t i = 0; i < PLAN_FILES; i++)
		p->files[i] = (struct plan_file){ .name = names[i],
			.wanted = true,
			.now = empty,
			.base = empty,
			.next = empty,
			.kept = empty,
			.saved_before = empty,
			.saved_after = empty };
}

int
plan_make(struct plan *p, enum plan_what what, const struct render *render,
    struct err *err)
{
	plan_init(p, what, render);
	p->lock = folder_lock(render->config_directory, err);
	if (p->lock < 0)
		return -1;
	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++)
		if (read_base(p, &p->files[i], err) < 0)
			return -1;
	if (work_out_next(p, err) < 0 || find_maps_in_use(p, err) < 0)
		return -1;
	for (size_t i = PLAN_MAPS_FIRST; i < PLAN_FILES; i++)
		if (plan_map(p, &p->files[i], err) < 0)
			return -1;
	return 0;
}

void
plan_reset(struct plan *p)
{
	for (size_t i = 0; i < PLAN_FILES; i++) {
		struct plan_file *f = &p->files[i];

		buf_reset(&f->now);
		buf_reset(&f->base);
		buf_reset(&f->next);
		buf_reset(&f->kept);
		buf_reset(&f->saved_before);
		buf_reset(&f->saved_after);
	}
	buf_reset(&p->notes);
	close_fd(&p->lock);
}

/* ---- what would change ---- */

static bool
file_changes(const struct plan_file *f)
{
	return f->exists != f->wanted || !buf_equal(&f->now, &f->next);
}

int
plan_print(const struct plan *p, FILE *to, struct err *err)
{
	int changes = 0;

	for (size_t i = 0; i < PLAN_FILES; i++) {
		const struct plan_file *f = &p->files[i];

		if (!file_changes(f))
			continue;
		changes = 1;
		fprintf(to, "%s %s/%s\n",
		    !f->exists  ? "new file"
		    : f->wanted ? "change in"
				: "removed:",
		    p->render->config_directory, f->name);
		if (f->wanted && merge_print(&f->now, &f->next, to, err) < 0)
			return -1;
	}
	return changes;
}

/* ---- putting it in place ---- */

/* The maps name no secret, but only Postfix has to read them. */
static int
map_access(const struct plan *p, struct file_access *out, struct err *err)
{
	const struct passwd *pw = getpwnam(p->mail_owner);

	if (pw == NULL)
		return err_set(err, ERR_PERM,
		    "mail_owner \"%s\": there is no such user", p->mail_owner);
	*out = (struct file_access){ 0640, geteuid(), pw->pw_gid };
	return 0;
}

static int
put_file(const struct plan *p, const struct plan_file *f,
    const struct file_access *access, struct err *err)
{
	char path[PATH_MAX];

	if (!file_changes(f))
		return 0;
	if (path_make(path, p->render->config_directory, f->name, "", err) < 0)
		return -1;
	if (!f->wanted)
		return file_remove(path, err);
	return file_replace(path, &f->next, access, err);
}

static int
save(const char *folder, const struct plan_file *f, const char *suffix,
    const struct buf *text, const struct buf *saved, bool exists,
    struct err *err)
{
	const struct file_access access = { 0600, geteuid(), getegid() };
	char path[PATH_MAX];

	if (exists && (f->settled || buf_equal(text, saved)))
		return 0;
	if (path_make(path, folder, f->name, suffix, err) < 0)
		return -1;
	return file_replace(path, text, &access, err);
}

/*
 * What a later remove needs, before the files change. `after` first: with
 * an old `before` it takes back what both have in common, and no more.
 */
static int
save_state(const struct plan *p, const char *folder, struct err *err)
{
	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++) {
		const struct plan_file *f = &p->files[i];

		if (save(folder, f, ".after", &f->next, &f->saved_after,
			p->applied, err) < 0 ||
		    save(folder, f, ".before", &f->base, &f->saved_before,
			p->applied, err) < 0)
			return -1;
	}
	return 0;
}

static int
execute_apply(const struct plan *p, const char *folder, const char *saved,
    struct err *err)
{
	struct file_access maps;

	if (map_access(p, &maps, err) < 0)
		return -1;

	const struct file_access open_folder = { 0750, maps.uid, maps.gid };
	const struct file_access own_folder = { 0700, geteuid(), getegid() };

	if (folder_make(folder, &open_folder, err) < 0 ||
	    folder_make(saved, &own_folder, err) < 0)
		return -1;
	for (size_t i = PLAN_MAPS_FIRST; i < PLAN_FILES; i++)
		if (put_file(p, &p->files[i], &maps, err) < 0)
			return -1;
	if (save_state(p, saved, err) < 0)
		return -1;
	/* The services first: main.cf leads mail to them. */
	if (put_file(p, &p->files[PLAN_MASTER], &maps, err) < 0)
		return -1;
	return put_file(p, &p->files[PLAN_MAIN], &maps, err);
}

static int
remove_state(const char *saved, struct err *err)
{
	static const char *const suffixes[] = { ".before", ".after" };
	char path[PATH_MAX];

	for (size_t i = 0; i < PLAN_MAPS_FIRST; i++)
		for (size_t j = 0; j < countof(suffixes); j++)
			if (path_make(path, saved, names[i], suffixes[j], err) <
				0 ||
			    file_remove(path, err) < 0)
				return -1;
	return 0;
}

static int
execute_remove(const struct plan *p, const char *folder, const char *saved,
    struct err *err)
{
	const struct file_access access = { 0644, geteuid(), getegid() };

	if (put_file(p, &p->files[PLAN_MAIN], &access, err) < 0 ||
	    put_file(p, &p->files[PLAN_MASTER], &access, err) < 0)
		return -1;
	for (size_t i = PLAN_MAPS_FIRST; i < PLAN_FILES; i++)
		if (put_file(p, &p->files[i], &access, err) < 0)
			return -1;
	if (remove_state(saved, err) < 0)
		return -1;
	/* Whatever else lies in there is not ours. */
	(void)rmdir(saved);
	(void)rmdir(folder);
	return 0;
}

int
plan_execute(const struct plan *p, struct err *err)
{
	char folder[PATH_MAX], saved[PATH_MAX];

	if (path_make(
		folder, p->render->config_directory, "sealpost", "", err) < 0 ||
	    path_make(saved, folder, "saved", "", err) < 0)
		return -1;
	if (p->what == PLAN_APPLY)
		return execute_apply(p, folder, saved, err);
	return p->applied ? execute_remove(p, folder, saved, err) : 0;
}
