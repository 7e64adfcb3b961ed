/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to sent.c (the thread), sent_entries.c, sent_copy.c (the SMTP side),
 * sent_resume.c and sent_client.c: what is known of sent messages, in a list of
 * entries under one lock.
 *
 * A copy is a file of sealed octets in the state directory:
 * sent-ADDRESS=PRINT=XXXXXX.new before the server has taken the message, .eml
 * from then until it is in the folder; PRINT is "none" where there is none.
 */
#ifndef BRIDGE_SENT_PRIVATE_H
#define BRIDGE_SENT_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "base/locked.h"
#include "sent.h"
#include "sent_imap.h"

enum { PATH_SIZE = 4096 };

enum state {
	WAITING,   /* the bridge's copy, to be appended */
	APPENDING, /* the thread has it */
	CLIENT,    /* a client is appending its own */
	STORED,    /* it is in `folder` */
};

/*
 * In the list it is guarded by the list's lock, but for one that is APPENDING:
 * nobody but the thread changes or frees it, and the thread works on it without
 * the lock (`folder` and `ours` it sets with it).
 */
struct entry {
	TAILQ_ENTRY(entry) all;
	const struct account *account;
	enum state state;
	bool ours;   /* the bridge's copy, which no client has claimed yet */
	bool has_print;
	bool tried; /* nobody waits for it; an append may have been begun */
	bool refused; /* its login: there is no use in trying it again */
	uint8_t print[SENT_PRINT_LEN];
	char *folder; /* NULL: not known yet */
	struct sent_place place;
	/* of a copy that waits */
	char *path;
	struct locked login, memory_key; /* of facts_open(); may be empty */
	time_t next; /* CLOCK_REALTIME */
	unsigned pause_s;
};

struct sent {
	struct bridge *bridge;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t changed;
	bool stopping, ended;
	struct net_stream *stream; /* of the thread, while it talks */
	TAILQ_HEAD(entries, entry) entries;
	size_t count;
};

/* ---- sent_entries.c: with the lock ---- */

/* For one that is not in the list; no lock. */
void sent_entry_free(struct entry **ep);
/* Takes it out of the list and frees it. */
void sent_forget(struct sent *s, struct entry *e);
/*
 * Takes the entry into the list. Makes room: the oldest that is stored is not
 * needed for long.
 */
void sent_remember(struct sent *s, struct entry *e);
/* Of the account, with this print? */
bool sent_is_same(
    const struct entry *e, const struct account *a, const uint8_t *print);
/* The entry of the file: one that waits, is being appended or is stored. */
struct entry *sent_find_path(struct sent *s, const char *path);
/* Do both wait with one login, octet for octet? */
bool sent_same_login(const struct entry *a, const struct entry *b);
/* The copy of the bridge: not one that a client brings, nor claimed. */
struct entry *sent_find_copy(
    struct sent *s, const struct account *a, const uint8_t *print);
/* What a client brings or has brought into the folder. */
struct entry *sent_find_in_folder(struct sent *s, const struct account *a,
    const uint8_t *print, const char *folder);
/*
 * What is to be tried now: of those whose time has come the one whose time came
 * first, or copies for a server that does not answer would keep all others
 * waiting. NULL: none, and *until is no later than when one will be.
 */
struct entry *sent_next_due(struct sent *s, time_t now, time_t *until);
/*
 * Until something changed, or that time (CLOCK_REALTIME). The lock is left
 * meanwhile: an entry that was found before may be gone.
 */
void sent_wait_until(struct sent *s, time_t when);

/* ---- sent_copy.c: without the lock, but for sent_set_login() ---- */

/* As it stands in the name of a file. False when there stands none. */
bool sent_print_from_text(const char *text, uint8_t print[SENT_PRINT_LEN]);
/*
 * In place of an older one; false, and nothing done, when memory is short. With
 * the lock when the entry is in the list.
 */
bool sent_set_login(
    struct entry *e, const struct user *u, const struct credentials *c);
/* An entry that waits; takes the path. NULL when memory is short. */
struct entry *sent_entry_for(
    const struct user *u, char *path, const struct credentials *c);
/*
 * Takes the entry, and wakes the thread. One file is one entry: false where it
 * had one already, which has the newer login now.
 */
bool sent_enqueue(struct sent *s, struct entry *e);

#endif
