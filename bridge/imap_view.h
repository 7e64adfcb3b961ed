/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What FETCH says of a restored message. */
#ifndef BRIDGE_IMAP_VIEW_H
#define BRIDGE_IMAP_VIEW_H

#include "base/sink.h"
#include "facts.h"
#include "proto/imap_fetch.h"

/* A restored message, or its header and size alone. */
struct imap_view {
	const uint8_t *header; /* with its empty line, if it has one */
	size_t header_len;
	uint64_t octets;               /* of the message */
	const struct message *message; /* NULL: only the above is known */
	const struct facts *facts;     /* and, when not NULL, its structure */
	struct structure *structure;   /* of the message, once it is needed */
};

/* Borrows the message. The header is found when it is needed. */
void imap_view_message(struct imap_view *v, const struct message *m);
void imap_view_reset(struct imap_view *v);

/* 0 and the header block, or -1 ERR_TEMP. */
int imap_view_header(struct imap_view *v, const uint8_t **data, size_t *n,
    struct err *err) must_check;

/* The most that an item is about. */
enum imap_need { NEEDS_HEADER /* and size */, NEEDS_STRUCTURE, NEEDS_BODY };
enum imap_need imap_need_of(const struct imap_fetch *f);

/*
 * Text, and octets of a message that belong into it: borrowed, so that a large
 * message is in memory once.
 */
struct imap_piece {
	size_t at; /* in text, in ascending order */
	const uint8_t *data;
	size_t n;
};
struct imap_pieces {
	struct buf text; /* born with its limit by the owner */
	struct imap_piece *of;
	size_t count, room;
};
void imap_pieces_reset(struct imap_pieces *p);
int imap_pieces_write(const struct imap_pieces *p, const struct sink *to,
    struct err *err) must_check;

/*
 * Appends " LABEL value" of every item that is not IMAP_ITEM_PASS; without the
 * first blank at the beginning of a list. The view's message is borrowed.
 * ERR_TEMP, ERR_PERM over the limit.
 */
int imap_view_put(struct imap_view *v, const struct imap_fetch *f,
    struct imap_pieces *out, struct err *err) must_check;

#endif
