/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The fields of a header block as they lie in the message, whatever the block
 * holds: lines without a colon, 8-bit names, bare LFs. Nothing is copied.
 */
#ifndef MAIL_FIELD_H
#define MAIL_FIELD_H

#include <stdbool.h>

#include "base/buf.h"

/* A name that is longer is no name: the line is all value, as in Dovecot. */
enum { FIELD_NAME_MAX = 1000 };

struct field {
	const uint8_t *line; /* continuation lines and the last line end too */
	size_t len;
	size_t name_len; /* without the blanks before the colon; 0: no name */
	size_t value_at; /* behind the colon */
	bool end;        /* the empty line */
};

struct fields {
	const uint8_t *s;
	size_t n, at;
};

/* The octets of the line at `at`, its line end included. */
size_t line_length(const uint8_t *s, size_t n, size_t at);
/* The octets of the line end that the line ends with: 0, 1 or 2. */
size_t line_end_length(const uint8_t *line, size_t len);

/* 1 and the field; 0 at the end of the block, or behind the empty line. */
int fields_next(struct fields *f, struct field *out);

/* ASCII case-insensitive. */
bool field_is(const struct field *f, const char *name);
bool field_name_is(const struct field *f, const char *name, size_t n);

enum field_form {
	/*
	 * Blanks before the value are dropped (all but one of a value that is
	 * nothing else); lines are joined by LF.
	 */
	FIELD_FOLDED,
	/*
	 * One blank before the value is dropped; lines are joined by nothing,
	 * a tab at the start of a line becomes a blank.
	 */
	FIELD_ONE_LINE,
};

/* Puts the value into `out`, which is emptied before. 0 or -1 ERR_TEMP. */
int field_value(const struct field *f, enum field_form form, struct buf *out,
    struct err *err) must_check;

#endif
