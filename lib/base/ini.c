/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/ini.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/utf8.h"

struct reader {
	const struct ini_handler *handler;
	void *ctx;
	const char *path;
	size_t line;
};

static int
check_text(const uint8_t *line, size_t len, struct err *err)
{
	if (len > LIMIT_CONF_LINE)
		return err_set(err, ERR_PERM,
		    "the line has more than %d octets", LIMIT_CONF_LINE);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character(line + i, len - i);
		if (n == 0)
			return err_set(err, ERR_PERM,
			    "the line is not UTF-8 text");
		if ((line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return err_set(err, ERR_PERM,
			    "the line holds a control character (0x%02x)",
			    line[i]);
	}
	return 0;
}

static char *
trimmed(char *s)
{
	s += strspn(s, " \t");
	for (size_t n = strlen(s); n > 0 && strchr(" \t", s[n - 1]) != NULL;)
		s[--n] = '\0';
	return s;
}

static int
read_section(struct reader *r, char *text, struct err *err)
{
	size_t len = strlen(text);

	if (len < 2 || text[len - 1] != ']')
		return err_set(err, ERR_PERM, "\"%s\" lacks its ]", text);
	text[len - 1] = '\0';
	return r->handler->section(r->ctx, trimmed(text + 1), r->line, err);
}

/* line is NUL-terminated, without its line end. */
static int
read_line(struct reader *r, char *line, size_t len, struct err *err)
{
	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (check_text((const uint8_t *)line, len, err) < 0)
		return -1;

	char *text = trimmed(line);

	if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
		return 0;
	if (text[0] == '[')
		return read_section(r, text, err);

	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return err_set(err, ERR_PERM,
		    "\"%.60s\" is neither [section] nor key = value", text);
	*equals = '\0';
	return r->handler->setting(
	    r->ctx, trimmed(text), trimmed(equals + 1), r->line, err);
}

static int
read_lines(struct reader *r, struct buf *text, struct err *err)
{
	char *at = (char *)text->data;
	char *end = at + text->len;

	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *stop = newline != NULL ? newline : end;

		*stop = '\0';
		r->line++;
		if (read_line(r, at, (size_t)(stop - at), err) < 0)
			return err_context(err, "%s:%zu", r->path, r->line);
		at = stop + 1;
	}
	return 0;
}

static int
slurp(FILE *f, struct buf *text, struct err *err)
{
	uint8_t piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		if (buf_put(text, piece, n, err) < 0)
			return -1;
	if (ferror(f))
		return err_set(err, ERR_PERM, "read: %s", strerror(errno));
	/* room for the NUL of a last line without its line end */
	return buf_str(text, err) == NULL ? -1 : 0;
}

int
ini_read(const char *path, bool optional, const struct ini_handler *h,
    void *ctx, struct err *err)
{
	cleanup(close_file) FILE *f = fopen(path, "re");

	if (f == NULL && errno == ENOENT && optional)
		return 0;
	if (f == NULL)
		return err_set(
		    err, ERR_PERM, "open %s: %s", path, strerror(errno));

	cleanup(buf_reset) struct buf text = { .limit = LIMIT_CONF_FILE };
	struct reader r = { .handler = h, .ctx = ctx, .path = path };

	if (slurp(f, &text, err) < 0)
		return err_context(err, "%s", path);
	return read_lines(&r, &text, err);
}
