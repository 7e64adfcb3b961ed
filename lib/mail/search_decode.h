/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Between search_*.c: decoding and conversion for SEARCH. */
#ifndef MAIL_SEARCH_DECODE_H
#define MAIL_SEARCH_DECODE_H

#include <iconv.h>

#include "base/buf.h"

/* From a charset to folded UTF-8, in pieces of any size. */
struct converter {
	iconv_t cd;      /* (iconv_t)-1: the text is UTF-8 */
	struct buf rest; /* what the next piece completes */
};

#define CONVERTER_NONE                                    \
	{                                                 \
		.cd = (iconv_t)-1, .rest = {.limit = 64 } \
	}

/* 1, 0 the charset is not known (it converts UTF-8 then), -1 ERR_TEMP. */
int converter_open(
    struct converter *c, const char *charset, struct err *err) must_check;
void converter_reset(struct converter *c);
/* Appends what can be converted; the start of a character waits. */
int converter_put(struct converter *c, const void *data, size_t n,
    struct buf *out, struct err *err) must_check;

/* Appends the folded value of a field, its encoded words decoded. */
int search_fold_words(
    const void *value, size_t n, struct buf *out, struct err *err) must_check;

/*
 * Appends the next decoded octets of base64 or quoted-printable text; *at is
 * moved on, at the end to n. Some thousand octets a call.
 */
int search_decode_base64(const uint8_t *s, size_t n, size_t *at,
    struct buf *out, struct err *err) must_check;
int search_decode_qp(const uint8_t *s, size_t n, size_t *at, struct buf *out,
    struct err *err) must_check;

#endif
