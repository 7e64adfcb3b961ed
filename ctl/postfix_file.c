/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/rename.h"

static int
file_error(struct err *err, const char *what, const char *path)
{
	return err_set(err, ERR_PERM, "%s %s: %s", what, path, strerror(errno));
}

static int
read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	uint8_t chunk[8192];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_error(err, "read", path);
		if (buf_put(out, chunk, (size_t)n, err) < 0)
			return err_context(err, "%s", path);
	}
	if (out->len > 0 && memchr(out->data, '\0', out->len) != NULL)
		return err_set(err, ERR_PERM, "%s: not a text file", path);
	return 1;
}

int
file_read(const char *path, struct buf *out, struct err *err)
{
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return file_error(err, "open", path);
	return read_all(fd, path, out, err);
}

static int
create(const char *path)
{
	return open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int
file_create(const char *path, const struct buf *text, struct err *err)
{
	cleanup(close_fd) int fd = create(path);

	if (fd < 0 || fd_write(fd, text->data, text->len) < 0)
		return file_error(err, "write", path);
	return 0;
}

/* The same owner and mode as the file that is replaced, if there is one. */
static int
take_access(int fd, const char *path, const struct file_access *access)
{
	struct stat old;
	struct file_access a = *access;

	if (stat(path, &old) == 0)
		a = (struct file_access){ old.st_mode & 07777, old.st_uid,
			old.st_gid };
	else if (errno != ENOENT)
		return -1;
	if (geteuid() == 0 && fchown(fd, a.uid, a.gid) < 0)
		return -1;
	return fchmod(fd, a.mode);
}

static int
write_beside(const char *beside, const char *path, const struct buf *text,
    const struct file_access *access)
{
	cleanup(close_fd) int fd = create(beside);

	if (fd < 0)
		return -1;
	if (take_access(fd, path, access) < 0 ||
	    fd_write(fd, text->data, text->len) < 0 || fsync(fd) < 0)
		return -1;
	return rename_lasting(beside, path);
}

int
file_replace(const char *path, const struct buf *text,
    const struct file_access *access, struct err *err)
{
	cleanup(free_str) char *real = realpath(path, NULL);
	char beside[PATH_MAX];

	if (real == NULL && (errno != ENOENT || (real = strdup(path)) == NULL))
		return file_error(err, "find", path);
	if (snprintf(beside, sizeof beside, "%s.sealpost-new", real) >=
	    (int)sizeof beside)
		return err_set(err, ERR_PERM, "%s: the path is too long", path);
	/* What an apply that was killed may have left. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return file_error(err, "remove", beside);
	if (write_beside(beside, real, text, access) < 0) {
		(void)file_error(err, "write", path);
		(void)unlink(beside);
		return -1;
	}
	return 0;
}

int
file_remove(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return file_error(err, "remove", path);
	return 0;
}

int
folder_make(const char *path, const struct file_access *access, struct err *err)
{
	if (mkdir(path, access->mode) < 0)
		return errno == EEXIST ? 0 : file_error(err, "make", path);
	if (chmod(path, access->mode) < 0 ||
	    (geteuid() == 0 && chown(path, access->uid, access->gid) < 0))
		return file_error(err, "make", path);
	return 0;
}

int
folder_lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_PERM, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(fd);
		return err_set(
		    err, ERR_TEMP, "%s: another sealpost is changing it", path);
	}
	return fd;
}

bool
buf_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}
