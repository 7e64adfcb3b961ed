/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost restore: puts the databases of a backup back. All of it is unpacked
 * and checked before the first database is touched; each is then changed in one
 * transaction, in the file that daemons have open.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "backup.h"
#include "shared.h"

struct restore {
	struct ctl *ctl;
	FILE *from;
	struct backup_folder folder;
	bool has[BACKUP_FILES];
};

/* ---- reading the archive ---- */

static int
read_octets(struct restore *r, void *out, size_t n, struct err *err)
{
	if (fread(out, 1, n, r->from) != n)
		return err_set(err, ERR_PERM,
		    "the backup is cut short, or cannot be read");
	return 0;
}

/* Reads size octets and what fills the block; to NULL drops them. */
static int
read_content(struct restore *r, uint64_t size, FILE *to, struct err *err)
{
	char chunk[64 << 10];

	for (uint64_t left = size; left > 0;) {
		size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;

		if (read_octets(r, chunk, n, err) < 0)
			return -1;
		if (to != NULL && fwrite(chunk, 1, n, to) != n)
			return err_set(
			    err, ERR_TEMP, "unpacking: %s", strerror(errno));
		left -= n;
	}
	return read_octets(r, chunk, archive_padding(size), err);
}

static int
unpack(
    struct restore *r, const struct archive_entry *e, size_t i, struct err *err)
{
	char path[PATH_MAX];

	if (r->has[i])
		return err_set(err, ERR_PERM, "%s is twice in it", e->name);
	if (backup_folder_path(&r->folder, e->name, path, err) < 0)
		return -1;

	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cleanup(close_file) FILE *to = fd < 0 ? NULL : fdopen(fd, "wb");

	if (to == NULL)
		return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	if (read_content(r, e->size, to, err) < 0)
		return -1;
	if (fflush(to) != 0)
		return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	r->has[i] = true;
	return 0;
}

static int
read_entry(struct restore *r, const struct archive_entry *e, struct err *err)
{
	for (size_t i = 0; i < BACKUP_FILES; i++)
		if (strcmp(backup_files[i].name, e->name) == 0)
			return unpack(r, e, i, err);
	if (strcmp(e->name, BACKUP_CONTENTS) == 0)
		return read_content(r, e->size, NULL, err);
	return err_set(err, ERR_PERM, "%s is no file of a backup", e->name);
}

static int
unpack_all(struct restore *r, struct err *err)
{
	uint8_t block[ARCHIVE_BLOCK];
	struct archive_entry e;
	int rc;

	do {
		if (read_octets(r, block, sizeof block, err) < 0)
			return -1;
		rc = archive_read_header(block, &e, err);
		if (rc > 0 && read_entry(r, &e, err) < 0)
			return -1;
	} while (rc > 0);
	for (size_t i = 0; rc == 0 && i < BACKUP_FILES; i++)
		if (!r->has[i] && !backup_files[i].optional)
			return err_set(err, ERR_PERM, "%s is not in it",
			    backup_files[i].name);
	return rc;
}

/* ---- the databases ---- */

static int
check_copies(struct restore *r, struct err *err)
{
	for (size_t i = 0; i < BACKUP_FILES; i++) {
		char path[PATH_MAX];

		if (!r->has[i])
			continue;
		if (backup_folder_path(
			&r->folder, backup_files[i].name, path, err) < 0 ||
		    upkeep_prepare(backup_files[i].kind, path, err) < 0)
			return err_context(err, "in the backup");
	}
	return 0;
}

/* What is in use is not overwritten by a slip. */
static int
refuse_existing(struct restore *r, struct err *err)
{
	for (size_t i = 0; i < BACKUP_FILES; i++) {
		char path[PATH_MAX];

		if (backup_path(r->ctl->conf, backup_files[i].kind, path, err) <
		    0)
			return -1;
		if (r->has[i] && access(path, F_OK) == 0)
			return err_set(err, ERR_PERM,
			    "%s exists: --replace would replace all that is in "
			    "it",
			    path);
	}
	return 0;
}

static int
restore_all(struct restore *r, struct err *err)
{
	cleanup(close_fd) int lock = lock_accounts(r->ctl, err);

	if (lock < 0)
		return -1;
	for (size_t i = 0; i < BACKUP_FILES; i++) {
		char path[PATH_MAX], copy[PATH_MAX];

		if (!r->has[i])
			continue;
		if (backup_path(r->ctl->conf, backup_files[i].kind, path, err) <
			0 ||
		    backup_folder_path(
			&r->folder, backup_files[i].name, copy, err) < 0 ||
		    upkeep_restore(backup_files[i].kind, path, copy, err) < 0)
			return -1;
		fprintf(r->ctl->out, "%s\n", path);
	}
	return 0;
}

/* ---- the command ---- */

/* Beside the databases: they are on a disk that may hold such things. */
static int
open_all(struct restore *r, const char *file, struct err *err)
{
	r->from = fopen(file, "rbe");
	if (r->from == NULL)
		return err_set(err, ERR_PERM, "%s: %s", file, strerror(errno));
	return backup_folder_make(
	    &r->folder, r->ctl->conf->accounts.directory, err);
}

static int
restore(struct restore *r, const char *file, bool replace, struct err *err)
{
	if (open_all(r, file, err) < 0)
		return -1;
	if (unpack_all(r, err) < 0 || check_copies(r, err) < 0)
		return err_context(err, "%s", file);
	if (!replace && refuse_existing(r, err) < 0)
		return -1;
	return restore_all(r, err);
}

int
cmd_restore(struct ctl *ctl, int argc, char **argv)
{
	struct restore r = { .ctl = ctl };
	bool replace = false;
	const struct ctl_option options[] = { { "--replace", &replace, NULL } };
	sigset_t before;
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 1, 1) < 0)
		return CTL_USAGE;
	hold_signals(&before);

	int rc = restore(&r, argv[1], replace, &err);

	close_file(&r.from);
	backup_folder_remove(&r.folder);
	release_signals(&before);
	return rc < 0 ? ctl_fail(ctl, &err) : ctl_done(ctl);
}
