/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/limits.h"

enum { REPLAY_CHUNK_MAX = 65536 };

struct spool {
	const char *directory;
	struct buf memory;
	int fd;
	uint64_t file_size;
};

int
spool_new(const char *directory, struct spool **out, struct err *err)
{
	struct spool *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->directory = directory;
	s->memory.limit = LIMIT_SPOOL_MEMORY;
	s->fd = -1;
	*out = s;
	return 0;
}

void
spool_free(struct spool **sp)
{
	struct spool *s = steal(sp);

	if (s == NULL)
		return;
	buf_reset(&s->memory);
	close_fd(&s->fd);
	free(s);
}

/* For file systems without O_TMPFILE. */
static int
open_and_unlink(const char *directory, struct err *err)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/sealpost.XXXXXX", directory);

	if (n < 0 || (size_t)n >= sizeof path)
		return err_set(err, ERR_TEMP, "spool directory %s: %s",
		    directory, strerror(ENAMETOOLONG));

	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_TEMP, "create a file in %s: %s",
		    directory, strerror(errno));
	if (unlink(path) < 0) {
		int saved = errno;

		close(fd);
		return err_set(err, ERR_TEMP, "unlink %s: %s", path,
		    strerror(saved));
	}
	return fd;
}

static int
open_file(struct spool *s, struct err *err)
{
	s->fd = open(s->directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	if (s->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		s->fd = open_and_unlink(s->directory, err);
	else if (s->fd < 0)
		return err_set(err, ERR_TEMP, "create a file in %s: %s",
		    s->directory, strerror(errno));
	return s->fd < 0 ? -1 : 0;
}

int
spool_put(struct spool *s, const void *data, size_t n, struct err *err)
{
	if (s->fd < 0 && n <= s->memory.limit - s->memory.len)
		return buf_put(&s->memory, data, n, err);
	if (s->fd < 0 && open_file(s, err) < 0)
		return -1;
	if (fd_write(s->fd, data, n) < 0)
		return err_set(err, ERR_TEMP, "write in %s: %s", s->directory,
		    strerror(errno));
	s->file_size += n;
	return 0;
}

static int
put_into_spool(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return spool_put(ctx, data, n, err);
}

struct sink
spool_sink(struct spool *s)
{
	return (struct sink){ .put = put_into_spool, .ctx = s };
}

uint64_t
spool_size(const struct spool *s)
{
	return s->memory.len + s->file_size;
}

static int
replay_memory(struct spool *s, size_t chunk, const struct sink *to,
    struct err *err)
{
	for (size_t at = 0; at < s->memory.len; at += chunk) {
		size_t left = s->memory.len - at;

		if (sink_put(to, s->memory.data + at,
			left < chunk ? left : chunk, err) < 0)
			return -1;
	}
	return 0;
}

static int
replay_file(struct spool *s, size_t chunk, const struct sink *to,
    struct err *err)
{
	uint8_t data[REPLAY_CHUNK_MAX];
	uint64_t at = 0;

	while (at < s->file_size) {
		ssize_t n = pread(s->fd, data, chunk, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, ERR_TEMP, "read in %s: %s",
			    s->directory,
			    n < 0 ? strerror(errno) : "file too short");
		if (sink_put(to, data, (size_t)n, err) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

int
spool_replay(struct spool *s, size_t chunk, const struct sink *to,
    struct err *err)
{
	if (chunk == 0 || chunk > REPLAY_CHUNK_MAX)
		chunk = REPLAY_CHUNK_MAX;
	if (replay_memory(s, chunk, to, err) < 0)
		return -1;
	return s->fd < 0 ? 0 : replay_file(s, chunk, to, err);
}

static ssize_t
read_file(struct spool *s, uint64_t at, void *out, size_t n, struct err *err)
{
	ssize_t done;

	if (at >= s->file_size)
		return 0;
	if (n > s->file_size - at)
		n = (size_t)(s->file_size - at);
	do
		done = pread(s->fd, out, n, (off_t)at);
	while (done < 0 && errno == EINTR);
	if (done > 0)
		return done;
	return err_set(err, ERR_TEMP, "read in %s: %s", s->directory,
	    done < 0 ? strerror(errno) : "file too short");
}

ssize_t
spool_read(struct spool *s, uint64_t at, void *out, size_t n, struct err *err)
{
	if (n > REPLAY_CHUNK_MAX)
		n = REPLAY_CHUNK_MAX;
	if (n == 0)
		return 0;
	if (at >= s->memory.len)
		return read_file(s, at - s->memory.len, out, n, err);
	if (n > s->memory.len - at)
		n = s->memory.len - (size_t)at;
	memcpy(out, s->memory.data + at, n);
	return (ssize_t)n;
}
