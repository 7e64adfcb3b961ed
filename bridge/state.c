/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "crypt/hash.h"

/*
 * A name that has been long enough for a file system (255 octets): a copy's is
 * "sent-", this, "=", 64 digits, "=XXXXXX.eml".
 */
enum { NAME_MAX_LEN = 174, HEAD_LEN = 40 };

/* All of the path's folders; those that are there are fine. */
static int
make_all(char *path, struct err *err)
{
	for (char *p = path + 1;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(
			    err, ERR_PERM, "%s: %s", path, strerror(errno));
		*p = was;
		if (was == '\0')
			return 0;
	}
}

int
state_directory_make(const char *path, struct err *err)
{
	cleanup(free_str) char *copy = strdup(path);
	struct stat st;

	if (copy == NULL)
		return err_nomem(err);
	if (make_all(copy, err) < 0)
		return -1;
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, ERR_PERM, "%s is no folder", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(err, ERR_PERM,
		    "%s must be the user's own and have mode 0700", path);
	return 0;
}

static int
put_escaped(const char *address, struct buf *out, struct err *err)
{
	for (const char *c = address; *c != '\0'; c++) {
		bool usual = (*c >= 'a' && *c <= 'z') ||
		    (*c >= '0' && *c <= '9') || strchr("@.+-_", *c) != NULL;
		int rc = usual
		    ? buf_putc(out, (uint8_t)*c, err)
		    : buf_putf(out, err, "%%%02X", (unsigned)(uint8_t)*c);

		if (rc < 0)
			return -1;
	}
	return 0;
}

/* In place of what stands from there on: its head, '~' and its hash. */
static int
shorten(struct buf *out, size_t from, struct err *err)
{
	cleanup(crypt_close) struct crypt *crypt = NULL;
	uint8_t hash[HASH_LEN_MAX];

	if (crypt_open(&crypt, err) < 0 ||
	    hash_of(crypt, HASH_SHA256, out->data + from, out->len - from,
	        hash, err) < 0)
		return -1;
	out->len = from + HEAD_LEN;
	if (buf_putc(out, '~', err) < 0)
		return -1;
	for (size_t i = 0; i < hash_len(HASH_SHA256); i++)
		if (buf_putf(out, err, "%02x", (unsigned)hash[i]) < 0)
			return -1;
	return 0;
}

int
state_put_path(const char *directory, const char *kind, const char *address,
    struct buf *out, struct err *err)
{
	size_t from;

	if (buf_putf(out, err, "%s/%s-", directory, kind) < 0)
		return -1;
	from = out->len;
	if (put_escaped(address, out, err) < 0 ||
	    (out->len - from > NAME_MAX_LEN && shorten(out, from, err) < 0))
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}
