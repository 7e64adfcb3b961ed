/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The copy of a sent message in the Sent folder. The SMTP side hands in a
 * sealed message; a thread appends it over IMAP and tries again until it is
 * there. What waits lies, sealed, in the state directory, and is taken up again
 * after a restart when its user logs in. A client that appends the same message
 * by itself is recognized, so that there is one copy. Thread-safe.
 */
#ifndef BRIDGE_SENT_H
#define BRIDGE_SENT_H

#include "base/spool.h"
#include "bridge.h"

enum { SENT_PRINT_LEN = 32 };

struct sent;

/* Starts its thread. `b` is borrowed for its life. */
int sent_new(struct bridge *b, struct sent **out, struct err *err) must_check;
/*
 * Ends what the thread does. False when it does not end in a few seconds: the
 * process must exit then without sent_free(). Nothing is lost: what is not in
 * the folder lies in the state directory.
 */
bool sent_stop(struct sent *s);
/* Waits for the thread's end. */
void sent_free(struct sent **sp);

/* ---- which message is it? ---- */

/*
 * The print of a message: a hash over its Message-ID and its body. Header
 * fields that a client adds to its own copy (Bcc, X-Mozilla-...) do not matter.
 * The user's key goes into it: prints stand in names of files, and nobody is to
 * try bodies on them. It is the same in each run.
 */
struct sent_printer;

int sent_printer_new(const struct user *user, struct sent_printer **out,
    struct err *err) must_check;
/* The same with the key itself. */
int sent_printer_keyed(const struct crypt *crypt,
    const uint8_t key[SENT_PRINT_LEN], struct sent_printer **out,
    struct err *err) must_check;
void sent_printer_free(struct sent_printer **pp);
/* The plain message as it comes, with CRLF, dots undone. */
int sent_printer_feed(struct sent_printer *p, const void *data, size_t n,
    struct err *err) must_check;
/* 1 and the print; 0 for a message without a Message-ID: it has none. */
int sent_printer_finish(struct sent_printer *p, uint8_t out[SENT_PRINT_LEN],
    struct err *err) must_check;

/* ---- the SMTP side ---- */

struct sent_copy;

/*
 * Before the final dot goes to the server: writes the sealed message to the
 * state directory. print may be NULL (no Message-ID).
 */
int sent_copy_prepare(struct sent *s, const struct account *a,
    struct spool *sealed, const uint8_t *print, struct sent_copy **out,
    struct err *err) must_check;
/* The server took the message: the copy is appended soon. Takes *cp. */
void sent_copy_commit(struct sent *s, struct sent_copy **cp,
    const struct user *u, const struct credentials *c);
/* Without a commit the file is removed. */
void sent_copy_free(struct sent_copy **cp);

/*
 * After a login that the server took: copies of the account that an earlier run
 * left behind, and those whose own login it refused, are tried with this one.
 */
void sent_resume(struct sent *s, const struct user *u,
    const struct credentials *c);

/* ---- the side of the client's APPEND ---- */

struct metacache;

/* What a client appends; borrowed. */
struct sent_client {
	const struct account *account;
	const char *folder;   /* its name as IMAP writes it, unquoted */
	const uint8_t *print; /* SENT_PRINT_LEN octets */
	struct metacache *memory; /* the user's, see sent_memory.h; or NULL */
};

/*
 * Before a client's APPEND is sent on. 1: the bridge's copy is there already,
 * of this run or, less than a week old, of an earlier one; *uidvalidity and
 * *uid say where (0: the server did not tell); the client is answered OK
 * [APPENDUID uidvalidity uid] and nothing is stored. 0: append it, and call
 * sent_client_done() in any case. May wait, as long as the configured timeout,
 * for the bridge's own append of the same message.
 */
int sent_client_begins(struct sent *s, const struct sent_client *c,
    uint32_t *uidvalidity, uint32_t *uid) must_check;
/*
 * After a 1 that the client was not told of: it will append its copy once more,
 * and the bridge's is to count for that.
 */
void sent_client_unclaimed(struct sent *s, const struct sent_client *c,
    uint32_t uidvalidity, uint32_t uid);
void sent_client_done(
    struct sent *s, const struct sent_client *c, bool stored);

#endif
