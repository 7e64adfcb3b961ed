/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The IMAP side of the Sent copy: find the folder, append a file. */
#ifndef BRIDGE_SENT_IMAP_H
#define BRIDGE_SENT_IMAP_H

#include "account.h"
#include "base/buf.h"
#include "net/stream.h"

/* Where the server says that a message is; 0 when it does not. */
struct sent_place {
	uint32_t uidvalidity, uid;
};

/*
 * On a logged-in stream: the folder's name, NUL-terminated: what the account
 * says, else the one with \Sent, else "Sent".
 */
int sent_find_folder(struct net_stream *s, const struct account *a,
    struct buf *folder, struct err *err) must_check;

/*
 * Is the sealed message in the file in the folder already? It is known by its
 * random boundary. 1 and where, 0 no (there need be no such folder), or it is a
 * file that cannot be told.
 */
int sent_find_file(struct net_stream *s, const char *folder, const char *path,
    struct sent_place *place, struct err *err) must_check;

/*
 * Appends the file, \Seen, with its time of change. A folder that is not there
 * is made and subscribed to. ERR_TEMP or ERR_PERM.
 */
int sent_append_file(struct net_stream *s, const char *folder,
    const char *path, struct sent_place *place, struct err *err) must_check;

/*
 * Does a tagged answer say that there is no such folder? 1 it does, 0 it is a
 * NO that does not say why, -1 it is something else. Pure.
 */
int sent_says_missing(const char *line);

/* "* LIST (...) ..." of a folder that can be selected? Pure. */
bool sent_is_folder(const char *line);

/* "* OK [UIDVALIDITY 1] ..." and "* SEARCH 2 3" (the last counts). Pure. */
void sent_note_place(const char *line, struct sent_place *place);

/* "OK [APPENDUID 1 2] ..." Pure. */
struct sent_place sent_read_appenduid(const char *line);

#endif
