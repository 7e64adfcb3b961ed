/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The keys of IMAP SEARCH that look at text (RFC 3501, 6.4.4), answered as
 * Dovecot answers them.
 *
 * Both the key and the text are UTF-8 and folded: each character becomes its
 * titlecase and is then decomposed one step, compatibility forms as well (in
 * the manner of i;unicode-casemap, RFC 5051); what is no UTF-8 becomes U+FFFD.
 * A text matches when it contains the key. Accents are not ignored: they are
 * characters of their own, so that "e" finds "\u00e9", too. (Characters that
 * are newer than Dovecot's tables may be folded here and not there.)
 *
 * Headers are unfolded, and encoded words (RFC 2047) are decoded. Bodies are
 * searched where the part is text/... or message/..., decoded from base64 or
 * quoted-printable and from its charset; a part with an unknown encoding is
 * skipped, an unknown charset is taken for UTF-8.
 */
#ifndef MAIL_SEARCH_TEXT_H
#define MAIL_SEARCH_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

struct structure;

/* Appends the folded text. */
int search_fold(
    const void *utf8, size_t n, struct buf *out, struct err *err) must_check;

/*
 * Appends the text in UTF-8. 1; 0: the charset is not known; 2: the text is not
 * in that charset; -1 ERR_TEMP. us-ascii is read as UTF-8.
 */
int search_to_utf8(const char *charset, const void *text, size_t n,
    struct buf *out, struct err *err) must_check;

/*
 * Does a field of that name contain the key (folded)? An empty key asks whether
 * there is one. `squeezed` as for SUBJECT: blanks count as one. 1, 0, -1
 * ERR_TEMP.
 */
int search_header(const void *header, size_t n, const char *name,
    const struct buf *key, bool squeezed, struct err *err) must_check;

/*
 * Does a body, or with `headers` a header too, contain the key (folded, not
 * empty)? 1, 0, -1 ERR_TEMP.
 */
int search_message(const struct structure *s, const struct buf *key,
    bool headers, struct err *err) must_check;

#endif
