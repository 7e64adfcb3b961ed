/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * A file is one line:
 *	sealpost-pin 1 HOST:PORT base64(USER) base64(SALT) ITERATIONS
 * A file of another server or login name says nothing: the user has changed the
 * configuration.
 */

#include "pins.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/rename.h"
#include "state.h"

enum { PATH_SIZE = 4096 };

static int
put_base64(struct buf *out, const void *data, size_t n, struct err *err)
{
	if (buf_reserve(out, base64_size(n) + 1, err) < 0)
		return -1;
	out->len += base64_encode(data, n, (char *)out->data + out->len);
	return 0;
}

/* What stands before the salt. */
static int
put_login(const struct pin *p, struct buf *out, struct err *err)
{
	const char *user = p->account->user;

	if (buf_putf(out, err, "sealpost-pin 1 %s:%u ", p->server->host,
	        (unsigned)p->server->port) < 0 ||
	    put_base64(out, user, strlen(user), err) < 0)
		return -1;
	return buf_putc(out, ' ', err);
}

static int
put_pin(struct crypt_bytes salt, uint32_t iterations, struct buf *out,
    struct err *err)
{
	if (put_base64(out, salt.data, salt.len, err) < 0)
		return -1;
	return buf_putf(out, err, " %lu\n", (unsigned long)iterations);
}

static int
put_path(const char *directory, const char *service, const char *address,
    struct buf *out, struct err *err)
{
	char kind[16];

	(void)snprintf(kind, sizeof kind, "pin-%s", service);
	return state_put_path(directory, kind, address, out, err);
}

/* 1 and the content, 0 no such file. */
static int
read_file(const char *path, struct buf *out, struct err *err)
{
	cleanup(close_fd) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t piece[1024];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	while ((n = read(fd, piece, sizeof piece)) > 0)
		if (buf_put(out, piece, (size_t)n, err) < 0)
			return err_context(err, "%s", path);
	if (n < 0)
		return err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	return 1;
}

static bool
begins_with(const struct buf *b, const struct buf *prefix)
{
	return b->len >= prefix->len &&
	    memcmp(b->data, prefix->data, prefix->len) == 0;
}

static int
compare(const struct pin *p, const char *path, const struct buf *is,
    const struct buf *wanted, struct err *err)
{
	if (is->len == wanted->len && begins_with(is, wanted))
		return 1;
	return err_set(err, ERR_PERM,
	    "%s names another salt or number of rounds for %s than before: "
	    "if the password was changed at the server, remove %s and log in "
	    "again; if not, somebody else may be answering",
	    p->server->host, p->account->address, path);
}

int
pin_check(const struct pin *p, struct crypt_bytes salt, uint32_t iterations,
    struct err *err)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_AUTH_LINE };
	cleanup(buf_reset) struct buf wanted = { .limit = LIMIT_AUTH_LINE };

	if (put_path(p->state_directory, p->service, p->account->address,
	        &path, err) < 0)
		return -1;

	int found = read_file((const char *)path.data, &is, err);

	if (found <= 0)
		return found;
	if (put_login(p, &wanted, err) < 0)
		return -1;
	if (!begins_with(&is, &wanted))
		return 0;
	if (salt.data == NULL)
		return 1;
	if (put_pin(salt, iterations, &wanted, err) < 0)
		return -1;
	return compare(p, (const char *)path.data, &is, &wanted, err);
}

/* A file of its own, then renamed: whoever reads sees the old or the new. */
static int
replace_file(const char *path, const struct buf *text, struct err *err)
{
	cleanup(free_str) char *temporary = NULL;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return err_nomem(err);
	}

	cleanup(close_fd) int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0)
		return err_set(
		    err, ERR_TEMP, "%s: %s", temporary, strerror(errno));
	if (fd_write(fd, text->data, text->len) == 0 && fsync(fd) == 0 &&
	    rename_lasting(temporary, path) == 0)
		return 0;
	(void)err_set(err, ERR_TEMP, "%s: %s", path, strerror(errno));
	(void)unlink(temporary);
	return -1;
}

int
pin_store(const struct pin *p, struct crypt_bytes salt, uint32_t iterations,
    struct err *err)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_AUTH_LINE };

	if (put_path(p->state_directory, p->service, p->account->address,
	        &path, err) < 0 ||
	    put_login(p, &text, err) < 0 ||
	    put_pin(salt, iterations, &text, err) < 0)
		return -1;
	return replace_file((const char *)path.data, &text, err);
}
