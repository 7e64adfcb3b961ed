/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* BODY[section]<origin.count> of a FETCH command. */
#ifndef PROTO_IMAP_SECTION_H
#define PROTO_IMAP_SECTION_H

#include "proto/imap_fetch.h"

/*
 * `name` is the whole item, "BODY[" or "BODY.PEEK[" on. Fills the item, request
 * and label included. ERR_PROTO, ERR_TEMP; the item is to be reset in any case.
 */
int imap_section_parse(const struct imap_value *name, struct imap_item *item,
    struct err *err) must_check;
void imap_item_reset(struct imap_item *item);

#endif
