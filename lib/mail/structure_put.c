/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* BODY and BODYSTRUCTURE (RFC 3501, 7.4.2) as Dovecot writes them. */

#include <string.h>
#include <strings.h>

#include "mail/field.h"
#include "mail/imap_string.h"
#include "mail/rfc822.h"
#include "mail/structure_node.h"

#define NO_PARTS                                          \
	"(\"text\" \"plain\" (\"charset\" \"us-ascii\") " \
	"NIL NIL \"7bit\" 0 0"

/* What the Content-* fields of a part say; NULL is not said. */
struct content {
	char *type, *subtype;
	struct rfc822_params params;
	char *id, *description, *encoding, *md5, *location;
	char *disposition;
	struct rfc822_params disposition_params;
	struct buf languages; /* written, without the () */
};

static void
content_reset(struct content *c)
{
	free(c->type);
	free(c->subtype);
	rfc822_params_reset(&c->params);
	free(c->id);
	free(c->description);
	free(c->encoding);
	free(c->md5);
	free(c->location);
	free(c->disposition);
	rfc822_params_reset(&c->disposition_params);
	buf_reset(&c->languages);
	*c = (struct content){ 0 };
}

static int
keep(struct rfc822 *l, struct buf *text, char **to, struct err *err)
{
	const char *s = l->nomem ? NULL : buf_str(text, err);

	free(*to);
	*to = s == NULL ? NULL : strdup(s);
	return *to == NULL ? err_nomem(err) : 0;
}

static int
take_type(
    struct content *c, struct rfc822 *l, struct buf *text, struct err *err)
{
	int rc = rfc822_content_type(l, text);

	if (keep(l, text, &c->type, err) < 0)
		return -1;
	char *slash = strchr(c->type, '/');
	c->subtype = strdup(slash == NULL ? "" : slash + 1);
	if (c->subtype == NULL)
		return err_nomem(err);
	if (slash != NULL)
		*slash = '\0';
	return rc < 0 ? 0 : rfc822_params(l, &c->params, err);
}

static int
take_encoding(
    struct content *c, struct rfc822 *l, struct buf *text, struct err *err)
{
	if (rfc822_mime_token(l, text) < 0 || rfc822_skip_blanks(l) != 0 ||
	    text->len == 0)
		return l->nomem ? err_nomem(err) : 0;
	return keep(l, text, &c->encoding, err);
}

static int
take_disposition(
    struct content *c, struct rfc822 *l, struct buf *text, struct err *err)
{
	if (rfc822_mime_token(l, text) < 0)
		return l->nomem ? err_nomem(err) : 0;
	if (keep(l, text, &c->disposition, err) < 0)
		return -1;
	return rfc822_params(l, &c->disposition_params, err);
}

static int
take_languages(
    struct content *c, struct rfc822 *l, struct buf *text, struct err *err)
{
	c->languages.limit = SIZE_MAX / 2;
	while (rfc822_atom(l, text) >= 0) {
		const char *s = l->nomem ? NULL : buf_str(text, err);

		if (s == NULL)
			return err_nomem(err);
		if ((c->languages.len > 0 &&
			buf_putc(&c->languages, ' ', err) < 0) ||
		    imap_put_nstring(&c->languages, s, err) < 0)
			return -1;
		buf_clear(text);
		if (!rfc822_at(l, ','))
			break;
		l->i++;
		(void)rfc822_skip_blanks(l);
	}
	return l->nomem ? err_nomem(err) : 0;
}

/* A field that is text: all of the value, a NUL is shown. */
static int
take_text(const struct buf *value, char **to, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = 3 * value->len + 1 };

	for (size_t i = 0; i < value->len; i++) {
		bool nul = value->data[i] == '\0';

		if (nul ? buf_put(&text, UTF8_REPLACEMENT, 3, err) < 0
			: buf_putc(&text, value->data[i], err) < 0)
			return -1;
	}
	const char *s = buf_str(&text, err);
	*to = s == NULL ? NULL : strdup(s);
	return *to == NULL ? err_nomem(err) : 0;
}

/* Where a text field goes. */
static char **
text_slot(struct content *c, const struct field *f)
{
	if (field_is(f, "Content-ID"))
		return &c->id;
	if (field_is(f, "Content-MD5"))
		return &c->md5;
	if (field_is(f, "Content-Location"))
		return &c->location;
	if (field_is(f, "Content-Description"))
		return &c->description;
	return NULL;
}

typedef int taker(
    struct content *c, struct rfc822 *l, struct buf *text, struct err *err);

/* The reader of a field; NULL when it is of no use or was there already. */
static taker *
taker_of(const struct content *c, const struct field *f)
{
	if (field_is(f, "Content-Type") && c->type == NULL)
		return take_type;
	if (field_is(f, "Content-Transfer-Encoding") && c->encoding == NULL)
		return take_encoding;
	if (field_is(f, "Content-Disposition") &&
	    c->disposition_params.list == NULL)
		return take_disposition;
	if (field_is(f, "Content-Language") && c->languages.len == 0)
		return take_languages;
	return NULL;
}

static int
take_field(struct content *c, const struct field *f, struct err *err)
{
	char **slot = text_slot(c, f);
	taker *take = taker_of(c, f);

	if (take == NULL && (slot == NULL || *slot != NULL))
		return 0;
	cleanup(buf_reset) struct buf value = { .limit = f->len + 1 };
	cleanup(buf_reset) struct buf text = { .limit = f->len + 1 };

	if (field_value(f, FIELD_FOLDED, &value, err) < 0)
		return -1;
	if (slot != NULL)
		return take_text(&value, slot, err);
	struct rfc822 l = { .s = value.data, .n = value.len };
	(void)rfc822_skip_blanks(&l);
	return take(c, &l, &text, err);
}

/* Without MIME-Version and Content-Type nothing of it counts. */
static int
read_content(const struct structure *s, const struct structure_part *p,
    struct content *c, struct err *err)
{
	struct fields all = { s->message + p->header_at, p->header_len, 0 };
	struct field f;

	if (!structure_node(p)->is_mime)
		return 0;
	while (fields_next(&all, &f))
		if (take_field(c, &f, err) < 0)
			return -1;
	return 0;
}

static int
put_params(const struct rfc822_params *p, bool with_charset, struct buf *out,
    struct err *err)
{
	if (p->count == 0 && !with_charset)
		return buf_puts(out, "NIL", err);
	if (buf_putc(out, '(', err) < 0)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		if (strcasecmp(p->list[i].name, "charset") == 0)
			with_charset = false;
		if ((i > 0 && buf_putc(out, ' ', err) < 0) ||
		    imap_put_nstring(out, p->list[i].name, err) < 0 ||
		    buf_putc(out, ' ', err) < 0 ||
		    imap_put_nstring(out, p->list[i].value, err) < 0)
			return -1;
	}
	if (with_charset &&
	    ((p->count > 0 && buf_putc(out, ' ', err) < 0) ||
		buf_puts(out, "\"charset\" \"us-ascii\"", err) < 0))
		return -1;
	return buf_putc(out, ')', err);
}

static int
put_disposition(const struct content *c, struct buf *out, struct err *err)
{
	if (c->disposition == NULL)
		return buf_puts(out, " NIL", err);
	if (buf_puts(out, " (", err) < 0 ||
	    imap_put_nstring(out, c->disposition, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 ||
	    put_params(&c->disposition_params, false, out, err) < 0)
		return -1;
	return buf_putc(out, ')', err);
}

/* The end of every extended form: disposition, language, location. */
static int
put_extension(const struct content *c, struct buf *out, struct err *err)
{
	if (put_disposition(c, out, err) < 0 || buf_putc(out, ' ', err) < 0)
		return -1;
	if (c->languages.len == 0) {
		if (buf_puts(out, "NIL", err) < 0)
			return -1;
	} else if (buf_putc(out, '(', err) < 0 ||
		   buf_put(out, c->languages.data, c->languages.len, err) < 0 ||
		   buf_putc(out, ')', err) < 0) {
		return -1;
	}
	if (buf_putc(out, ' ', err) < 0)
		return -1;
	return imap_put_nstring_unfolded(out, c->location, err);
}

/* It would be a message or a multipart, had there been room for its parts. */
static bool
is_cut_off(const struct structure_part *p, const struct content *c)
{
	if (c->type == NULL)
		return p->parent != NULL &&
		       structure_node(p->parent)->is_digest;
	return (strcasecmp(c->type, "message") == 0 &&
		   strcasecmp(c->subtype, "rfc822") == 0) ||
	       strcasecmp(c->type, "multipart") == 0;
}

static int
put_type(const struct structure_part *p, const struct content *c, bool *text,
    struct buf *out, struct err *err)
{
	*text = false;
	if (p->is_message)
		return buf_puts(out, "\"message\" \"rfc822\"", err);
	if (is_cut_off(p, c))
		return buf_puts(out, "\"application\" \"octet-stream\"", err);
	*text = c->type == NULL || strcasecmp(c->type, "text") == 0;
	if (c->type == NULL)
		return buf_puts(out, "\"text\" \"plain\"", err);
	if (imap_put_nstring(out, c->type, err) < 0 ||
	    buf_putc(out, ' ', err) < 0)
		return -1;
	return imap_put_nstring(out, c->subtype, err);
}

static int put_part(const struct structure *s, const struct structure_part *p,
    bool extended, struct buf *out, struct err *err);

/* Of message/rfc822: the envelope and the structure of what is in it. */
static int
put_message(const struct structure *s, const struct structure_part *p,
    bool extended, struct buf *out, struct err *err)
{
	const struct structure_part *in = p->children;

	if (buf_putc(out, ' ', err) < 0 ||
	    envelope_put(s->message + in->header_at, in->header_len, out, err) <
		0 ||
	    buf_putc(out, ' ', err) < 0)
		return -1;
	return put_part(s, in, extended, out, err);
}

static int
put_common(const struct content *c, struct buf *out, struct err *err)
{
	if (imap_put_nstring_unfolded(out, c->id, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring_unfolded(out, c->description, err) < 0 ||
	    buf_putc(out, ' ', err) < 0)
		return -1;
	return imap_put_nstring(
	    out, c->encoding == NULL ? "7bit" : c->encoding, err);
}

static int
put_leaf(const struct structure *s, const struct structure_part *p,
    const struct content *c, bool extended, struct buf *out, struct err *err)
{
	bool text;

	if (put_type(p, c, &text, out, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 ||
	    put_params(&c->params, text, out, err) < 0 ||
	    buf_putc(out, ' ', err) < 0 || put_common(c, out, err) < 0 ||
	    buf_putf(out, err, " %zu", p->body_len) < 0)
		return -1;
	if (p->is_message && put_message(s, p, extended, out, err) < 0)
		return -1;
	if ((text || p->is_message) &&
	    buf_putf(out, err, " %zu", p->body_lines) < 0)
		return -1;
	if (!extended)
		return 0;
	if (buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring_unfolded(out, c->md5, err) < 0)
		return -1;
	return put_extension(c, out, err);
}

static int
put_multipart(const struct structure *s, const struct structure_part *p,
    const struct content *c, bool extended, struct buf *out, struct err *err)
{
	for (const struct structure_part *in = p->children; in != NULL;
	     in = in->next)
		if (put_part(s, in, extended, out, err) < 0)
			return -1;
	if (p->children == NULL &&
	    buf_puts(out,
		extended ? NO_PARTS " NIL NIL NIL NIL)" : NO_PARTS ")",
		err) < 0)
		return -1;
	if (buf_putc(out, ' ', err) < 0 ||
	    imap_put_nstring(out, c->subtype, err) < 0)
		return -1;
	if (!extended)
		return 0;
	if (buf_putc(out, ' ', err) < 0 ||
	    put_params(&c->params, false, out, err) < 0)
		return -1;
	return put_extension(c, out, err);
}

/* No deeper than LIMIT_MIME_DEPTH. */
static int
put_part(const struct structure *s, const struct structure_part *p,
    bool extended, struct buf *out, struct err *err)
{
	cleanup(content_reset) struct content c = { 0 };

	if (read_content(s, p, &c, err) < 0 || buf_putc(out, '(', err) < 0)
		return -1;
	if (p->is_multipart ? put_multipart(s, p, &c, extended, out, err) < 0
			    : put_leaf(s, p, &c, extended, out, err) < 0)
		return -1;
	return buf_putc(out, ')', err);
}

/* Nothing is said of it but what holds when nothing is said. */
static bool
says_nothing(const struct content *c)
{
	const struct rfc822_param *p = c->params.list;

	if (c->params.count > 1 ||
	    (c->params.count == 1 &&
		(strcasecmp(p->name, "charset") != 0 ||
		    strcasecmp(p->value, "us-ascii") != 0)))
		return false;
	if (c->encoding != NULL && strcasecmp(c->encoding, "7bit") != 0)
		return false;
	return c->id == NULL && c->description == NULL && c->md5 == NULL &&
	       c->disposition == NULL && c->languages.len == 0 &&
	       c->location == NULL;
}

/* Of such a message Dovecot keeps that it is one, and not how it was said. */
static int
put_root(
    const struct structure *s, bool extended, struct buf *out, struct err *err)
{
	cleanup(content_reset) struct content c = { 0 };
	const struct structure_part *root = structure_root(s);

	if (read_content(s, root, &c, err) < 0)
		return -1;
	if (!structure_node(root)->is_text || !says_nothing(&c) ||
	    (c.subtype != NULL && strcasecmp(c.subtype, "plain") != 0))
		return put_part(s, root, extended, out, err);
	return buf_putf(out, err,
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
	    "%zu %zu%s)",
	    root->body_len, root->body_lines,
	    extended ? " NIL NIL NIL NIL" : "");
}

int
structure_put_bodystructure(
    const struct structure *s, struct buf *out, struct err *err)
{
	return put_root(s, true, out, err);
}

int
structure_put_body(const struct structure *s, struct buf *out, struct err *err)
{
	return put_root(s, false, out, err);
}
