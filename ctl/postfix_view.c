/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_view.h"

#include "postfix_file.h"

void
view_reset(struct view *v)
{
	for (size_t i = 0; i < POSTCONF_HOW_COUNT; i++)
		buf_reset(&v->parameters[i]);
	buf_reset(&v->services);
	buf_reset(&v->options);
}

int
view_read(struct view *v, const char *folder, struct err *err)
{
	v->folder = folder;
	for (size_t i = 0; i < POSTCONF_HOW_COUNT; i++) {
		v->parameters[i].limit = LIMIT_POSTFIX_FILE;
		if (postconf_list(folder, (enum postconf_how)i,
			&v->parameters[i], err) < 0)
			return -1;
	}
	v->services.limit = LIMIT_POSTFIX_FILE;
	v->options.limit = LIMIT_POSTFIX_FILE;
	if (postconf_services(folder, &v->services, err) < 0)
		return -1;
	return postconf_options(folder, &v->options, err);
}

int
view_get(const struct view *v, enum postconf_how how, const char *name,
    struct buf *out, struct err *err)
{
	return postconf_find(
	    (const char *)v->parameters[how].data, name, out, err);
}
