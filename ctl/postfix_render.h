/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The templates of conf-templates/postfix: what sealpost.conf fills in. */
#ifndef CTL_POSTFIX_RENDER_H
#define CTL_POSTFIX_RENDER_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"

/* What a run of `sealpost postfix` works on. */
struct render {
	const struct conf *conf;
	const char *templates;        /* folder */
	const char *config_directory; /* absolute */
	const char *submission;       /* names of the services in master.cf; */
	const char *submissions;      /* "none": is not wanted */
};

/*
 * Reads the template and puts it into `out` (empty, with its limit) with every
 * @name@ filled in. ERR_PERM when it cannot be read, has an unknown @name@, or
 * a value holds what Postfix would take for syntax.
 */
int render_template(const struct render *r, const char *name, struct buf *out,
    struct err *err) must_check;

/* An iterator over the logical lines of a text, comments left out. */
struct render_lines {
	const char *at;
};

/*
 * Takes the next logical line: *line begins it, *len is with its
 * continuation lines. False at the end.
 */
bool render_next(struct render_lines *l, const char **line, size_t *len);

#endif
