/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Private to imap_walk.c, imap_survey.c and imap_slices.c. */
#ifndef BRIDGE_IMAP_WALK_PRIVATE_H
#define BRIDGE_IMAP_WALK_PRIVATE_H

#include "imap_walk.h"

struct imap_todo {
	uint32_t address; /* number or UID, as the command addresses */
	uint32_t uid;
	enum imap_kind kind;
	bool no_cache; /* it was there, and has gone */
	bool answered;
	bool alone; /* to be asked for in a command of its own */
};

/* Logs why; never a word of the message. */
void imap_walk_leave_out(
    struct imap_walk *w, uint32_t uid, const struct err *why);
void imap_walk_add_todo(struct imap_walk *w, struct imap_todo t);
/*
 * Its turn comes later. For a data handler: 1, or 0 when there are flags in the
 * response that nobody has asked for, which are to be relayed. (Those that were
 * asked for come with the rest: clients take a response for the whole answer.)
 */
int imap_walk_postpone(struct imap_walk *w, const struct imap_response *r,
    const struct imap_fetched *it, enum imap_kind kind) must_check;

/*
 * What a data handler says of a response that was dealt with (rc): a search
 * hands nothing on, and flags in it are relayed to the client all the same.
 */
int imap_walk_leave_flags(
    const struct imap_walk *w, const struct imap_fetched *it, int rc);

/* The octets of a string; in place, but for quoted ones. */
int imap_walk_octets_of(const struct imap_value *v, struct buf *scratch,
    const uint8_t **data, size_t *n, struct err *err) must_check;
/* A string, and not NIL: the message is there. */
bool imap_walk_is_octets(const struct imap_value *v);

/* NULL when messages cannot be told apart for good. */
const struct message_key *imap_walk_key_of(
    const struct imap_walk *w, uint32_t uid, struct message_key *k);
/* Counted. */
const struct message *imap_walk_cached(const struct imap_walk *w, uint32_t uid);
int imap_walk_give_message(struct imap_walk *w, const struct imap_response *r,
    uint32_t uid, const struct message *m, struct err *err) must_check;

/* After an own command. */
void imap_walk_take_verdict(struct imap_walk *w);
/* "[UID ]FETCH set" */
int imap_walk_put_command(struct imap_walk *w, struct buf *text,
    const void *set, size_t n, struct err *err) must_check;

/* Begins with a blank; nothing when there are none. */
int imap_walk_put_modifiers(const struct imap_walk *w, struct buf *text,
    struct err *err) must_check;
/* For the next listing. Where it fails, the message is asked for again. */
void imap_walk_keep_facts(
    struct imap_walk *w, uint32_t uid, const struct facts *f);
/* From memory, or what an earlier session has found out. 1, 0 unknown, -1. */
int imap_walk_give_known(struct imap_walk *w, const struct imap_response *r,
    uint32_t uid, struct err *err) must_check;
/* By kind, then by address: the next n of todo. */
void imap_walk_sort(struct imap_walk *w, size_t n);

/*
 * In place of a survey of all: answers for what is known, surveys what is not.
 * slice_at is behind what was surveyed.
 */
bool imap_walk_may_recall(const struct imap_walk *w);
int imap_walk_recall(struct imap_walk *w, struct err *err) must_check;

/* True when all is known that the survey would tell; todo is filled then. */
bool imap_walk_skip_survey(struct imap_walk *w);
int imap_walk_run_survey(struct imap_walk *w, struct err *err) must_check;
/* Ends the survey's threads. */
void imap_walk_dismiss(struct imap_walk *w);
/* From slice_at up to slice_end, which is set. */
int imap_walk_run_slice(struct imap_walk *w, struct err *err) must_check;

#endif
