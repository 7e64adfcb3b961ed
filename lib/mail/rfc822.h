/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The tokens of structured header fields (RFC 5322, 3.2; RFC 2045, 5.1), read
 * as leniently as Dovecot reads them: what IMAP says of a message must be the
 * same on both sides. mime.h is the strict reader.
 *
 * All functions work on a cursor and answer 1: there is more behind the token
 * (and behind the blanks and comments that follow it); 0: the value ends there;
 * -1: it is no such token, and the cursor stands where that was noticed. Text
 * is appended to a buffer; memory that is short is remembered in `nomem`, to
 * be asked at the end.
 */
#ifndef MAIL_RFC822_H
#define MAIL_RFC822_H

#include <stdbool.h>

#include "base/buf.h"

struct rfc822 {
	const uint8_t *s;
	size_t n, i;
	struct buf
	    *comment; /* gets the text of the last comment; may be NULL */
	bool nomem;
};

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* stands for a NUL */

/* Appends; a failure sets nomem. */
void rfc822_put(struct rfc822 *l, struct buf *out, const void *data, size_t n);
bool rfc822_at(const struct rfc822 *l, char c);
bool rfc822_ended(const struct rfc822 *l);
bool rfc822_is_atext(uint8_t c);

int rfc822_skip_blanks(struct rfc822 *l);
int rfc822_atom(struct rfc822 *l, struct buf *out);
int rfc822_phrase(struct rfc822 *l, struct buf *out);
/* At a quotation mark. */
int rfc822_quoted(struct rfc822 *l, struct buf *out);
/* At an "@"; what follows it. */
int rfc822_domain(struct rfc822 *l, struct buf *out);
int rfc822_mime_token(struct rfc822 *l, struct buf *out);
/* "type/subtype"; `out` is empty, or holds what could be read, when it is -1 */
int rfc822_content_type(struct rfc822 *l, struct buf *out);

struct rfc822_param {
	char *name;
	char *value;
};

struct rfc822_params {
	struct rfc822_param *list;
	size_t count, room;
};

/*
 * The parameters at the cursor (";name=value..."), the pieces of RFC 2231 put
 * together: name*0, name*1 become name, and name* when one of them is encoded;
 * the encoding stays. 0 or -1 ERR_TEMP.
 */
int rfc822_params(
    struct rfc822 *l, struct rfc822_params *out, struct err *err) must_check;
void rfc822_params_reset(struct rfc822_params *p);

#endif
