/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SEARCH over sealed mail (RFC 3501, 6.4.4; RFC 4731, 5182, 5032). The server
 * is blind to what is encrypted, so the keys that look at it are answered here
 * and the program is written anew:
 *
 *	UNDELETED OR BODY "x" SUBJECT "y"
 *	UID 1:9 UNDELETED OR (OR UID 2,5 (UID 1,3 BODY "x")) (OR ...)
 *
 * where 1:9 are the UIDs that were looked at, 1,3 are plain mail, which the
 * server searches by itself, and 2 and 5 are sealed and hold "x". Whatever was
 * not looked at (it came meanwhile) is not found. Everything else stays the
 * server's: RETURN, SAVE and `$`, flags, dates, MODSEQ.
 *
 * How it is used, for one command:
 *
 *	search_parse()            ERR_PROTO: answer BAD; ERR_PERM: answer
 *	                          NO [BADCHARSET]; ERR_TEMP: NO [UNAVAILABLE]
 *	search_needs() == NOTHING: forward the client's command as it is
 *	search_put_candidates()   run "[UID] SEARCH <it>" with the client's
 *	                          addressing (a SEARCH lets the server send no
 *	                          EXPUNGE); its answer is not for the client
 *	for each of these, by UID, in any order:
 *	    plain: search_plain(); sealed: search_sealed(); either may fail
 *	search_put_program()      run "<tag> [UID] SEARCH <it>", relay the
 *answer
 *
 * Blind keys are BODY, TEXT, SUBJECT, LARGER, SMALLER and HEADER of a field
 * that sealing may take from the outside (Subject, Thread-Topic, Content-*,
 * MIME-Version, X-Sealpost*). Not thread-safe; one program is one session's.
 */
#ifndef BRIDGE_SEARCH_H
#define BRIDGE_SEARCH_H

#include <stdbool.h>

#include "base/buf.h"

struct search;

/*
 * Parses what follows "SEARCH " in a command, without the final CRLF: RETURN
 * (...), CHARSET, the keys. A literal stands in it as it came, "{n}" or "{n+}",
 * CRLF and its octets. `text` is copied. ERR_PROTO with a sentence: not
 * understood, or a key that is not known here (the server may know it: it must
 * not be forwarded all the same); ERR_PERM: the charset is not known.
 */
int search_parse(const void *text, size_t n, struct search **out,
    struct err *err) must_check;
void search_free(struct search **sp);

/* The most that a blind key of the program looks at. */
enum search_needs {
	SEARCH_NEEDS_NOTHING, /* no blind key: not for the bridge */
	SEARCH_NEEDS_SIZE,
	SEARCH_NEEDS_HEADER,
	SEARCH_NEEDS_BODY,
};
enum search_needs search_needs(const struct search *s);

/*
 * A program without blind keys and without RETURN that finds every message
 * which the program may find, whatever the blind keys say. *c is empty before
 * and gets its limit here; the caller resets it in any case. ERR_PERM: it is
 * longer than LIMIT_SEARCH_PROGRAM.
 */
int search_put_candidates(
    const struct search *s, struct buf *c, struct err *err) must_check;

/* The message is plain: what the server says of it is right. */
int search_plain(struct search *s, uint32_t uid, struct err *err) must_check;

/*
 * A restored message. Each function is called at most once for one message, and
 * only when a key needs it that still decides (a header key that does not match
 * spares the body). What they return is borrowed until search_sealed() returns.
 * -1 is passed on, with its error.
 */
struct search_message {
	void *ctx;
	int (*size)(void *ctx, uint64_t *octets, struct err *err);
	/* The restored header block. */
	int (*header)(
	    void *ctx, const uint8_t **data, size_t *n, struct err *err);
	/* All of it. */
	int (*message)(
	    void *ctx, const uint8_t **data, size_t *n, struct err *err);
};

/*
 * Evaluates the blind keys over one restored message. 0, or -1 with the error
 * of the message's functions or ERR_TEMP.
 */
int search_sealed(struct search *s, uint32_t uid,
    const struct search_message *m, struct err *err) must_check;

/*
 * The program for the server, RETURN and CHARSET included. When nothing was
 * looked at it finds nothing. ERR_PERM: it is longer than LIMIT_SEARCH_PROGRAM,
 * which servers do not take; it is to be asked in parts then.
 */
int search_put_program(
    struct search *s, struct buf *c, struct err *err) must_check;

/*
 * The next part: a program of at most `room` octets without RETURN, to be run
 * with the client's addressing; what all of them find is the result. *done
 * counts on from 0. 1, 0 there is no more, -1 ERR_PERM: it cannot be done in
 * parts (MODSEQ and PARTIAL, whose answers are the server's; a client's text
 * that is too long): answer NO [LIMIT].
 */
int search_put_part(struct search *s, size_t room, size_t *done, struct buf *c,
    struct err *err) must_check;

/*
 * Then the untagged answer, with its CRLF, from the numbers in ascending order;
 * nothing when RETURN asked for nothing that is told.
 */
int search_put_answer(const struct search *s, const char *tag, bool by_uid,
    const uint32_t *numbers, size_t count, struct buf *out,
    struct err *err) must_check;

/*
 * And for RETURN (SAVE) the programs that save the result at the server, one
 * after the other; *done counts on from 0. 1 and what follows "[UID] SEARCH ",
 * 0 there is no more, -1.
 */
int search_put_save(const struct search *s, bool by_uid, size_t room,
    const uint32_t *numbers, size_t count, size_t *done, struct buf *out,
    struct err *err) must_check;

#endif
