/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/search_text.h"

#include <string.h>
#include <strings.h>

#include "mail/field.h"
#include "mail/rfc822.h"
#include "mail/search_decode.h"
#include "mail/structure.h"

enum { PIECE = 8192, WINDOW_MAX = 64 << 10 };

/* Text as it comes; a key may lie across its pieces. */
struct finder {
	const struct buf *key;
	struct buf window;
	size_t seen; /* octets at its start that need not be looked at again */
};

static void
finder_reset(struct finder *f)
{
	buf_reset(&f->window);
}

/* A key does not lie across parts. */
static void
finder_restart(struct finder *f)
{
	buf_clear(&f->window);
	f->seen = 0;
}

/* After more was put into the window. */
static bool
finder_found(struct finder *f)
{
	struct buf *w = &f->window;
	size_t keep = f->key->len - 1;

	if (w->len > f->seen && memmem(w->data + f->seen, w->len - f->seen,
				    f->key->data, f->key->len) != NULL)
		return true;
	f->seen = w->len > keep ? w->len - keep : 0;
	if (w->len < WINDOW_MAX + keep)
		return false;
	memmove(w->data, w->data + f->seen, w->len - f->seen);
	w->len -= f->seen;
	f->seen = 0;
	return false;
}

static void
squeeze(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++) {
		uint8_t c = b->data[i];

		if (c != ' ' && c != '\t')
			b->data[to++] = c;
		else if (to > 0 && b->data[to - 1] != ' ')
			b->data[to++] = ' ';
	}
	b->len = to;
}

/* The value as it is searched: with a line end when it has one. */
static int
put_value(
    const struct field *f, bool squeezed, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = f->len + 1 };

	if (field_value(f, FIELD_ONE_LINE, &value, err) < 0)
		return -1;
	if (squeezed)
		squeeze(&value);
	if (search_fold_words(value.data, value.len, out, err) < 0)
		return -1;
	return line_end_length(f->line, f->len) == 0
		   ? 0
		   : buf_puts(out, "\r\n", err);
}

int
search_header(const void *header, size_t n, const char *name,
    const struct buf *key, bool squeezed, struct err *err)
{
	struct fields all = { header, n, 0 };
	struct field f;

	while (fields_next(&all, &f)) {
		cleanup(buf_reset) struct buf text = { .limit = SIZE_MAX / 2 };

		if (f.end || !field_is(&f, name))
			continue;
		if (key->len == 0)
			return 1;
		if (put_value(&f, squeezed, &text, err) < 0)
			return -1;
		if (text.len > 0 &&
		    memmem(text.data, text.len, key->data, key->len) != NULL)
			return 1;
	}
	return 0;
}

enum encoding { AS_IT_IS, BASE64, QUOTED_PRINTABLE, NOT_KNOWN };

/* What a part's header says of its body. */
struct body {
	bool is_text;
	bool has_type;
	enum encoding encoding;
	char *charset; /* NULL: UTF-8 */
};

static void
body_reset(struct body *b)
{
	free(b->charset);
}

static int
take_charset(struct rfc822 *l, struct body *b, struct err *err)
{
	cleanup(rfc822_params_reset) struct rfc822_params params = { 0 };

	if (rfc822_params(l, &params, err) < 0)
		return -1;
	for (size_t i = 0; i < params.count; i++) {
		if (strcasecmp(params.list[i].name, "charset") != 0)
			continue;
		b->charset = strdup(params.list[i].value);
		return b->charset == NULL ? err_nomem(err) : 0;
	}
	return 0;
}

/* The last one says whether it is text, the first one its charset. */
static int
take_type(struct rfc822 *l, struct buf *word, struct body *b, struct err *err)
{
	int rc = rfc822_content_type(l, word);
	const char *type = l->nomem ? NULL : buf_str(word, err);

	if (type == NULL)
		return err_nomem(err);
	b->is_text = strncasecmp(type, "text/", 5) == 0 ||
		     strncasecmp(type, "message/", 8) == 0;
	if (b->has_type)
		return 0;
	b->has_type = true;
	return rc < 0 ? 0 : take_charset(l, b, err);
}

static int
take_encoding(
    struct rfc822 *l, struct buf *word, struct body *b, struct err *err)
{
	static const struct {
		const char *name;
		enum encoding encoding;
	} names[] = {
		{ "7bit", AS_IT_IS },
		{ "8bit", AS_IT_IS },
		{ "binary", AS_IT_IS },
		{ "base64", BASE64 },
		{ "quoted-printable", QUOTED_PRINTABLE },
	};
	int rc = rfc822_mime_token(l, word);
	const char *text = l->nomem ? NULL : buf_str(word, err);

	if (text == NULL)
		return err_nomem(err);
	b->encoding = NOT_KNOWN;
	if (rc == 1 && !rfc822_at(l, ';'))
		return 0;
	for (size_t i = 0; i < countof(names); i++)
		if (strcasecmp(text, names[i].name) == 0)
			b->encoding = names[i].encoding;
	return 0;
}

static int
take_field(const struct field *f, struct body *b, struct err *err)
{
	bool is_type = field_is(f, "Content-Type");

	if (!is_type && !field_is(f, "Content-Transfer-Encoding"))
		return 0;
	cleanup(buf_reset) struct buf value = { .limit = f->len + 1 };
	cleanup(buf_reset) struct buf word = { .limit = f->len + 1 };

	if (field_value(f, FIELD_ONE_LINE, &value, err) < 0)
		return -1;
	struct rfc822 l = { .s = value.data, .n = value.len };
	(void)rfc822_skip_blanks(&l);
	return is_type ? take_type(&l, &word, b, err)
		       : take_encoding(&l, &word, b, err);
}

/* The line as it is searched: its name is folded, its value decoded. */
static int
find_in_field(const struct field *f, struct finder *finder, struct err *err)
{
	struct buf *out = &finder->window;
	size_t at = f->value_at;

	if (at > 0 && at < f->len &&
	    (f->line[at] == ' ' || f->line[at] == '\t'))
		at++;
	if (search_fold(f->line, f->name_len, out, err) < 0 ||
	    buf_put(out, f->line + f->name_len, at - f->name_len, err) < 0)
		return -1;
	if (f->end ? buf_puts(out, "\r\n", err) < 0
		   : put_value(f, false, out, err) < 0)
		return -1;
	return finder_found(finder);
}

static int
find_in_header(const uint8_t *s, size_t n, struct finder *finder, bool headers,
    struct body *body, struct err *err)
{
	struct fields all = { s, n, 0 };
	struct field f;

	while (fields_next(&all, &f)) {
		if (take_field(&f, body, err) < 0)
			return -1;
		int rc = headers ? find_in_field(&f, finder, err) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The next octets of the body, decoded. */
static int
decode_some(enum encoding encoding, const uint8_t *s, size_t n, size_t *at,
    struct buf *out, struct err *err)
{
	size_t piece = n - *at < PIECE ? n - *at : PIECE;

	switch (encoding) {
	case BASE64:
		return search_decode_base64(s, n, at, out, err);
	case QUOTED_PRINTABLE:
		return search_decode_qp(s, n, at, out, err);
	case AS_IT_IS:
		*at += piece;
		return buf_put(out, s + *at - piece, piece, err);
	case NOT_KNOWN:
		*at = n;
		break;
	}
	return 0;
}

static int
find_in_body(const uint8_t *s, size_t n, struct finder *finder,
    const struct body *body, struct err *err)
{
	cleanup(converter_reset) struct converter c = CONVERTER_NONE;
	cleanup(buf_reset) struct buf piece = { .limit = SIZE_MAX / 2 };

	if (body->charset != NULL && converter_open(&c, body->charset, err) < 0)
		return -1;
	for (size_t at = 0; at < n;) {
		buf_clear(&piece);
		if (decode_some(body->encoding, s, n, &at, &piece, err) < 0 ||
		    converter_put(
			&c, piece.data, piece.len, &finder->window, err) < 0)
			return -1;
		if (finder_found(finder))
			return 1;
	}
	return 0;
}

static int
find_in_part(const uint8_t *message, const struct structure_part *p,
    struct finder *finder, bool headers, struct err *err)
{
	cleanup(body_reset) struct body body = { .is_text = true };

	finder_restart(finder);
	int rc = find_in_header(
	    message + p->header_at, p->header_len, finder, headers, &body, err);

	if (rc != 0 || p->is_multipart || p->is_message || !body.is_text)
		return rc;
	return find_in_body(
	    message + p->body_at, p->body_len, finder, &body, err);
}

/* The part behind p in the order of the message. */
static const struct structure_part *
next_part(const struct structure_part *p)
{
	if (p->children != NULL)
		return p->children;
	while (p != NULL && p->next == NULL)
		p = p->parent;
	return p == NULL ? NULL : p->next;
}

int
search_message(const struct structure *s, const struct buf *key, bool headers,
    struct err *err)
{
	cleanup(finder_reset) struct finder finder = {
		.key = key,
		.window = { .limit = SIZE_MAX / 2 },
	};

	if (key->len == 0)
		return 1;
	for (const struct structure_part *p = structure_root(s); p != NULL;
	     p = next_part(p)) {
		int rc = find_in_part(
		    structure_message(s), p, &finder, headers, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}
