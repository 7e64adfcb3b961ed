/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/imap_command.h"

#include <string.h>

static bool
is_tag(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 127 ||
		    strchr("(){%*\"\\+", s[i]) != NULL)
			return false;
	return n > 0 && n < IMAP_TAG_SIZE;
}

static void
take_word(struct imap_cursor *c, const uint8_t **word, size_t *n)
{
	*word = c->at;
	while (c->at < c->end && *c->at != ' ')
		c->at++;
	*n = (size_t)(c->at - *word);
	if (c->at < c->end)
		c->at++;
}

int
imap_command_parse(
    const void *text, size_t n, struct imap_command *out, struct err *err)
{
	struct imap_cursor c = imap_cursor(text, n);
	const uint8_t *tag;
	size_t len;

	*out = (struct imap_command){ .tag = "*" };
	take_word(&c, &tag, &len);
	if (!is_tag(tag, len))
		return err_set(err, ERR_PROTO, "Invalid tag");
	memcpy(out->tag, tag, len);
	out->tag[len] = '\0';
	take_word(&c, &out->name, &out->name_len);
	if (imap_equal(out->name, out->name_len, "UID")) {
		out->uid = true;
		take_word(&c, &out->name, &out->name_len);
	}
	if (out->name_len == 0)
		return err_set(err, ERR_PROTO, "No command");
	out->arguments = c.at;
	out->arguments_len = (size_t)(c.end - c.at);
	return 0;
}

bool
imap_command_is(const struct imap_command *c, const char *name)
{
	return imap_equal(c->name, c->name_len, name);
}
