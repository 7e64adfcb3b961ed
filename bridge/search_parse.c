/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A SEARCH program as a tree. */

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/search_text.h"
#include "search_node.h"

/* Escapes make it longer; what is sent has the limit. */
enum { TEXT_MAX = 4 * LIMIT_SEARCH_PROGRAM };

struct parser {
	struct search *s;
	const uint8_t *text;
	size_t n, at;
	size_t keys, depth;
	char word[64]; /* the atom that was read last, in upper case */
};

static int
broken(struct err *err, const char *why)
{
	return err_set(err, ERR_PROTO, "SEARCH: %s", why);
}

static void
free_nodes(struct node *first)
{
	while (first != NULL) {
		struct node *next = first->next;

		free_nodes(first->children); /* LIMIT_SEARCH_DEPTH */
		buf_reset(&first->text);
		free(first->field);
		buf_reset(&first->key);
		free(first->found.list);
		free(first);
		first = next;
	}
}

void
search_free(struct search **sp)
{
	struct search *s = steal(sp);

	if (s == NULL)
		return;
	buf_reset(&s->ret);
	buf_reset(&s->charset_text);
	free(s->charset);
	free_nodes(s->root);
	free(s->plain.list);
	free(s->sealed.list);
	free(s);
}

static bool
at(const struct parser *p, char c)
{
	return p->at < p->n && p->text[p->at] == (uint8_t)c;
}

static int
skip_blank(struct parser *p, struct err *err)
{
	if (!at(p, ' '))
		return broken(err, "an argument is missing");
	p->at++;
	return 0;
}

static bool
is_atom_octet(uint8_t c)
{
	return c > ' ' && c != 0x7f && strchr("(){\"", c) == NULL;
}

static int
take_atom(struct parser *p, struct buf *out, struct err *err)
{
	size_t start = p->at;

	while (p->at < p->n && is_atom_octet(p->text[p->at]))
		p->at++;
	if (p->at == start)
		return broken(err, "a word is missing");
	return buf_put(out, p->text + start, p->at - start, err);
}

/* An atom to be looked up; one that is too long is none that is known. */
static int
take_word(struct parser *p, struct err *err)
{
	cleanup(buf_reset) struct buf word = { .limit = LIMIT_SEARCH_PROGRAM };

	if (take_atom(p, &word, err) < 0)
		return -1;
	if (word.len >= sizeof p->word)
		return broken(err, "unknown key");
	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i];

		p->word[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	p->word[word.len] = '\0';
	return 0;
}

static int
take_quoted(struct parser *p, struct buf *out, struct err *err)
{
	for (p->at++; p->at < p->n && !at(p, '"'); p->at++) {
		if (at(p, '\\') && ++p->at == p->n)
			break;
		uint8_t c = p->text[p->at];
		if (c == '\r' || c == '\n' || c == '\0')
			return broken(err, "line end in a quoted string");
		if (buf_putc(out, c, err) < 0)
			return -1;
	}
	if (p->at >= p->n)
		return broken(err, "a quoted string does not end");
	p->at++;
	return 0;
}

/* At "{" */
static int
take_literal(struct parser *p, struct buf *out, struct err *err)
{
	size_t len = 0;

	for (p->at++; p->at < p->n && p->text[p->at] >= '0' &&
		      p->text[p->at] <= '9' && len <= LIMIT_SEARCH_PROGRAM;
	     p->at++)
		len = len * 10 + (size_t)(p->text[p->at] - '0');
	if (at(p, '+') || at(p, '-'))
		p->at++;
	if (p->n - p->at < 3 || memcmp(p->text + p->at, "}\r\n", 3) != 0)
		return broken(err, "malformed literal");
	p->at += 3;
	if (len > p->n - p->at)
		return broken(err, "a literal is cut off");
	if (len > 0 && memchr(p->text + p->at, '\0', len) != NULL)
		return broken(err, "a literal with a NUL");
	p->at += len;
	return buf_put(out, p->text + p->at - len, len, err);
}

/* astring, more leniently */
static int
take_string(struct parser *p, struct buf *out, struct err *err)
{
	int rc;

	buf_clear(out);
	if (at(p, '"'))
		rc = take_quoted(p, out, err);
	else if (at(p, '{'))
		rc = take_literal(p, out, err);
	else
		rc = take_atom(p, out, err);
	if (rc < 0 && err != NULL && err->kind == ERR_PERM)
		return broken(err, "too long"); /* ERR_PERM is the charset's */
	return rc;
}

static bool
is_quotable(const struct buf *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->data[i] < ' ' || s->data[i] >= 0x7f)
			return false;
	return true;
}

/* A set, a date or a flag is no string: it stays an atom. */
static bool
is_plain_atom(const struct buf *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (!is_atom_octet(s->data[i]) || s->data[i] >= 0x7f ||
		    (s->data[i] == '\\' && i > 0))
			return false;
	return s->len > 0;
}

static int
put_quoted(struct buf *out, const struct buf *s, struct err *err)
{
	if (buf_putc(out, '"', err) < 0)
		return -1;
	for (size_t i = 0; i < s->len; i++) {
		uint8_t c = s->data[i];

		if ((c == '"' || c == '\\') && buf_putc(out, '\\', err) < 0)
			return -1;
		if (buf_putc(out, c, err) < 0)
			return -1;
	}
	return buf_putc(out, '"', err);
}

/* As it can be sent: an atom where it was one, quoted, or a literal. */
static int
put_string(struct buf *c, const struct buf *s, bool atom, struct err *err)
{
	if (atom && is_plain_atom(s))
		return buf_put(c, s->data, s->len, err);
	if (is_quotable(s))
		return put_quoted(c, s, err);
	if (buf_putf(c, err, "{%zu}\r\n", s->len) < 0)
		return -1;
	return buf_put(c, s->data, s->len, err);
}

/* " argument", which goes into the node's text as well. */
static int
take_argument(
    struct parser *p, struct node *n, struct buf *value, struct err *err)
{
	if (skip_blank(p, err) < 0)
		return -1;
	bool atom = !at(p, '"') && !at(p, '{');

	if (take_string(p, value, err) < 0 || buf_putc(&n->text, ' ', err) < 0)
		return -1;
	return put_string(&n->text, value, atom, err);
}

/* The key's text in UTF-8, folded. */
static int
fold_key(
    struct parser *p, const struct buf *value, struct node *n, struct err *err)
{
	cleanup(
	    buf_reset) struct buf utf8 = { .limit = 8 * LIMIT_SEARCH_PROGRAM };
	int rc =
	    search_to_utf8(p->s->charset, value->data, value->len, &utf8, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_PERM, "SEARCH: unknown charset");
	if (rc == 2)
		return broken(err, "a string is not in its charset");
	n->key.limit = SIZE_MAX / 2;
	return search_fold(utf8.data, utf8.len, &n->key, err);
}

static int
take_text_key(struct parser *p, struct node *n, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_SEARCH_PROGRAM };

	n->kind = NODE_BLIND;
	if (take_argument(p, n, &value, err) < 0)
		return -1;
	return fold_key(p, &value, n, err);
}

static int
take_body(struct parser *p, struct node *n, struct err *err)
{
	n->blind = BLIND_BODY;
	return take_text_key(p, n, err);
}

static int
take_text(struct parser *p, struct node *n, struct err *err)
{
	n->blind = BLIND_TEXT;
	return take_text_key(p, n, err);
}

static int
take_subject(struct parser *p, struct node *n, struct err *err)
{
	n->blind = BLIND_SUBJECT;
	return take_text_key(p, n, err);
}

/* Fields that sealing may take from the outside, and the marker. */
static bool
is_hidden(const char *field)
{
	return strcasecmp(field, "Subject") == 0 ||
	       strcasecmp(field, "Thread-Topic") == 0 ||
	       strcasecmp(field, "MIME-Version") == 0 ||
	       strncasecmp(field, "Content-", 8) == 0 ||
	       strncasecmp(field, "X-Sealpost", 10) == 0;
}

static int
take_header(struct parser *p, struct node *n, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_SEARCH_PROGRAM };
	const char *text;

	if (take_argument(p, n, &name, err) < 0 ||
	    (text = buf_str(&name, err)) == NULL)
		return -1;
	n->field = strdup(text);
	if (n->field == NULL)
		return err_nomem(err);
	n->blind = BLIND_HEADER;
	if (take_text_key(p, n, err) < 0)
		return -1;
	if (!is_hidden(n->field))
		n->kind = NODE_SERVER;
	return 0;
}

static int
take_size(struct parser *p, struct node *n, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_SEARCH_PROGRAM };

	n->kind = NODE_BLIND;
	if (take_argument(p, n, &value, err) < 0)
		return -1;
	if (value.len == 0)
		return broken(err, "a size is missing");
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.data[i];

		if (c < '0' || c > '9' ||
		    __builtin_mul_overflow(n->size, 10, &n->size) ||
		    __builtin_add_overflow(n->size, c - '0', &n->size))
			return broken(err, "malformed size");
	}
	return 0;
}

static int
take_larger(struct parser *p, struct node *n, struct err *err)
{
	n->blind = BLIND_LARGER;
	return take_size(p, n, err);
}

static int
take_smaller(struct parser *p, struct node *n, struct err *err)
{
	n->blind = BLIND_SMALLER;
	return take_size(p, n, err);
}

/* MODSEQ has a number, or an entry, its kind and a number (RFC 7162). */
static int
take_modseq(struct parser *p, struct node *n, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_SEARCH_PROGRAM };

	n->kind = NODE_SERVER;
	p->s->asks.other = true; /* the answer has a number of the server's */
	if (take_argument(p, n, &value, err) < 0)
		return -1;
	if (value.len > 0 && value.data[0] >= '0' && value.data[0] <= '9')
		return 0;
	if (take_argument(p, n, &value, err) < 0)
		return -1;
	return take_argument(p, n, &value, err);
}

static int
take_none(struct parser *p, struct node *n, struct err *err)
{
	(void)p;
	(void)err;
	n->kind = NODE_SERVER;
	return 0;
}

static int
take_one(struct parser *p, struct node *n, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_SEARCH_PROGRAM };

	n->kind = NODE_SERVER;
	return take_argument(p, n, &value, err);
}

static int take_key(struct parser *p, struct node **out, struct err *err);

static int
take_not(struct parser *p, struct node *n, struct err *err)
{
	n->kind = NODE_NOT;
	if (skip_blank(p, err) < 0)
		return -1;
	return take_key(p, &n->children, err);
}

static int
take_or(struct parser *p, struct node *n, struct err *err)
{
	n->kind = NODE_OR;
	if (skip_blank(p, err) < 0 || take_key(p, &n->children, err) < 0 ||
	    skip_blank(p, err) < 0)
		return -1;
	return take_key(p, &n->children->next, err);
}

/* What is not here is refused: its arguments are not known. */
static const struct {
	const char *name;
	int (*take)(struct parser *p, struct node *n, struct err *err);
} keys[] = {
	{ "$", take_none },
	{ "ALL", take_none },
	{ "ANSWERED", take_none },
	{ "BCC", take_one },
	{ "BEFORE", take_one },
	{ "BODY", take_body },
	{ "CC", take_one },
	{ "DELETED", take_none },
	{ "DRAFT", take_none },
	{ "EMAILID", take_one },
	{ "FLAGGED", take_none },
	{ "FROM", take_one },
	{ "HEADER", take_header },
	{ "KEYWORD", take_one },
	{ "LARGER", take_larger },
	{ "MODSEQ", take_modseq },
	{ "NEW", take_none },
	{ "NOT", take_not },
	{ "OLD", take_none },
	{ "OLDER", take_one },
	{ "ON", take_one },
	{ "OR", take_or },
	{ "RECENT", take_none },
	{ "SAVEDATESUPPORTED", take_none },
	{ "SAVEDBEFORE", take_one },
	{ "SAVEDON", take_one },
	{ "SAVEDSINCE", take_one },
	{ "SEEN", take_none },
	{ "SENTBEFORE", take_one },
	{ "SENTON", take_one },
	{ "SENTSINCE", take_one },
	{ "SINCE", take_one },
	{ "SMALLER", take_smaller },
	{ "SUBJECT", take_subject },
	{ "TEXT", take_text },
	{ "THREADID", take_one },
	{ "TO", take_one },
	{ "UID", take_one },
	{ "UNANSWERED", take_none },
	{ "UNDELETED", take_none },
	{ "UNDRAFT", take_none },
	{ "UNFLAGGED", take_none },
	{ "UNKEYWORD", take_one },
	{ "UNSEEN", take_none },
	{ "YOUNGER", take_one },
};

static int
take_named(struct parser *p, struct node *n, struct err *err)
{
	if (take_word(p, err) < 0 || buf_puts(&n->text, p->word, err) < 0)
		return -1;
	if (p->word[0] == '*' || (p->word[0] >= '0' && p->word[0] <= '9')) {
		n->kind = NODE_SERVER; /* sequence numbers */
		return 0;
	}
	for (size_t i = 0; i < countof(keys); i++)
		if (strcmp(p->word, keys[i].name) == 0)
			return keys[i].take(p, n, err);
	return broken(err, "unknown key");
}

/* Keys up to the end or the parenthesis that closes the list. */
static int
take_list(struct parser *p, struct node *n, struct err *err)
{
	struct node **end = &n->children;

	n->kind = NODE_AND;
	for (;;) {
		if (take_key(p, end, err) < 0)
			return -1;
		end = &(*end)->next;
		if (!at(p, ' '))
			return 0;
		p->at++;
	}
}

static int
take_parenthesized(struct parser *p, struct node *n, struct err *err)
{
	p->at++;
	if (take_list(p, n, err) < 0)
		return -1;
	if (!at(p, ')'))
		return broken(err, "a parenthesis is missing");
	p->at++;
	return 0;
}

/* *out owns the node even when it fails. */
static int
take_key(struct parser *p, struct node **out, struct err *err)
{
	if (++p->keys > LIMIT_SEARCH_KEYS || p->depth == LIMIT_SEARCH_DEPTH)
		return broken(err, "too many keys, or too deep");
	struct node *n = *out = calloc(1, sizeof *n);
	if (n == NULL)
		return err_nomem(err);
	n->text.limit = TEXT_MAX;
	p->depth++;
	int rc =
	    at(p, '(') ? take_parenthesized(p, n, err) : take_named(p, n, err);
	p->depth--;
	if (rc == 0 && node_needs(n) > p->s->needs)
		p->s->needs = node_needs(n);
	return rc;
}

/* Is the next word that one? Then the cursor is behind it. */
static bool
skip_word(struct parser *p, const char *word)
{
	size_t len = strlen(word);

	if (p->n - p->at < len ||
	    strncasecmp((const char *)p->text + p->at, word, len) != 0)
		return false;
	if (p->n - p->at > len && is_atom_octet(p->text[p->at + len]))
		return false;
	p->at += len;
	return true;
}

/* 0, or -1: the server would go on to search by itself (RFC 5267) */
static int
take_return_option(struct parser *p, struct err *err)
{
	struct search_return *asks = &p->s->asks;

	if (strcmp(p->word, "UPDATE") == 0 || strcmp(p->word, "CONTEXT") == 0)
		return broken(err, "unknown option of RETURN");
	if (strcmp(p->word, "MIN") == 0)
		asks->min = true;
	else if (strcmp(p->word, "MAX") == 0)
		asks->max = true;
	else if (strcmp(p->word, "ALL") == 0)
		asks->all = true;
	else if (strcmp(p->word, "COUNT") == 0)
		asks->count = true;
	else if (strcmp(p->word, "SAVE") == 0)
		asks->save = true;
	else
		asks->other = true;
	return 0;
}

/* A list of words (RFC 4466, 2.6.1), at "(" */
static int
take_return_options(struct parser *p, struct err *err)
{
	struct buf *ret = &p->s->ret;
	struct search_return *asks = &p->s->asks;
	size_t start = p->at++;

	while (!at(p, ')')) {
		if (take_word(p, err) < 0 || take_return_option(p, err) < 0)
			return -1;
		if (at(p, ' '))
			p->at++;
		else if (!at(p, ')'))
			return broken(err, "malformed RETURN");
	}
	p->at++;
	asks->there = true;
	if (!asks->min && !asks->max && !asks->count && !asks->save)
		asks->all = true;
	if (buf_puts(ret, "RETURN ", err) < 0 ||
	    buf_put(ret, p->text + start, p->at - start, err) < 0 ||
	    buf_putc(ret, ' ', err) < 0)
		return -1;
	return skip_blank(p, err);
}

static int
take_charset(struct parser *p, struct err *err)
{
	cleanup(buf_reset) struct buf name = { .limit = LIMIT_SEARCH_PROGRAM };
	struct buf *to = &p->s->charset_text;

	if (skip_blank(p, err) < 0 || take_string(p, &name, err) < 0)
		return -1;
	const char *text = buf_str(&name, err);
	if (text == NULL || buf_puts(to, "CHARSET ", err) < 0 ||
	    put_string(to, &name, true, err) < 0 || buf_putc(to, ' ', err) < 0)
		return -1;
	free(p->s->charset);
	p->s->charset = strdup(text);
	return p->s->charset == NULL ? err_nomem(err) : skip_blank(p, err);
}

static int
take_head(struct parser *p, struct err *err)
{
	if (skip_word(p, "RETURN") &&
	    (skip_blank(p, err) < 0 ||
		(at(p, '(') ? take_return_options(p, err)
			    : broken(err, "malformed RETURN")) < 0))
		return -1;
	return skip_word(p, "CHARSET") ? take_charset(p, err) : 0;
}

/* Also when no key has a string. */
static int
check_charset(const struct search *s, struct err *err)
{
	cleanup(buf_reset) struct buf none = { .limit = 16 };
	int rc = search_to_utf8(s->charset, "", 0, &none, err);

	return rc == 0 ? err_set(err, ERR_PERM, "SEARCH: unknown charset") : rc;
}

int
search_parse(const void *text, size_t n, struct search **out, struct err *err)
{
	cleanup(search_free) struct search *s = calloc(1, sizeof *s);
	struct parser p = { .s = s, .text = text, .n = n };

	if (s == NULL)
		return err_nomem(err);
	if (n > LIMIT_SEARCH_PROGRAM)
		return broken(err, "too long");
	s->ret.limit = s->charset_text.limit = TEXT_MAX;
	s->charset = strdup("UTF-8");
	s->root = calloc(1, sizeof *s->root);
	if (s->charset == NULL || s->root == NULL)
		return err_nomem(err);
	if (take_head(&p, err) < 0 || check_charset(s, err) < 0 ||
	    take_list(&p, s->root, err) < 0)
		return -1;
	if (p.at != n)
		return broken(err, "text after the end");
	*out = steal(&s);
	return 0;
}
