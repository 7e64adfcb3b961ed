/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What in main.cf and master.cf works against the hop. */
#ifndef CTL_POSTFIX_NOTES_H
#define CTL_POSTFIX_NOTES_H

#include "postfix_render.h"
#include "postfix_view.h"

/*
 * ERR_PERM when a content_filter would deliver in the hop's stead. Of any
 * other one a line is put into `notes`.
 */
int notes_filters(const struct render *r, const struct view *v,
    struct buf *notes, struct err *err) must_check;

/* Puts a line for each thing that the administrator should know. */
int notes_put(const struct render *r, const struct view *v, struct buf *notes,
    struct err *err) must_check;

#endif
