/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Messages: parts lie in each other and make up the whole, what IMAP says of
 * them is one list with balanced parentheses, sections are slices, and SEARCH
 * finds in a message what stands in it.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "mail/search_text.h"
#include "mail/structure.h"

/* Lie behind each other in [start, end). */
static size_t
check_parts(const struct structure_part *p, size_t start, size_t end)
{
	size_t count = 0;

	for (; p != NULL; p = p->next) {
		CHECK(p->header_at >= start && p->header_at <= end);
		CHECK(p->header_len <= end - p->header_at);
		CHECK(p->body_at == p->header_at + p->header_len);
		CHECK(p->body_len <= end - p->body_at);
		start = p->body_at + p->body_len;
		count += 1 + check_parts(p->children, p->body_at, start);
	}
	return count;
}

/* The offset behind the string or atom at `at`; 0 when there is none. */
static size_t
skip_string(const uint8_t *s, size_t n, size_t at)
{
	if (s[at] == '"') {
		for (at++; at < n && s[at] != '"'; at++) {
			CHECK(s[at] < 0x80 && s[at] != '\n' && s[at] != '\r');
			if (s[at] == '\\')
				at++;
		}
		return at + 1;
	}
	if (s[at] == '{') {
		char *end;
		unsigned long len = strtoul((const char *)s + at + 1, &end, 10);

		at = (size_t)((const uint8_t *)end - s) + 3;
		return at + len;
	}
	return at + 1;
}

static void
check_list(struct buf *list)
{
	size_t depth = 0, at = 0;

	CHECK(buf_str(list, NULL) != NULL);
	while (at < list->len) {
		uint8_t c = list->data[at];

		depth += c == '(';
		CHECK(c != ')' || depth > 0);
		depth -= c == ')';
		CHECK(depth > 0 || at + 1 == list->len);
		at = skip_string(list->data, list->len, at);
	}
	CHECK(at == list->len && depth == 0);
}

static void
check_said(const struct structure *s, const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf out = { .limit = SIZE_MAX / 2 };

	CHECK(structure_put_bodystructure(s, &out, NULL) == 0);
	check_list(&out);
	buf_clear(&out);
	CHECK(structure_put_body(s, &out, NULL) == 0);
	check_list(&out);
	buf_clear(&out);
	CHECK(envelope_put(data, size, &out, NULL) == 0);
	check_list(&out);
}

static void
check_section(const struct structure *s, const struct section *want,
    const uint8_t *message, size_t size)
{
	cleanup(buf_reset) struct buf scratch = { .limit = SIZE_MAX / 2 };
	const uint8_t *data;
	size_t n;
	int rc = structure_section(s, want, &scratch, &data, &n, NULL);

	CHECK(rc == 0 || rc == 1);
	CHECK(n <= size + 4);
	if (rc == 1 && n > 0 && data != scratch.data)
		CHECK(data >= message && data + n <= message + size);
}

static void
check_sections(const struct structure *s, const uint8_t *message, size_t size)
{
	static const char *const fields[] = { "Subject", "CONTENT-TYPE" };
	unsigned path[3];

	for (unsigned n = 0; n < 6 * 4 * 27; n++) {
		struct section want = {
			.kind = (enum section_kind)(n % 6),
			.path = path,
			.path_len = n / 6 % 4,
			.fields = fields,
			.field_count = countof(fields),
		};

		path[0] = n / 24 % 3;
		path[1] = n / 72 % 3;
		path[2] = n / 216 % 3;
		check_section(s, &want, message, size);
	}
}

static void
check_search(const struct structure *s, const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf key = { .limit = 100 };
	int in_body, in_text;

	CHECK(search_fold(data, size < 8 ? size : 8, &key, NULL) == 0);
	in_body = search_message(s, &key, false, NULL);
	in_text = search_message(s, &key, true, NULL);
	CHECK(in_body == 0 || in_body == 1);
	CHECK(in_text >= in_body);
	CHECK(search_header(data, size, "Subject", &key, true, NULL) >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(structure_free) struct structure *s = NULL;

	CHECK(structure_parse(data, size, &s, NULL) == 0);
	const struct structure_part *root = structure_root(s);
	CHECK(root->header_len + root->body_len == size);
	CHECK(check_parts(root, 0, size) <= LIMIT_MIME_PARTS);
	check_said(s, data, size);
	check_sections(s, data, size);
	check_search(s, data, size);
	return 0;
}
