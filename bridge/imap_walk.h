/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Goes over messages of the selected mailbox and opens those that are
 * encrypted: first what can be told from the header, in one round trip, then
 * the bodies where they are needed, in the server's order, one in memory at a
 * time. The messages are addressed as the client's command does it (by number
 * or by UID), so that the server sends EXPUNGE only when the client can bear
 * it.
 */
#ifndef BRIDGE_IMAP_WALK_H
#define BRIDGE_IMAP_WALK_H

#include "crew.h"
#include "imap_session.h"
#include "imap_view.h"
#include "proto/imap_members.h"

struct imap_todo; /* messages whose turn comes after the survey */

struct imap_walk {
	struct imap_session *s;
	bool by_uid;
	struct imap_value set, modifiers; /* modifiers.raw_len 0 = none */
	enum imap_need need; /* structure: of what is known of it, else body */
	bool sets_seen;
	bool asks_flags, asks_date; /* they are among the items */
	/*
	 * Each is "" or " ITEM ITEM ...": what the survey asks for that looks
	 * into headers, what the server tells of each encrypted message, and
	 * what of a message as it is stored, which the client gets as it comes.
	 * NULL: `stored` and `restored` need nothing of the server (r may be
	 * NULL).
	 */
	const char *header_items, *pass_items, *stored_items;
	bool survey_tells_all; /* of a message as it is stored, too */
	/* An encrypted message, opened. -1 ends the session. */
	int (*restored)(void *ctx, const struct imap_response *r, uint32_t uid,
	    struct imap_view *v, struct err *err);
	/*
	 * A message that is shown as it is stored: with the survey's response
	 * when that tells all, or stored_items is NULL (then r may be).
	 */
	int (*stored)(void *ctx, const struct imap_response *r, uint32_t uid,
	    struct err *err);
	void *ctx;

	/* what came of it: */
	bool left_out;      /* some could not be opened now */
	struct buf verdict; /* the server's, of the last or the first failed */
	bool refused;       /* the verdict is not OK */

	struct imap_own own;
	struct imap_members asked; /* of the survey */
	struct crew *crew;         /* opens headers for it; NULL: none does */
	struct imap_todo *todo;
	size_t todo_count, todo_room;
	size_t window_end; /* of todo: sorted up to here */
	size_t slice_at, slice_end; /* of todo: what is asked for just now */
	bool slice_cached;
	struct opener_intake *intake; /* of a large body; NULL: none comes */
};

/* Nothing may be forwarded and not answered. -1 ends the session. */
int imap_walk_run(struct imap_walk *w, struct err *err) must_check;
void imap_walk_reset(struct imap_walk *w);

/* What a FETCH response holds. */
struct imap_fetched {
	uint32_t uid;                           /* 0 = not said */
	struct imap_value header, fields, body; /* raw_len 0 = not there */
	bool has_flags, has_date;
};
int imap_fetched_read(const struct imap_response *r, struct imap_fetched *out,
    struct err *err) must_check;

#endif
