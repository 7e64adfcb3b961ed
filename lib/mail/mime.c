/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/mime.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

enum { COMMENT_DEPTH_MAX = 8 };

struct cursor {
	const uint8_t *s;
	size_t n;
	size_t i;
	bool comment; /* one was seen */
};

static bool
at(const struct cursor *c, uint8_t octet)
{
	return c->i < c->n && c->s[c->i] == octet;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_control(uint8_t c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* RFC 2045: no blanks, no control bytes, no tspecials. */
static bool
is_token_octet(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

static char
lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* 1 past the comment at the cursor, 0 it does not end. */
static int
skip_comment(struct cursor *c)
{
	unsigned depth = 0;

	for (; c->i < c->n; c->i++) {
		uint8_t octet = c->s[c->i];

		if (octet == '\\')
			c->i++;
		else if (octet == '(' && ++depth > COMMENT_DEPTH_MAX)
			return 0;
		else if (octet == ')' && --depth == 0)
			break;
	}
	if (c->i >= c->n)
		return 0;
	c->i++;
	c->comment = true;
	return 1;
}

/* Blanks, folding, comments. */
static int
skip_blanks(struct cursor *c)
{
	for (;;) {
		while (c->i < c->n && is_blank(c->s[c->i]))
			c->i++;
		if (!at(c, '('))
			return 1;
		if (!skip_comment(c))
			return 0;
	}
}

/* 1 and the token, in lower case if asked; 0 none; -1. */
static int
take_token(struct cursor *c, bool fold_case, struct buf *out, struct err *err)
{
	size_t start = c->i;

	while (c->i < c->n && is_token_octet(c->s[c->i])) {
		uint8_t octet = c->s[c->i++];

		if (c->i - start > LIMIT_MIME_PARAMETER)
			return 0;
		if (buf_putc(out, fold_case ? (uint8_t)lower(octet) : octet,
			err) < 0)
			return -1;
	}
	return c->i > start;
}

/* The quoted string at the cursor; folding in it is undone. */
static int
take_quoted(struct cursor *c, struct buf *out, struct err *err)
{
	for (c->i++; c->i < c->n && c->s[c->i] != '"'; c->i++) {
		uint8_t octet = c->s[c->i];

		if (octet == '\r' || octet == '\n')
			continue;
		if (octet == '\\' && ++c->i < c->n)
			octet = c->s[c->i];
		if (is_control(octet) || out->len >= LIMIT_MIME_PARAMETER)
			return 0;
		if (buf_putc(out, octet, err) < 0)
			return -1;
	}
	if (c->i >= c->n)
		return 0;
	c->i++;
	return 1;
}

static int
keep_text(struct buf *b, char **out, struct err *err)
{
	const char *text = buf_str(b, err);

	if (text == NULL)
		return -1;
	*out = strdup(text);
	return *out == NULL ? err_nomem(err) : 1;
}

/* "word" or "type/subtype" */
static int
take_word(struct cursor *c, char **out, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_MIME_VALUE };
	int rc = take_token(c, true, &b, err);

	if (rc == 1 && at(c, '/')) {
		c->i++;
		if (buf_putc(&b, '/', err) < 0)
			return -1;
		rc = take_token(c, true, &b, err);
	}
	return rc == 1 ? keep_text(&b, out, err) : rc;
}

static int
take_param_value(struct cursor *c, char **out, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_MIME_VALUE };
	int rc = at(c, '"') ? take_quoted(c, &b, err)
			    : take_token(c, false, &b, err);

	return rc == 1 ? keep_text(&b, out, err) : rc;
}

/* name = value, at the cursor, into the next slot of v. */
static int
take_param(struct cursor *c, struct mime_value *v, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_MIME_VALUE };
	int rc = take_token(c, true, &b, err);

	if (rc != 1)
		return rc;
	const char *name = buf_str(&b, err);
	if (name == NULL)
		return -1;
	if (v->param_count == LIMIT_MIME_PARAMETERS ||
	    mime_value_param(v, name) != NULL || !skip_blanks(c) || !at(c, '='))
		return 0;
	c->i++;
	if (!skip_blanks(c))
		return 0;
	if (strchr(name, '*') != NULL)
		v->exact = false;

	struct mime_param *p = &v->params[v->param_count++];
	rc = keep_text(&b, &p->name, err);
	return rc == 1 ? take_param_value(c, &p->value, err) : rc;
}

static int
take_params(struct cursor *c, struct mime_value *v, struct err *err)
{
	for (;;) {
		if (!skip_blanks(c))
			return 0;
		if (c->i == c->n)
			return 1;
		if (!at(c, ';'))
			return 0;
		c->i++;
		if (!skip_blanks(c))
			return 0;
		if (c->i == c->n)
			return 1;
		int rc = take_param(c, v, err);
		if (rc != 1)
			return rc;
	}
}

int
mime_value_parse(
    const void *raw, size_t n, struct mime_value **out, struct err *err)
{
	struct cursor c = { .s = raw, .n = n };

	if (n > LIMIT_MIME_VALUE)
		return 0;
	cleanup(mime_value_free) struct mime_value *v = calloc(1, sizeof *v);
	if (v == NULL)
		return err_nomem(err);
	v->params = calloc(LIMIT_MIME_PARAMETERS, sizeof *v->params);
	if (v->params == NULL)
		return err_nomem(err);
	v->exact = true;
	if (!skip_blanks(&c))
		return 0;
	int rc = take_word(&c, &v->word, err);
	if (rc == 1)
		rc = take_params(&c, v, err);
	if (rc != 1)
		return rc;
	v->exact = v->exact && !c.comment;
	*out = steal(&v);
	return 1;
}

void
mime_value_free(struct mime_value **vp)
{
	struct mime_value *v = steal(vp);

	if (v == NULL)
		return;
	for (size_t i = 0; i < v->param_count; i++) {
		free(v->params[i].name);
		free(v->params[i].value);
	}
	free(v->params);
	free(v->word);
	free(v);
}

const char *
mime_value_param(const struct mime_value *v, const char *name)
{
	for (size_t i = 0; i < v->param_count; i++)
		if (strcmp(v->params[i].name, name) == 0)
			return v->params[i].value;
	return NULL;
}
