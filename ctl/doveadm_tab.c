/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doveadm_tab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NOWHERE = DOVEADM_TAB_COLUMNS };

struct line {
	char *cells[DOVEADM_TAB_COLUMNS];
	size_t count;
};

static int
bad(struct err *err, const char *why)
{
	return err_set(err, ERR_PERM, "doveadm printed %s", why);
}

/* In place; false for what doveadm does not write. */
static bool
unescape(char *cell)
{
	static const char codes[] = "1trn", octets[] = "\001\t\r\n";
	char *to = cell;

	for (const char *p = cell; *p != '\0'; p++) {
		if (*p != '\001') {
			*to++ = *p;
			continue;
		}

		const char *code = *++p == '\0' ? NULL : strchr(codes, *p);

		if (code == NULL)
			return false;
		*to++ = octets[code - codes];
	}
	*to = '\0';
	return true;
}

static int
split(char *text, struct line *line, struct err *err)
{
	line->count = 0;
	while (text != NULL) {
		char *tab = strchr(text, '\t');

		if (line->count == DOVEADM_TAB_COLUMNS)
			return bad(err, "too many columns");
		if (tab != NULL)
			*tab++ = '\0';
		if (!unescape(text))
			return bad(err, "an unknown escape");
		line->cells[line->count++] = text;
		text = tab;
	}
	return 0;
}

static int
find_columns(const struct line *head, const char *const *names, size_t count,
    size_t *at, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		bool optional = names[i][0] == '?';

		for (at[i] = 0; at[i] < head->count; at[i]++)
			if (strcasecmp(head->cells[at[i]], names[i] + optional) ==
			    0)
				break;
		if (at[i] < head->count)
			continue;
		if (!optional)
			return err_set(err, ERR_PERM,
			    "doveadm printed no column %s", names[i]);
		at[i] = NOWHERE;
	}
	return 0;
}

struct rows_to {
	const size_t *at;
	size_t count; /* of the names */
	size_t columns;
	int (*row)(void *ctx, char *const *cells, struct err *err);
	void *ctx;
};

static int
give_row(const struct rows_to *to, const struct line *line, struct err *err)
{
	static char none[] = "";
	char *cells[DOVEADM_TAB_COLUMNS];

	if (line->count != to->columns)
		return bad(err, "a row of another width");
	for (size_t i = 0; i < to->count; i++)
		cells[i] =
		    to->at[i] == NOWHERE ? none : line->cells[to->at[i]];
	return to->row(to->ctx, cells, err);
}

static int
parse_lines(char *text, const char *const *names, size_t *at,
    struct rows_to *to, struct err *err)
{
	struct line line;

	for (char *s = text, *end; *s != '\0'; s = end + 1) {
		end = strchr(s, '\n');
		if (end == NULL)
			return bad(err, "half a line");
		*end = '\0';
		if (split(s, &line, err) < 0)
			return -1;
		if (to->columns == 0) {
			to->columns = line.count;
			if (find_columns(&line, names, to->count, at, err) < 0)
				return -1;
		} else if (give_row(to, &line, err) < 0)
			return -1;
	}
	return 0;
}

int
doveadm_tab_parse(const char *text, size_t len, const char *const *names,
    size_t count, int (*row)(void *ctx, char *const *cells, struct err *err),
    void *ctx, struct err *err)
{
	size_t at[DOVEADM_TAB_COLUMNS];
	struct rows_to to = { at, count, 0, row, ctx };
	cleanup(free_str) char *copy = NULL;

	if (count > DOVEADM_TAB_COLUMNS)
		return bad(err, "too few columns");
	if (memchr(text, '\0', len) != NULL)
		return bad(err, "a NUL");
	copy = strndup(text, len);
	if (copy == NULL)
		return err_nomem(err);
	return parse_lines(copy, names, at, &to, err);
}
