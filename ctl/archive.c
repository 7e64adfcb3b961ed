/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "archive.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>

/* POSIX.1-1988, "ustar": numbers are octal text. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
	char checksum[8], type, link[100], magic[6], version[2];
	char user[32], group[32], major[8], minor[8], prefix[155], unused[12];
};

_Static_assert(sizeof(struct ustar) == ARCHIVE_BLOCK, "a block of tar");

static const uint64_t size_max = 077777777777;

/* With the octets of the sum itself as blanks. */
static unsigned
checksum(const uint8_t *block)
{
	const size_t at = offsetof(struct ustar, checksum);
	unsigned sum = 0;

	for (size_t i = 0; i < ARCHIVE_BLOCK; i++)
		sum += i >= at && i < at + 8 ? ' ' : block[i];
	return sum;
}

int
archive_put_header(
    const struct archive_entry *e, uint8_t out[ARCHIVE_BLOCK], struct err *err)
{
	struct ustar u = { .type = '0', .magic = "ustar" };
	char text[24];

	if (strlen(e->name) >= sizeof u.name || e->size > size_max ||
	    e->time < 0)
		return err_set(
		    err, ERR_PERM, "%s: it does not fit a backup", e->name);
	memcpy(u.name, e->name, strlen(e->name));
	memcpy(u.mode, "0000600", 8);
	memcpy(u.uid, "0000000", 8);
	memcpy(u.gid, "0000000", 8);
	(void)snprintf(text, sizeof text, "%011" PRIo64, e->size);
	memcpy(u.size, text, 12);
	(void)snprintf(
	    text, sizeof text, "%011" PRIo64, (uint64_t)e->time & size_max);
	memcpy(u.mtime, text, 12);
	memcpy(u.version, "00", 2);
	memcpy(u.user, "root", 4);
	memcpy(u.group, "root", 4);
	memcpy(out, &u, ARCHIVE_BLOCK);
	(void)snprintf(text, sizeof text, "%06o", checksum(out));
	memcpy(out + offsetof(struct ustar, checksum), text, 7);
	out[offsetof(struct ustar, checksum) + 7] = ' ';
	return 0;
}

static bool
read_octal(const char *text, size_t len, uint64_t *out)
{
	size_t i = 0;

	*out = 0;
	for (; i < len && text[i] >= '0' && text[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(text[i] - '0');
	return i > 0 && (i == len || text[i] == '\0' || text[i] == ' ');
}

static bool
is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < ARCHIVE_BLOCK; i++)
		if (block[i] != 0)
			return false;
	return true;
}

static bool
is_name(const char *name, size_t size)
{
	size_t len = strnlen(name, size);

	return len > 0 && len < size && name[0] != '.' &&
	       memchr(name, '/', len) == NULL;
}

int
archive_read_header(const uint8_t block[ARCHIVE_BLOCK],
    struct archive_entry *out, struct err *err)
{
	struct ustar u;
	uint64_t sum, size, time;

	if (is_zero(block))
		return 0;
	memcpy(&u, block, ARCHIVE_BLOCK);
	if (memcmp(u.magic, "ustar", 5) != 0 ||
	    !read_octal(u.checksum, sizeof u.checksum, &sum) ||
	    sum != checksum(block))
		return err_set(err, ERR_PERM, "it is no backup, or damaged");
	if ((u.type != '0' && u.type != '\0') || u.prefix[0] != '\0' ||
	    !is_name(u.name, sizeof u.name) ||
	    !read_octal(u.size, sizeof u.size, &size) ||
	    !read_octal(u.mtime, sizeof u.mtime, &time))
		return err_set(err, ERR_PERM,
		    "there is something in it that is no file of a backup");
	memcpy(out->name, u.name, sizeof out->name);
	out->size = size;
	out->time = (int64_t)time;
	return 1;
}

size_t
archive_padding(uint64_t size)
{
	size_t rest = (size_t)(size % ARCHIVE_BLOCK);

	return rest == 0 ? 0 : ARCHIVE_BLOCK - rest;
}
