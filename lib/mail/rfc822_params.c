/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Parameters, and the pieces that RFC 2231 cuts long ones into. */

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "mail/rfc822.h"

/* So many attempts to read a parameter, as Debian's Dovecot (CVE-2026-27852).
 */
enum { ATTEMPTS_MAX = 128 };

/* name*<index>* = value; `seq` keeps the order of equal ones. */
struct piece {
	char *name, *value;
	uint32_t index;
	size_t seq;
	bool encoded;
};

struct pieces {
	struct piece *list;
	size_t count, room;
};

static void
pieces_reset(struct pieces *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->list[i].name);
		free(p->list[i].value);
	}
	free(p->list);
	*p = (struct pieces){ 0 };
}

void
rfc822_params_reset(struct rfc822_params *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->list[i].name);
		free(p->list[i].value);
	}
	free(p->list);
	*p = (struct rfc822_params){ 0 };
}

/* Room for one more element; the list, or NULL. */
static void *
grown(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	size_t wanted = *room == 0 ? 8 : *room * 2;
	void *larger = reallocarray(list, wanted, size);

	if (larger != NULL)
		*room = wanted;
	return larger;
}

/* Takes `value` in any case. */
static int
add_param(
    struct rfc822_params *p, const char *name, char *value, struct err *err)
{
	cleanup(free_str) char *owned = value;
	cleanup(free_str) char *copy = strdup(name);
	void *list = grown(p->list, p->count, &p->room, sizeof *p->list);

	if (list != NULL)
		p->list = list;
	if (list == NULL || copy == NULL || owned == NULL)
		return err_nomem(err);
	p->list[p->count++] =
	    (struct rfc822_param){ steal(&copy), steal(&owned) };
	return 0;
}

static int
add_piece(struct pieces *p, const char *name, size_t name_len, uint32_t index,
    bool encoded, const char *value, struct err *err)
{
	cleanup(free_str) char *name_copy = strndup(name, name_len);
	cleanup(free_str) char *value_copy = strdup(value);
	void *list = grown(p->list, p->count, &p->room, sizeof *p->list);

	if (list != NULL)
		p->list = list;
	if (list == NULL || name_copy == NULL || value_copy == NULL)
		return err_nomem(err);
	p->list[p->count] = (struct piece){
		.name = steal(&name_copy),
		.value = steal(&value_copy),
		.index = index,
		.seq = p->count,
		.encoded = encoded,
	};
	p->count++;
	return 0;
}

/*
 * A value that a careless writer began with "=": an encoded word, usually. A
 * NUL ends it as well.
 */
static void
take_bare_value(struct rfc822 *l, struct buf *value)
{
	while (!rfc822_ended(l) && strchr("; \t\r\n", l->s[l->i]) == NULL) {
		rfc822_put(l, value, &l->s[l->i], 1);
		l->i++;
	}
}

/* 1 one parameter, 0 the end, -1 none can be read here */
static int
take_param(struct rfc822 *l, struct buf *name, struct buf *value)
{
	if (rfc822_ended(l))
		return 0;
	if (!rfc822_at(l, ';'))
		return -1;
	l->i++;
	if (rfc822_skip_blanks(l) <= 0 || rfc822_mime_token(l, name) <= 0 ||
	    !rfc822_at(l, '='))
		return -1;
	l->i++;
	int rc = rfc822_skip_blanks(l);

	if (rc > 0 && rfc822_at(l, '"'))
		rc = rfc822_quoted(l, value);
	else if (rc > 0 && rfc822_at(l, '='))
		take_bare_value(l, value);
	else if (rc > 0)
		rc = rfc822_mime_token(l, value);
	return rc < 0 ? -1 : 1;
}

/*
 * Is the name one of RFC 2231? "name*" leaves *index as the last one had it, as
 * Dovecot does.
 */
static bool
split_name(const char *name, size_t *len, uint32_t *index, bool *encoded)
{
	const char *at = strchr(name, '*');

	if (at == NULL)
		return false;
	*len = (size_t)(at - name);
	if (at[1] != '\0') {
		*index = 0;
		for (at++; *at >= '0' && *at <= '9'; at++)
			*index = *index * 10 + (uint32_t)(*at - '0');
	}
	*encoded = *at == '*';
	if (*encoded)
		at++;
	return *at == '\0';
}

static int
gather(struct rfc822 *l, struct rfc822_params *plain, struct pieces *pieces,
    struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = l->n + 1 };
	cleanup(buf_reset) struct buf value = { .limit = 3 * l->n + 1 };
	uint32_t index = 0;

	for (unsigned tried = 0; tried < ATTEMPTS_MAX && !l->nomem; tried++) {
		int rc = take_param(l, &name, &value);
		const char *n = buf_str(&name, err);
		const char *v = buf_str(&value, err);
		size_t len = 0;
		bool encoded = false;

		if (n == NULL || v == NULL)
			return -1;
		if (rc == 0 || (rc < 0 && rfc822_ended(l)))
			break;
		if (rc < 0)
			l->i++;
		else if (split_name(n, &len, &index, &encoded)) {
			if (add_piece(pieces, n, len, index, encoded, v, err) <
			    0)
				return -1;
		} else if (add_param(plain, n, strdup(v), err) < 0)
			return -1;
		buf_clear(&name);
		buf_clear(&value);
	}
	return l->nomem ? err_nomem(err) : 0;
}

static int
compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	int rc = strcmp(x->name, y->name);

	if (rc != 0)
		return rc;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

/* The pieces of one name are not complete: they stay what they are. */
static int
put_apart(const struct piece *p, size_t count, struct rfc822_params *out,
    struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		cleanup(free_str) char *name = NULL;

		if (asprintf(&name, "%s*%" PRIu32 "%s", p[i].name, p[i].index,
			p[i].encoded ? "*" : "") < 0) {
			name = NULL;
			return err_nomem(err);
		}
		if (add_param(out, name, strdup(p[i].value), err) < 0)
			return -1;
	}
	return 0;
}

static int
put_piece(
    const struct piece *p, bool escape, struct buf *value, struct err *err)
{
	for (const char *s = p->value; *s != '\0'; s++) {
		bool percent = escape && *s == '%';

		if (buf_put(value, percent ? "%25" : s, percent ? 3 : 1, err) <
		    0)
			return -1;
	}
	return 0;
}

static int
put_together(const struct piece *p, size_t count, struct rfc822_params *out,
    struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf name = { .limit = SIZE_MAX / 2 };
	bool encoded = false;

	for (size_t i = 0; i < count; i++)
		encoded = encoded || p[i].encoded;
	if (encoded && !p[0].encoded && buf_puts(&value, "''", err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (put_piece(&p[i], encoded && !p[i].encoded, &value, err) < 0)
			return -1;
	if (buf_puts(&name, p[0].name, err) < 0 ||
	    (encoded && buf_putc(&name, '*', err) < 0))
		return -1;
	const char *n = buf_str(&name, err);
	const char *v = buf_str(&value, err);
	if (n == NULL || v == NULL)
		return -1;
	return add_param(out, n, strdup(v), err);
}

static int
merge(const struct pieces *pieces, struct rfc822_params *out, struct err *err)
{
	for (size_t at = 0, count; at < pieces->count; at += count) {
		const struct piece *p = &pieces->list[at];
		bool complete = true;

		for (count = 0; at + count < pieces->count &&
				strcasecmp(p->name, p[count].name) == 0;
		     count++)
			complete = complete && p[count].index == count;
		if (complete ? put_together(p, count, out, err) < 0
			     : put_apart(p, count, out, err) < 0)
			return -1;
	}
	return 0;
}

int
rfc822_params(struct rfc822 *l, struct rfc822_params *out, struct err *err)
{
	cleanup(pieces_reset) struct pieces pieces = { 0 };

	if (gather(l, out, &pieces, err) < 0)
		return -1;
	if (pieces.count > 1)
		qsort(pieces.list, pieces.count, sizeof *pieces.list,
		    compare_pieces);
	return merge(&pieces, out, err);
}
