/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "table.h"

#include <stdarg.h>
#include <string.h>

void
table_reset(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct table){ .columns = t->columns };
}

static int
make_room(struct table *t, struct err *err)
{
	if (t->count < t->room)
		return 0;

	size_t room = t->room == 0 ? 64 : 2 * t->room;
	struct table_cell *cells =
	    reallocarray(t->cells, room, sizeof *cells);

	if (cells == NULL)
		return err_nomem(err);
	t->cells = cells;
	t->room = room;
	return 0;
}

int
table_put(struct table *t, enum table_colour colour, const char *text,
    struct err *err)
{
	if (make_room(t, err) < 0)
		return -1;

	char *copy = strdup(text);

	if (copy == NULL)
		return err_nomem(err);
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	t->cells[t->count++] = (struct table_cell){ copy, colour };
	return 0;
}

int
table_putf(struct table *t, enum table_colour colour, struct err *err,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return table_put(t, colour, text, err);
}

int
table_header(struct table *t, const char *const *names, struct err *err)
{
	for (size_t i = 0; i < t->columns; i++)
		if (table_put(t, BOLD, names[i], err) < 0)
			return -1;
	return 0;
}

/* Characters, not octets. */
static size_t
width_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t
column_width(const struct table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->count; i += t->columns)
		if (width_of(t->cells[i].text) > width)
			width = width_of(t->cells[i].text);
	return width;
}

static void
print_cell(const struct table_cell *c, FILE *to, bool colour)
{
	static const char *const begin[] = { [PLAIN] = "",
		[BOLD] = "\033[1m", [GREEN] = "\033[32m",
		[YELLOW] = "\033[33m", [RED] = "\033[31m" };

	if (colour && c->colour != PLAIN)
		fprintf(to, "%s%s\033[0m", begin[c->colour], c->text);
	else
		fputs(c->text, to);
}

static void
print_row(const struct table *t, size_t first,
    const size_t width[TABLE_COLUMNS_MAX], FILE *to, bool colour)
{
	for (size_t i = 0; i < t->columns; i++) {
		const struct table_cell *c = &t->cells[first + i];

		print_cell(c, to, colour);
		if (i + 1 < t->columns)
			fprintf(to, "%*s",
			    (int)(width[i] + 2 - width_of(c->text)), "");
	}
	fputc('\n', to);
}

void
table_print(const struct table *t, FILE *to, bool colour)
{
	size_t width[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < t->columns; i++)
		width[i] = column_width(t, i);
	for (size_t i = 0; i + t->columns <= t->count; i += t->columns)
		print_row(t, i, width, to, colour);
}
