/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_list.h"

#include <string.h>
#include <strings.h>

static const char separators[] = ", \t\r\n";

static bool
is_separator(char c)
{
	return c != '\0' && strchr(separators, c) != NULL;
}

/* The length of the word; a brace that is never closed reaches to the end. */
static size_t
word_length(const char *s)
{
	size_t depth = 0;
	size_t n = 0;

	for (; s[n] != '\0' && (depth > 0 || !is_separator(s[n])); n++) {
		if (s[n] == '{')
			depth++;
		else if (s[n] == '}' && depth > 0)
			depth--;
	}
	return n;
}

bool
list_next(const char **at, const char **word, size_t *len)
{
	*word = *at + strspn(*at, separators);
	*len = word_length(*word);
	*at = *word + *len;
	return *len > 0;
}

/* Stands the entry here, and does a word end where it ends? */
static bool
stands_at(const char *word, const char *entry)
{
	size_t len = strlen(entry);

	return strncmp(word, entry, len) == 0 &&
	       (word[len] == '\0' || is_separator(word[len]));
}

char *
list_find(char *list, const char *entry)
{
	const char *at = list;
	const char *word;
	size_t len;

	while (list_next(&at, &word, &len))
		if (stands_at(word, entry))
			return list + (word - list);
	return NULL;
}

bool
list_begins_with(const char *list, const char *entry)
{
	return stands_at(list + strspn(list, separators), entry);
}

bool
list_has_name(const char *list, const char *name)
{
	const char *word;
	size_t len;

	while (list_next(&list, &word, &len))
		if (len == strlen(name) && strncasecmp(word, name, len) == 0)
			return true;
	return false;
}

void
list_cut(char *list, char *at, size_t len)
{
	char *rest = at + len;

	rest += strspn(rest, separators);
	while (at > list && is_separator(at[-1]))
		at--;
	if (at > list && *rest != '\0') {
		*at++ = ',';
		*at++ = ' ';
	}
	memmove(at, rest, strlen(rest) + 1);
}
