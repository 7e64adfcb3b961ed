/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost backup: one file with a snapshot of the databases. Copies are made
 * beside it, in a folder that only this user can enter; FILE appears whole or
 * not at all.
 */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive.h"
#include "base/buf.h"
#include "base/rename.h"
#include "shared.h"
#include "table.h"

enum { LIMIT_CONTENTS = 4096 };

struct backup {
	struct ctl *ctl;
	struct backup_folder folder;
	bool has[BACKUP_FILES];
	size_t rows[BACKUP_FILES];
	const char *words[BACKUP_FILES];
	uint64_t sizes[BACKUP_FILES];
	int64_t time;
};

/* ---- the copies ---- */

static int
copy_one(struct backup *b, size_t i, struct err *err)
{
	const struct backup_file *f = &backup_files[i];
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	if (backup_path(b->ctl->conf, f->kind, from, err) < 0 ||
	    backup_folder_path(&b->folder, f->name, to, err) < 0)
		return -1;
	if (f->optional && access(from, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (upkeep_copy(f->kind, from, to, err) < 0)
		return missing_database(from, err);
	if (upkeep_count(f->kind, to, &b->rows[i], &b->words[i], err) < 0)
		return -1;
	if (stat(to, &st) < 0)
		return err_set(err, ERR_TEMP, "%s: %s", to, strerror(errno));
	b->sizes[i] = (uint64_t)st.st_size;
	b->has[i] = true;
	return 0;
}

/* Under the lock: a change of two databases is in both copies, or in none. */
static int
copy_all(struct backup *b, struct err *err)
{
	cleanup(close_fd) int lock = lock_accounts(b->ctl, err);

	if (lock < 0)
		return -1;
	b->time = now();
	for (size_t i = 0; i < BACKUP_FILES; i++)
		if (copy_one(b, i, err) < 0)
			return -1;
	return 0;
}

/* ---- the archive ---- */

static int
put_contents(const struct backup *b, struct buf *out, struct err *err)
{
	char text[TIME_TEXT_SIZE];

	if (buf_putf(out, err,
		"Backup of sealpost %s, made %s.\n"
		"secrets.db holds password verifiers and vaults: keep this "
		"file as secret as the server.\n"
		"`sealpost restore` puts it back.\n\n",
		SEALPOST_VERSION, time_text(b->time, text)) < 0)
		return -1;
	for (size_t i = 0; i < BACKUP_FILES; i++)
		if (b->has[i] &&
		    buf_putf(out, err, "%-12s  %10llu octets  %zu %s\n",
			backup_files[i].name, (unsigned long long)b->sizes[i],
			b->rows[i], b->words[i]) < 0)
			return -1;
	return 0;
}

static int
write_octets(FILE *to, const void *data, size_t n, struct err *err)
{
	if (fwrite(data, 1, n, to) != n)
		return err_set(
		    err, ERR_TEMP, "writing the backup: %s", strerror(errno));
	return 0;
}

static int
write_header(FILE *to, const struct backup *b, const char *name, uint64_t size,
    struct err *err)
{
	struct archive_entry e = { .size = size, .time = b->time };
	uint8_t block[ARCHIVE_BLOCK];

	(void)snprintf(e.name, sizeof e.name, "%s", name);
	if (archive_put_header(&e, block, err) < 0)
		return -1;
	return write_octets(to, block, sizeof block, err);
}

static int
write_padding(FILE *to, uint64_t size, struct err *err)
{
	static const uint8_t zeros[ARCHIVE_BLOCK];

	return write_octets(to, zeros, archive_padding(size), err);
}

static int
write_copy(FILE *to, const struct backup *b, size_t i, struct err *err)
{
	char path[PATH_MAX], chunk[64 << 10];

	if (backup_folder_path(&b->folder, backup_files[i].name, path, err) < 0)
		return -1;

	cleanup(close_file) FILE *from = fopen(path, "rbe");

	if (from == NULL)
		return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	if (write_header(to, b, backup_files[i].name, b->sizes[i], err) < 0)
		return -1;
	for (uint64_t left = b->sizes[i]; left > 0;) {
		size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;

		if (fread(chunk, 1, n, from) != n)
			return err_set(
			    err, ERR_TEMP, "%s: it was cut short", path);
		if (write_octets(to, chunk, n, err) < 0)
			return -1;
		left -= n;
	}
	return write_padding(to, b->sizes[i], err);
}

static int
write_archive(FILE *to, const struct backup *b, struct err *err)
{
	static const uint8_t end[2 * ARCHIVE_BLOCK];
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_CONTENTS };

	if (put_contents(b, &text, err) < 0 ||
	    write_header(to, b, BACKUP_CONTENTS, text.len, err) < 0 ||
	    write_octets(to, text.data, text.len, err) < 0 ||
	    write_padding(to, text.len, err) < 0)
		return -1;
	for (size_t i = 0; i < BACKUP_FILES; i++)
		if (b->has[i] && write_copy(to, b, i, err) < 0)
			return -1;
	if (write_octets(to, end, sizeof end, err) < 0)
		return -1;
	if (fflush(to) != 0 || fsync(fileno(to)) < 0)
		return err_set(
		    err, ERR_TEMP, "writing the backup: %s", strerror(errno));
	return 0;
}

/* ---- putting it in place ---- */

static int
create_archive(const char *path, const struct backup *b, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cleanup(close_file) FILE *to = fd < 0 ? NULL : fdopen(fd, "wb");

	if (to == NULL)
		return err_set(err, ERR_PERM, "%s: %s", path, strerror(errno));
	if (fchmod(fd, 0600) < 0)
		return err_set(err, ERR_PERM, "%s: %s", path, strerror(errno));
	return write_archive(to, b, err);
}

/* A name that is taken stays taken, unless told. */
static int
put_in_place(const char *path, const char *file, bool replace, struct err *err)
{
	int rc = replace ? rename(path, file) : link(path, file);

	if (rc < 0)
		return err_set(err, ERR_PERM, "%s: %s%s", file, strerror(errno),
		    errno == EEXIST ? " (--replace)" : "");
	name_lasting(file);
	return 0;
}

static int
write_file(struct backup *b, const char *file, bool replace, struct err *err)
{
	char path[PATH_MAX];

	if (backup_folder_path(&b->folder, BACKUP_CONTENTS, path, err) < 0)
		return -1;

	int rc = create_archive(path, b, err);

	if (rc == 0)
		rc = put_in_place(path, file, replace, err);
	(void)unlink(path);
	return rc;
}

static int
print_contents(const struct backup *b, struct err *err)
{
	cleanup(table_reset) struct table t = { .columns = 3 };

	for (size_t i = 0; i < BACKUP_FILES; i++) {
		if (!b->has[i])
			continue;
		if (table_put(&t, PLAIN, backup_files[i].name, err) < 0 ||
		    table_putf(&t, PLAIN, err, "%llu octets",
			(unsigned long long)b->sizes[i]) < 0 ||
		    table_putf(
			&t, PLAIN, err, "%zu %s", b->rows[i], b->words[i]) < 0)
			return -1;
	}
	table_print(&t, b->ctl->out, b->ctl->colour);
	return 0;
}

static int
make_backup(struct backup *b, const char *file, bool replace, struct err *err)
{
	if (!replace && access(file, F_OK) == 0)
		return err_set(err, ERR_PERM,
		    "%s exists already: --replace would replace it", file);
	if (backup_folder_make(&b->folder, file, err) < 0 ||
	    copy_all(b, err) < 0 || write_file(b, file, replace, err) < 0)
		return -1;
	return print_contents(b, err);
}

int
cmd_backup(struct ctl *ctl, int argc, char **argv)
{
	struct backup b = { .ctl = ctl };
	bool replace = false;
	const struct ctl_option options[] = { { "--replace", &replace, NULL } };
	sigset_t before;
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 1, 1) < 0)
		return CTL_USAGE;
	hold_signals(&before); /* no copy is left behind */

	int rc = make_backup(&b, argv[1], replace, &err);

	backup_folder_remove(&b.folder);
	release_signals(&before);
	return rc < 0 ? ctl_fail(ctl, &err) : ctl_done(ctl);
}
