/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Text in aligned columns. Control bytes in a cell become '?'. The last
 * column is not padded.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum table_colour { PLAIN, BOLD, GREEN, YELLOW, RED };

struct table_cell {
	char *text;
	enum table_colour colour;
};

enum { TABLE_COLUMNS_MAX = 8 };

struct table {
	size_t columns; /* at most TABLE_COLUMNS_MAX */
	struct table_cell *cells; /* row by row */
	size_t count;
	size_t room;
};

/* .columns must be set by the one who declares it. */
void table_reset(struct table *t);

/* Adds the next cell, from left to right; text is copied. */
int table_put(struct table *t, enum table_colour colour, const char *text,
    struct err *err) must_check;
int table_putf(struct table *t, enum table_colour colour, struct err *err,
    const char *fmt, ...) printf_like(4, 5) must_check;

/* The names of the columns, as the first row. */
int table_header(struct table *t, const char *const *names, struct err *err)
    must_check;

void table_print(const struct table *t, FILE *to, bool colour);

#endif
