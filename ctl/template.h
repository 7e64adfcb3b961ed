/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The files of conf-templates, and how their @name@s are filled in. */
#ifndef CTL_TEMPLATE_H
#define CTL_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The folder with the templates: what the option says (NULL: it was not
 * given), else $SEALPOST_TEMPLATES, else conf-templates/NAME of the installed
 * data. What is returned may lie in `out`.
 */
enum { TEMPLATE_FOLDER_SIZE = 4096 + 40 };
const char *template_folder(
    const char *option, const char *name, char out[TEMPLATE_FOLDER_SIZE]);

/* Puts the value of one @name@ into `out`; context as it was given. */
typedef int (*template_put)(const void *context, const char *name, size_t len,
    struct buf *out, struct err *err);

/* The failure of a template_put that does not know the name. */
int template_unknown(const char *name, size_t len, struct err *err);

/*
 * Reads the template FOLDER/NAME and puts it into `out` (with its limit) with
 * every @name@ filled in. ERR_PERM when it cannot be read, or as `put` fails.
 */
int template_fill(const char *folder, const char *name, template_put put,
    const void *context, struct buf *out, struct err *err) must_check;

#endif
