/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * After a restart: the files of earlier runs become entries again when their
 * user logs in. The directory is read without the lock.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "sent_private.h"
#include "state.h"

enum { ABANDONED_S = 24 * 3600 };

/* As most are: it spares an entry that sent_enqueue() would not take. */
static bool
is_known(struct sent *s, const char *path)
{
	bool known;

	(void)pthread_mutex_lock(&s->lock);
	known = sent_find_path(s, path) != NULL;
	(void)pthread_mutex_unlock(&s->lock);
	return known;
}

/* A copy of the account with this end: ".eml", ".new". */
static bool
is_copy(const char *name, const char *prefix, const char *end)
{
	size_t len = strlen(name), n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && name[n] == '=' && len > 4 &&
	    strcmp(name + len - 4, end) == 0;
}

/* One that was never handed in: whoever wrote it was killed. */
static void
remove_if_old(int directory, const char *name)
{
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - ABANDONED_S)
		(void)unlinkat(directory, name, 0);
}

static void
resume_file(struct sent *s, const struct user *u,
    const struct credentials *c, const char *name)
{
	char *path = NULL;
	struct entry *e;

	if (asprintf(&path, "%s/%s", s->bridge->conf->state_directory, name) <
	    0)
		return;
	if (is_known(s, path)) {
		free(path);
		return;
	}
	e = sent_entry_for(u, path, c);
	if (e == NULL)
		return;
	e->tried = true;
	e->has_print = sent_print_from_text(strchr(name, '=') + 1, e->print);
	if (sent_enqueue(s, e))
		log_info("sent: <%s>: a copy was left behind",
		    user_account(u)->address);
}

/*
 * The server takes this login: what waits with an older one is tried with it.
 */
static void
renew_logins(
    struct sent *s, const struct user *u, const struct credentials *c)
{
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	TAILQ_FOREACH (e, &s->entries, all) {
		if (e->account != user_account(u) || e->state != WAITING ||
		    !sent_set_login(e, u, c) || !e->refused)
			continue;
		e->refused = false;
		e->next = 0;
		e->pause_s = 0;
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void
sent_resume(struct sent *s, const struct user *u,
    const struct credentials *c)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	const char *directory = s->bridge->conf->state_directory;
	const char *address = user_account(u)->address;
	DIR *d;

	renew_logins(s, u, c);
	d = opendir(directory);
	if (d == NULL)
		return;
	if (state_put_path(directory, "sent", address, &path, NULL) == 0) {
		const char *prefix =
		    (const char *)path.data + strlen(directory) + 1;

		for (struct dirent *f; (f = readdir(d)) != NULL;)
			if (is_copy(f->d_name, prefix, ".eml"))
				resume_file(s, u, c, f->d_name);
			else if (is_copy(f->d_name, prefix, ".new"))
				remove_if_old(dirfd(d), f->d_name);
	}
	closedir(d);
}
