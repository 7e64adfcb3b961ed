/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * SEARCH and UID SEARCH: the server cannot look into what is encrypted. A
 * program with a key that would is refused; every other one is the server's.
 */

#include "imap_session.h"

static bool
is_blind(const struct imap_value *v)
{
	static const char *const blind[] = { "BODY", "TEXT", "SUBJECT",
		"LARGER", "SMALLER", "HEADER", "FUZZY", "FILTER" };

	for (size_t i = 0; i < countof(blind); i++)
		if (imap_is(v, blind[i]))
			return true;
	return false;
}

/* Parentheses nest: whatever stands in them is a word of its own here. */
static bool
has_blind_key(const struct imap_command *c)
{
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v;
	int rc = 1;

	while (rc > 0) {
		while (at.at < at.end && (*at.at == '(' || *at.at == ')' ||
		                             *at.at == ' '))
			at.at++;
		rc = imap_next(&at, &v, NULL);
		if (rc > 0 && is_blind(&v))
			return true;
	}
	return rc < 0; /* not understood */
}

int
imap_do_search(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (has_blind_key(c))
		return imap_answer(s, c->tag, err,
		    "NO [CANNOT] The bridge cannot search encrypted mail for "
		    "this yet.");
	return imap_forward(s, c, EFFECT_NONE, err);
}
