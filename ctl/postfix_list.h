/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The lists in main.cf: words with commas and white space between. What stands
 * in braces is part of its word.
 */
#ifndef CTL_POSTFIX_LIST_H
#define CTL_POSTFIX_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the next word at *at and moves on; false at the end. */
bool list_next(const char **at, const char **word, size_t *len);

/*
 * Where the entry, which may be several words with a blank between, stands in
 * the list as whole words; NULL when it does not.
 */
char *list_find(char *list, const char *entry);

/* Is the entry the first in the list? */
bool list_begins_with(const char *list, const char *entry);

/* Is the word in the list, in any case of its letters? */
bool list_has_name(const char *list, const char *name);

/* Cuts `len` octets at `at` out of the list, with the separators around them.
 */
void list_cut(char *list, char *at, size_t len);

#endif
