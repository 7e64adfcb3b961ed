/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The marker field: written, found and read. */

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "mail/sealed.h"

#define MORE SEALED_MARKER "-More"

enum {
	LINE_OCTETS = 54,                 /* 72 characters of base64 a line */
	FIELD_OCTETS = 600 * LINE_OCTETS, /* a field of 45,000 octets */
};

static int
put_lines(struct buf *raw, const uint8_t *p, size_t n, struct err *err)
{
	while (n > 0) {
		char line[LINE_OCTETS / 3 * 4];
		size_t piece = n < LINE_OCTETS ? n : LINE_OCTETS;

		if (buf_puts(raw, "\r\n ", err) < 0 ||
		    buf_put(raw, line, base64_encode(p, piece, line), err) < 0)
			return -1;
		p += piece;
		n -= piece;
	}
	return buf_puts(raw, "\r\n", err);
}

static int
put_begin(struct buf *raw, uint64_t body_octets, size_t more, struct err *err)
{
	if (buf_putf(raw, err, SEALED_MARKER ": v=1; at-rest; body=%llu;",
		(unsigned long long)body_octets) < 0)
		return -1;
	if (more > 0 && buf_putf(raw, err, " more=%zu;", more) < 0)
		return -1;
	return buf_puts(raw, " head=", err);
}

int
sealed_put_marker(uint64_t body_octets, const void *head, size_t head_len,
    struct header *out, struct err *err)
{
	cleanup(buf_reset) struct buf raw = { .limit = LIMIT_HEADER };
	const uint8_t *p = head;
	size_t more = head_len == 0 ? 0 : (head_len - 1) / FIELD_OCTETS;

	if (put_begin(&raw, body_octets, more, err) < 0)
		return -1;
	for (;;) {
		size_t n = head_len < FIELD_OCTETS ? head_len : FIELD_OCTETS;

		if (put_lines(&raw, p, n, err) < 0 ||
		    header_add_raw(out, raw.data, raw.len, err) < 0)
			return -1;
		p += n;
		head_len -= n;
		if (head_len == 0)
			return 0;
		buf_clear(&raw);
		if (buf_puts(&raw, MORE ":", err) < 0)
			return -1;
	}
}

/* Appends the value without white space. */
static int
put_squeezed(const struct header_field *f, struct buf *out, struct err *err)
{
	size_t n;
	const uint8_t *v = header_field_value(f, &n);

	if (buf_reserve(out, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (v[i] != ' ' && v[i] != '\t' && v[i] != '\r' &&
		    v[i] != '\n')
			out->data[out->len++] = v[i];
	return 0;
}

static bool
take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

static bool
take_number(const char **p, uint64_t *out)
{
	const char *start = *p;
	uint64_t n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(**p - '0');
	}
	*out = n;
	return *p > start && take_word(p, ";");
}

/* Decodes base64 text into m->head. 1, or 0 when it is none. */
static int
decode_head(const char *text, struct sealed_marker *m, struct err *err)
{
	size_t n = strlen(text);

	if (buf_reserve(&m->head, n / 4 * 3, err) < 0)
		return -1;

	long len = base64_decode(text, n, m->head.data + m->head.len);

	if (len <= 0)
		return 0;
	m->head.len += (size_t)len;
	return 1;
}

/* 1 read, 0 not a marker, -1. *more says how many fields follow. */
static int
read_begin(const struct header_field *f, struct sealed_marker *m,
    uint64_t *more, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_HEADER };

	if (put_squeezed(f, &text, err) < 0)
		return -1;

	const char *p = buf_str(&text, err);

	if (p == NULL)
		return -1;
	if (strlen(p) != text.len || !take_word(&p, "v=1;at-rest;body=") ||
	    !take_number(&p, &m->body_octets))
		return 0;
	if (take_word(&p, "more=") && !take_number(&p, more))
		return 0;
	return take_word(&p, "head=") ? decode_head(p, m, err) : 0;
}

static int
read_more(const struct header_field *f, struct sealed_marker *m,
    struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_HEADER };

	if (put_squeezed(f, &text, err) < 0)
		return -1;

	const char *p = buf_str(&text, err);

	if (p == NULL)
		return -1;
	return strlen(p) == text.len ? decode_head(p, m, err) : 0;
}

static int
read_marker(const struct header *h, size_t at, struct sealed_marker *m,
    struct err *err)
{
	uint64_t more = 0;
	int rc = read_begin(&h->fields[at], m, &more, err);

	m->first = at;
	m->count = 1;
	if (rc == 1 && more > h->count - 1 - at)
		return 0;
	for (; rc == 1 && m->count <= more; m->count++) {
		const struct header_field *f = &h->fields[at + m->count];

		rc = header_field_is(f, MORE) ? read_more(f, m, err) : 0;
	}
	return rc;
}

int
sealed_find_marker(const struct header *stored, struct sealed_marker *out,
    struct err *err)
{
	*out = (struct sealed_marker){ .head = { .limit = LIMIT_HEAD } };
	for (size_t i = 0; i < stored->count; i++) {
		if (!header_field_is(&stored->fields[i], SEALED_MARKER))
			continue;
		buf_clear(&out->head);

		int rc = read_marker(stored, i, out, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

void
sealed_marker_reset(struct sealed_marker *m)
{
	buf_reset(&m->head);
}
