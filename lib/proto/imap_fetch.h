/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a client asks of FETCH (RFC 3501, 6.4.5; the modifiers of RFC 4466),
 * with its macros and old names. Pure.
 */
#ifndef PROTO_IMAP_FETCH_H
#define PROTO_IMAP_FETCH_H

#include "mail/structure.h"
#include "proto/imap_token.h"

enum imap_item_kind {
	IMAP_ITEM_PASS, /* flags, dates, numbers: never of the message's octets
			 */
	IMAP_ITEM_SIZE,
	IMAP_ITEM_ENVELOPE,
	IMAP_ITEM_BODY, /* the structure without extensions */
	IMAP_ITEM_BODYSTRUCTURE,
	IMAP_ITEM_SECTION, /* BODY[...], and RFC822 and its kin */
};

struct imap_item {
	enum imap_item_kind kind;
	char *request; /* as the server is asked */
	char *label;   /* as it is called in the answer, with <origin> */
	/* of IMAP_ITEM_SECTION: */
	struct section section; /* points into this item */
	unsigned *path;
	char **fields;
	bool seen; /* sets \Seen: no PEEK */
	bool partial;
	uint32_t origin, count;
};

struct imap_fetch {
	struct imap_value set;       /* borrowed */
	struct imap_value modifiers; /* borrowed; raw_len 0 = none */
	bool changed_since;
	struct imap_item *items;
	size_t count;
};

/*
 * `arguments` is what follows the command's name; `out` borrows from it.
 * ERR_PROTO for what a server would call BAD, and for items that are not known
 * here (BINARY, PREVIEW): nothing unknown may pass. ERR_TEMP.
 */
int imap_fetch_parse(const void *arguments, size_t n, struct imap_fetch *out,
    struct err *err) must_check;
void imap_fetch_reset(struct imap_fetch *f);

#endif
