/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

const struct backup_file backup_files[BACKUP_FILES] = {
	{ STORE_DIRECTORY, "directory.db", false },
	{ STORE_SECRETS, "secrets.db", false },
	{ STORE_STATS, "stats.db", false },
	{ STORE_NOTICES, "notices.db", true },
};

int
notices_path(const struct conf *c, char out[PATH_MAX], struct err *err)
{
	const char *file = c->accounts.directory;

	if (snprintf(out, PATH_MAX, "%.*s/notices.db",
		(int)(strrchr(file, '/') - file), file) >= PATH_MAX)
		return err_set(err, ERR_PERM, "%s: the path is too long", file);
	return 0;
}

int
backup_path(const struct conf *c, enum store_kind kind, char out[PATH_MAX],
    struct err *err)
{
	const char *path = kind == STORE_DIRECTORY ? c->accounts.directory
			   : kind == STORE_SECRETS ? c->accounts.secrets
						   : c->stats.database;

	if (kind == STORE_NOTICES)
		return notices_path(c, out, err);
	if (snprintf(out, PATH_MAX, "%s", path) >= PATH_MAX)
		return err_set(err, ERR_PERM, "%s: the path is too long", path);
	return 0;
}

int
backup_folder_path(const struct backup_folder *f, const char *name,
    char out[PATH_MAX], struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", f->path, name) >= PATH_MAX)
		return err_set(err, ERR_PERM, "%s: the path is too long", name);
	return 0;
}

int
backup_folder_make(struct backup_folder *f, const char *beside, struct err *err)
{
	if (snprintf(f->path, sizeof f->path, "%s.XXXXXX", beside) >=
	    (int)sizeof f->path) {
		f->path[0] = '\0';
		return err_set(
		    err, ERR_PERM, "%s: the path is too long", beside);
	}
	if (mkdtemp(f->path) != NULL)
		return 0;
	f->path[0] = '\0';
	return err_set(err, ERR_PERM, "%s: %s", beside, strerror(errno));
}

void
backup_folder_remove(struct backup_folder *f)
{
	static const char *const suffixes[] = { "", "-journal", "-wal",
		"-shm" };
	char path[PATH_MAX], name[100];

	if (f->path[0] == '\0')
		return;
	for (size_t i = 0; i < BACKUP_FILES; i++)
		for (size_t k = 0; k < countof(suffixes); k++) {
			(void)snprintf(name, sizeof name, "%s%s",
			    backup_files[i].name, suffixes[k]);
			if (backup_folder_path(f, name, path, NULL) == 0)
				(void)unlink(path);
		}
	(void)rmdir(f->path);
	f->path[0] = '\0';
}
