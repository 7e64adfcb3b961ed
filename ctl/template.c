/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "template.h"

#include <string.h>

#include "command.h"
#include "postfix_file.h"

int
template_unknown(const char *name, size_t len, struct err *err)
{
	return err_set(err, ERR_PERM, "there is no value for @%.*s@",
	    (int)(len > 60 ? 60 : len), name);
}

const char *
template_folder(
    const char *option, const char *name, char out[TEMPLATE_FOLDER_SIZE])
{
	char data[CTL_PATH_SIZE];
	const char *from_environment = getenv("SEALPOST_TEMPLATES");

	if (option != NULL)
		return option;
	if (from_environment != NULL && from_environment[0] != '\0')
		return from_environment;
	(void)snprintf(out, TEMPLATE_FOLDER_SIZE, "%s/conf-templates/%s",
	    ctl_data_directory(data), name);
	return out;
}

static int
fill_in(const char *s, template_put put, const void *context, struct buf *out,
    struct err *err)
{
	while (*s != '\0') {
		size_t n = strcspn(s, "@");

		if (buf_put(out, s, n, err) < 0)
			return -1;
		s += n;
		if (*s == '\0')
			break;
		size_t len = strcspn(s + 1, "@\n");

		if (s[1 + len] != '@') { /* a lone at sign */
			if (buf_putc(out, '@', err) < 0)
				return -1;
			s++;
			continue;
		}
		if (put(context, s + 1, len, out, err) < 0)
			return -1;
		s += len + 2;
	}
	return 0;
}

int
template_fill(const char *folder, const char *name, template_put put,
    const void *context, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_POSTFIX_FILE };
	char path[4096];

	if (snprintf(path, sizeof path, "%s/%s", folder, name) >=
	    (int)sizeof path)
		return err_set(
		    err, ERR_PERM, "%s: the path is too long", folder);

	int rc = file_read(path, &text, err);

	if (rc == 0)
		return err_set(
		    err, ERR_PERM, "%s: there is no such template", path);
	if (rc < 0)
		return -1;
	const char *s = buf_str(&text, err);

	if (s == NULL)
		return -1;
	if (fill_in(s, put, context, out, err) < 0)
		return err_context(err, "%s", path);
	return buf_str(out, err) == NULL ? -1 : 0;
}
