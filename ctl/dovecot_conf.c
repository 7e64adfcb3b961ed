/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "dovecot_conf.h"

#include <string.h>

#include "postfix_conf.h"
#include "postfix_file.h"
#include "tool.h"

static const char *const versions[DOVECOT_VERSION_COUNT] = {
	[DOVECOT_2_3] = "2.3",
	[DOVECOT_2_4] = "2.4",
};

const char *
dovecot_version_name(enum dovecot_version v)
{
	return versions[v];
}

static int
installed_version(struct buf *out, struct err *err)
{
	static const struct tool dovecot = { "dovecot", "/usr/sbin/dovecot",
		"Dovecot" };
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "--version", err) < 0 ||
	    tool_run(&dovecot, &args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

int
dovecot_version_find(
    const char *name, enum dovecot_version *out, struct err *err)
{
	cleanup(buf_reset) struct buf installed = { .limit = 4096 };

	if (name == NULL && installed_version(&installed, err) < 0)
		return -1;
	if (name == NULL)
		name = (char *)installed.data;
	for (size_t i = 0; i < countof(versions); i++) {
		size_t len = strlen(versions[i]);

		if (strncmp(name, versions[i], len) != 0 ||
		    (name[len] >= '0' && name[len] <= '9'))
			continue;
		*out = (enum dovecot_version)i;
		return 0;
	}
	return err_set(err, ERR_PERM,
	    "Dovecot %.*s: there are templates for 2.3 and 2.4",
	    (int)strcspn(name, " \n"), name);
}

/* ---- asking ---- */

static const struct tool doveconf_tool = { "doveconf", "/usr/bin/doveconf",
	"Dovecot" };

int
doveconf_changed(const char *path, struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "-n", err) < 0 || args_put(&args, "-c", err) < 0 ||
	    args_put(&args, path, err) < 0 ||
	    tool_run(&doveconf_tool, &args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

int
doveconf_values(const char *path, const char *const *names, struct buf *out,
    struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (args_put(&args, "-c", err) < 0 || args_put(&args, path, err) < 0)
		return -1;
	for (; *names != NULL; names++)
		if (args_put(&args, *names, err) < 0)
			return -1;
	if (tool_run(&doveconf_tool, &args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

int
doveconf_find(
    const char *text, const char *name, struct buf *out, struct err *err)
{
	buf_clear(out);
	if (postconf_find(text, name, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* ---- what differs ---- */

static const char *
next_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s == '\n' ? s + 1 : s;
}

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* The driver of a block, `passdb {` or `passdb pam {`, at s. */
static void
block_driver(const char *s, const char **driver, size_t *len)
{
	const char *end = next_line(s);

	*driver = s + strcspn(s, " ") + 1;
	*len = strcspn(*driver, " {\n");
	for (s = end; *len == 0 && *s == ' '; s = next_line(s))
		if (begins(s, "  driver = ")) {
			*driver = s + strlen("  driver = ");
			*len = strcspn(*driver, "\n");
		}
}

static int
note_block(const char *s, struct buf *notes, struct err *err)
{
	const char *driver;
	size_t len;

	block_driver(s, &driver, &len);
	return buf_putf(notes, err,
	    "%.6s %.*s is there and is asked before sealpost's%s\n", s,
	    (int)len, driver,
	    begins(driver, "pam") || begins(driver, "shadow")
		? "; it is no longer asked as root"
		: "");
}

static int
note_setting(
    const char *line, const char *after, struct buf *notes, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };
	size_t len = strcspn(line, "\n"), name_len = strcspn(line, " ");
	char name[80];

	if (name_len >= sizeof name || !begins(line + name_len, " = "))
		return 0;
	(void)snprintf(name, sizeof name, "%.*s", (int)name_len, line);
	if (doveconf_find(after, name, &value, err) < 0)
		return -1;

	const char *old = line + name_len + 3;
	size_t old_len = len - name_len - 3;

	if (value.len == old_len && memcmp(value.data, old, old_len) == 0)
		return 0;
	return buf_putf(notes, err, "%.*s becomes %s\n", (int)len, line,
	    value.len > 0 ? (char *)value.data : "the default");
}

int
doveconf_notes(
    const char *before, const char *after, struct buf *notes, struct err *err)
{
	for (const char *s = before; *s != '\0'; s = next_line(s)) {
		int rc = 0;

		if (begins(s, "passdb ") || begins(s, "userdb "))
			rc = note_block(s, notes, err);
		else if (*s >= 'a' && *s <= 'z')
			rc = note_setting(s, after, notes, err);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* ---- the include ---- */

#define INCLUDE "!include_try "

static bool
ends_line(const struct buf *text)
{
	return text->len == 0 || text->data[text->len - 1] == '\n';
}

int
include_put(
    const struct buf *text, const char *file, struct buf *out, struct err *err)
{
	bool ends = ends_line(text);

	if (buf_put(out, text->data, text->len, err) < 0)
		return -1;
	return buf_putf(out, err, "%s" INCLUDE "%s%s", ends ? "" : "\n", file,
	    ends ? "\n" : "");
}

/* Is the line at s (of len octets, without its end) our include? */
static bool
is_include(const uint8_t *s, size_t len, const char *file)
{
	size_t word = strlen(INCLUDE), name = strlen(file);

	return len == word + name && memcmp(s, INCLUDE, word) == 0 &&
	       memcmp(s + word, file, name) == 0;
}

int
include_take(
    const struct buf *text, const char *file, struct buf *out, struct err *err)
{
	for (size_t at = 0; at < text->len;) {
		const uint8_t *s = text->data + at;
		const uint8_t *end = memchr(s, '\n', text->len - at);
		size_t len = end != NULL ? (size_t)(end - s) : text->len - at;
		size_t whole = len + (end != NULL);

		at += whole;
		if (!is_include(s, len, file)) {
			if (buf_put(out, s, whole, err) < 0)
				return -1;
		} else if (end == NULL && out->len > 0) {
			out->len--; /* the line end that came with it */
		}
	}
	return 0;
}
