/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Encoded words in header fields (RFC 2047), read as leniently as mail
 * clients do: anywhere in the value, with blanks inside, over-long.
 */
#ifndef MAIL_ENCODED_WORD_H
#define MAIL_ENCODED_WORD_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Appends the unfolded value to `out` with its encoded words decoded to UTF-8
 * and the blanks between two adjacent words removed; raw octets stay as they
 * are. *complete is false when the charset of a word is not known: its decoded
 * octets are kept as they are then. 0, or -1 with *err set (ERR_TEMP, or
 * ERR_PERM over the limit of `out`).
 */
int encoded_words_decode(const uint8_t *value, size_t n, struct buf *out,
    bool *complete, struct err *err) must_check;

/*
 * Appends the octets that the text of a Q word (RFC 2047, 4.2) stands for; an
 * escape that is none stays as it is. 0, or -1 as above.
 */
int encoded_word_q(const uint8_t *text, size_t n, struct buf *out,
    struct err *err) must_check;

#endif
