/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What these tables expect was said by Dovecot 2.3.19; so many more messages
 * are compared in tests/e2e/test_structure_oracle.py.
 */

#include "mail/structure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

static const struct {
	const char *name, *message, *said;
} structures[] = {
	{ "nothing", "",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 0 0 NIL NIL NIL NIL)" },
	{ "no header",
	    "\r\n"
	    "body\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 6 1 NIL NIL NIL NIL)" },
	{ "plain",
	    "Subject: x\r\n"
	    "\r\n"
	    "one\r\n"
	    "two\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 10 2 NIL NIL NIL NIL)" },
	{ "plain, said with a shout",
	    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
	    "\r\n"
	    "x\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 3 1 NIL NIL NIL NIL)" },
	{ "no MIME",
	    "Content-Transfer-Encoding: base64\r\n"
	    "\r\n"
	    "x\r\n",
	    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 3 1 NIL NIL NIL NIL)" },
	{ "html",
	    "Content-Type: Text/HTML; charset=utf-8\r\n"
	    "Content-ID: <a@b>\r\n"
	    "Content-Description: a\r\n"
	    " b\r\n"
	    "Content-Transfer-Encoding: BASE64\r\n"
	    "Content-MD5: q\r\n"
	    "Content-Disposition: inline; filename=\"a\\\"b\"\r\n"
	    "Content-Language: de, en\r\n"
	    "Content-Location: /x\r\n"
	    "\r\n"
	    "PGI+\r\n",
	    "(\"Text\" \"HTML\" (\"charset\" \"utf-8\") \"<a@b>\" \"a "
	    "b\" \"BASE64\" 6 1 \"q\" (\"inline\" (\"filename\" "
	    "\"a\\\"b\")) (\"de\" \"en\") \"/x\")" },
	{ "binary",
	    "Content-Type: application/pdf\r\n"
	    "\r\n"
	    "x",
	    "(\"application\" \"pdf\" NIL NIL NIL \"7bit\" 1 NIL NIL "
	    "NIL NIL)" },
	{ "type without subtype",
	    "Content-Type: text\r\n"
	    "\r\n"
	    "x\r\n",
	    "(\"text\" \"\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 3 1 NIL NIL NIL NIL)" },
	{ "type that is none",
	    "Content-Type: a b\r\n"
	    "\r\n"
	    "x\r\n",
	    "(\"\" \"\" NIL NIL NIL \"7bit\" 3 NIL NIL NIL NIL)" },
	{ "pieces",
	    "Content-Type: a/b; n*1=c; n*0=b; m*0*=u''d%41; m*1=%; "
	    "o*1=x; p==?q?=\r\n"
	    "\r\n",
	    "(\"a\" \"b\" (\"p\" \"=?q?=\" \"m*\" \"u''d%41%25\" \"n\" "
	    "\"bc\" \"o*1\" \"x\") NIL NIL \"7bit\" 0 NIL NIL NIL NIL)" },
	{ "8 bit and quotes",
	    "Content-Type: a/b; n=\"\xe4\"; "
	    "m=\"\\\"\\\"\\\"\\\"\\\"\"\r\n"
	    "\r\n",
	    "(\"a\" \"b\" (\"n\" {1}\r\n"
	    "\xe4 \"m\" {5}\r\n"
	    "\"\"\"\"\") NIL NIL \"7bit\" 0 NIL NIL NIL NIL)" },
	{ "multipart",
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "pre\r\n"
	    "--b\r\n"
	    "\r\n"
	    "one\r\n"
	    "--b\r\n"
	    "Content-Type: text/html\r\n"
	    "\r\n"
	    "two\r\n"
	    "--b--\r\n"
	    "post\r\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 3 0 NIL NIL NIL NIL)(\"text\" \"html\" "
	    "(\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL "
	    "NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "multipart without boundary",
	    "Content-Type: multipart/mixed\r\n"
	    "\r\n"
	    "--b\r\n"
	    "\r\n"
	    "one\r\n"
	    "--b--\r\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" NIL NIL NIL NIL)" },
	{ "multipart without parts",
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "none\r\n",
	    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
	    "\"b\") NIL NIL NIL)" },
	{ "cut in a part's header",
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "--b\r\n"
	    "Content-Type: text/html\r\n"
	    "--b--\r\n",
	    "((\"text\" \"html\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
	    "\"b\") NIL NIL NIL)" },
	{ "one boundary begins another",
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "--b\r\n"
	    "Content-Type: multipart/mixed; boundary=bb\r\n"
	    "\r\n"
	    "--bb\r\n"
	    "\r\n"
	    "x\r\n"
	    "--bb--\r\n"
	    "--b--\r\n",
	    "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
	    "\"bb\") NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL "
	    "NIL NIL)" },
	{ "the outer ends the inner",
	    "Content-Type: multipart/mixed; boundary=a\r\n"
	    "\r\n"
	    "--a\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "--b\r\n"
	    "\r\n"
	    "x\r\n"
	    "--a\r\n"
	    "\r\n"
	    "y\r\n"
	    "--a--\r\n",
	    "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
	    "\"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
	    "\"b\") NIL NIL NIL)(\"text\" \"plain\" (\"charset\" "
	    "\"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) "
	    "\"mixed\" (\"boundary\" \"a\") NIL NIL NIL)" },
	{ "message",
	    "Content-Type: message/rfc822\r\n"
	    "\r\n"
	    "From: A <a@b>\r\n"
	    "Subject: s\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n"
	    "\r\n"
	    "--b\r\n"
	    "\r\n"
	    "x\r\n"
	    "--b--\r\n",
	    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 89 (NIL "
	    "\"s\" ((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) "
	    "((\"A\" NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) ((\"text\" "
	    "\"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 "
	    "NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL "
	    "NIL) 8 NIL NIL NIL NIL)" },
	{ "digest",
	    "Content-Type: multipart/digest; boundary=b\r\n"
	    "\r\n"
	    "--b\r\n"
	    "\r\n"
	    "Subject: s\r\n"
	    "\r\n"
	    "x\r\n"
	    "--b--\r\n",
	    "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL "
	    "\"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" "
	    "\"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 "
	    "NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"digest\" "
	    "(\"boundary\" \"b\") NIL NIL NIL)" },
};

static const struct {
	const char *name, *header, *said;
} envelopes[] = {
	{ "nothing", "", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
	{ "texts",
	    "Date: today\r\n"
	    "Subject:  a\r\n"
	    "\tb \r\n"
	    "In-Reply-To: <a@b>\r\n"
	    " <c@d>\r\n"
	    "Message-ID: <e\xe4@f>\r\n",
	    "(\"today\" {3}\r\n"
	    "a b NIL NIL NIL NIL NIL NIL \"<a@b> <c@d>\" {6}\r\n"
	    "<e\xe4@f>)" },
	{ "an address", "From: Ann <ann@x.example>\r\n",
	    "(NIL NIL ((\"Ann\" NIL \"ann\" \"x.example\")) ((\"Ann\" "
	    "NIL \"ann\" \"x.example\")) ((\"Ann\" NIL \"ann\" "
	    "\"x.example\")) NIL NIL NIL NIL NIL)" },
	{ "without a name",
	    "From: ann@x.example\r\n"
	    "To: <ann@x.example>\r\n",
	    "(NIL NIL ((NIL NIL \"ann\" \"x.example\")) ((NIL NIL "
	    "\"ann\" \"x.example\")) ((NIL NIL \"ann\" \"x.example\")) "
	    "((NIL NIL \"ann\" \"x.example\")) NIL NIL NIL NIL)" },
	{ "the name in a comment", "From: ann@x.example (Ann (B) \\) C)\r\n",
	    "(NIL NIL ((\"Ann (B) ) C\" NIL \"ann\" \"x.example\")) "
	    "((\"Ann (B) ) C\" NIL \"ann\" \"x.example\")) ((\"Ann (B) "
	    ") C\" NIL \"ann\" \"x.example\")) NIL NIL NIL NIL NIL)" },
	{ "quoted", "To: \"A, \\\"B\\\"\" <\"c d\"@e>, f@[1.2.3.4]\r\n",
	    "(NIL NIL NIL NIL NIL (({6}\r\n"
	    "A, \"B\" NIL \"c d\" \"e\")(NIL NIL \"f\" \"[1.2.3.4]\")) "
	    "NIL NIL NIL NIL)" },
	{ "group",
	    "To: g: a@b, c@d;, e@f\r\n"
	    "Cc: undisclosed-recipients:;\r\n",
	    "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" "
	    "\"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)(NIL NIL "
	    "\"e\" \"f\")) ((NIL NIL \"undisclosed-recipients\" "
	    "NIL)(NIL NIL NIL NIL)) NIL NIL NIL)" },
	{ "route", "To: <@a,@b:c@d>, <@a c@d>\r\n",
	    "(NIL NIL NIL NIL NIL ((NIL \"@a,@b\" \"c\" \"d\")(NIL "
	    "\"INVALID_ROUTE\" \"c\" \"d\")) NIL NIL NIL NIL)" },
	{ "broken", "To: a, b c, <d>, e@, <f@g, \"h\r\n",
	    "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" "
	    "\"MISSING_DOMAIN\")(\"b c\" NIL \"MISSING_MAILBOX\" "
	    "\"MISSING_DOMAIN\")(NIL NIL \"d\" \"MISSING_DOMAIN\")(NIL "
	    "NIL \"e\" \"MISSING_DOMAIN\")(NIL NIL \"f\" "
	    "\"SYNTAX_ERROR\")(NIL NIL \"MISSING_MAILBOX\" "
	    "\"MISSING_DOMAIN\")) NIL NIL NIL NIL)" },
	{ "dots", "To: .a..b.@c, d . e @ f . g\r\n",
	    "(NIL NIL NIL NIL NIL ((NIL NIL \".a..b.\" \"c\")({4}\r\n"
	    "d. e NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")) NIL NIL "
	    "NIL NIL)" },
	{ "two fields",
	    "To: a@b\r\n"
	    "Subject: one\r\n"
	    "To: c@d\r\n"
	    "Subject: two\r\n",
	    "(NIL \"two\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL "
	    "\"c\" \"d\")) NIL NIL NIL NIL)" },
	{ "8 bit", "From: \xe4 <a@b>\r\n",
	    "(NIL NIL (({1}\r\n"
	    "\xe4 NIL \"a\" \"b\")) (({1}\r\n"
	    "\xe4 NIL \"a\" \"b\")) (({1}\r\n"
	    "\xe4 NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)" },
};

static const char sample[] = "Subject: outer\r\n"
			     "Content-Type: multipart/mixed; boundary=b\r\n"
			     "\r\n"
			     "--b\r\n"
			     "X-A: 1\r\n"
			     "\r\n"
			     "one\r\n"
			     "--b\r\n"
			     "Content-Type: message/rfc822\r\n"
			     "\r\n"
			     "Subject: inner\r\n"
			     "X-B: 2\r\n"
			     "\r\n"
			     "two\r\n"
			     "--b--\r\n";

static const struct {
	const char *name;
	struct section want;
	const char *octets; /* NULL: no such part */
} sections[] = {
	{ "all", { .kind = SECTION_ALL }, sample },
	{ "part", { .path = (unsigned[]){ 1 }, .path_len = 1 }, "one" },
	{ "part 0 is the first", { .path = (unsigned[]){ 0 }, .path_len = 1 },
	    "one" },
	{ "its header", { SECTION_MIME, (unsigned[]){ 1 }, 1, NULL, 0 },
	    "X-A: 1\r\n\r\n" },
	{ "a text is its own part",
	    { .path = (unsigned[]){ 1, 1 }, .path_len = 2 }, "one" },
	{ "but once", { .path = (unsigned[]){ 1, 1, 1 }, .path_len = 3 },
	    NULL },
	{ "a text has no HEADER",
	    { SECTION_HEADER, (unsigned[]){ 1 }, 1, NULL, 0 }, NULL },
	{ "no part 3", { .path = (unsigned[]){ 3 }, .path_len = 1 }, NULL },
	{ "a message", { .path = (unsigned[]){ 2 }, .path_len = 1 },
	    "Subject: inner\r\nX-B: 2\r\n\r\ntwo" },
	{ "its TEXT", { SECTION_TEXT, (unsigned[]){ 2 }, 1, NULL, 0 }, "two" },
	{ "its only part", { .path = (unsigned[]){ 2, 1 }, .path_len = 2 },
	    "two" },
	{ "its HEADER", { SECTION_HEADER, (unsigned[]){ 2 }, 1, NULL, 0 },
	    "Subject: inner\r\nX-B: 2\r\n\r\n" },
	{ "fields of it",
	    { SECTION_HEADER_FIELDS, (unsigned[]){ 2 }, 1,
		(const char *[]){ "x-b", "X-None" }, 2 },
	    "X-B: 2\r\n\r\n" },
	{ "fields that are not asked for",
	    { SECTION_HEADER_FIELDS_NOT, NULL, 0,
		(const char *[]){ "CONTENT-TYPE" }, 1 },
	    "Subject: outer\r\n\r\n" },
	{ "no MIME of the whole", { .kind = SECTION_MIME }, NULL },
};

typedef int put(const struct structure *s, struct buf *out, struct err *err);

static void
assert_said(const struct buf *out, const char *said, const char *name)
{
	if (out->len == strlen(said) &&
	    (out->len == 0 || memcmp(out->data, said, out->len) == 0))
		return;
	fail_msg("%s: said\n%.*s\nexpected\n%s", name, (int)out->len,
	    (const char *)out->data, said);
}

static void
structures_are_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(structures); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 10000 };
		cleanup(structure_free) struct structure *s = NULL;
		const char *m = structures[i].message;

		assert_int_equal(structure_parse(m, strlen(m), &s, NULL), 0);
		assert_int_equal(structure_put_bodystructure(s, &out, NULL), 0);
		assert_said(&out, structures[i].said, structures[i].name);
	}
}

static void
envelopes_are_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(envelopes); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 10000 };
		const char *h = envelopes[i].header;

		assert_int_equal(envelope_put(h, strlen(h), &out, NULL), 0);
		assert_said(&out, envelopes[i].said, envelopes[i].name);
	}
}

static void
sections_are_found(void **state)
{
	cleanup(structure_free) struct structure *s = NULL;

	(void)state;
	assert_int_equal(
	    structure_parse(sample, sizeof sample - 1, &s, NULL), 0);
	for (size_t i = 0; i < countof(sections); i++) {
		cleanup(buf_reset) struct buf out = { .limit = 10000 };
		cleanup(buf_reset) struct buf scratch = { .limit = 10000 };
		const char *octets = sections[i].octets;
		const uint8_t *data;
		size_t n;
		int rc = structure_section(
		    s, &sections[i].want, &scratch, &data, &n, NULL);

		assert_int_equal(rc, octets != NULL);
		assert_int_equal(buf_put(&out, data, n, NULL), 0);
		assert_said(
		    &out, octets == NULL ? "" : octets, sections[i].name);
	}
}

static void
a_header_without_end_gets_one(void **state)
{
	static const char header[] = "Subject: x";
	static const char *const fields[] = { "SUBJECT" };
	struct section want = { SECTION_HEADER_FIELDS, NULL, 0, fields, 1 };
	cleanup(buf_reset) struct buf scratch = { .limit = 100 };
	const uint8_t *data;
	size_t n;

	(void)state;
	assert_int_equal(header_section(header, sizeof header - 1, &want,
			     &scratch, &data, &n, NULL),
	    1);
	assert_int_equal(n, 14);
	assert_memory_equal(data, "Subject: x\r\n\r\n", n);
}

/* Parts lie in their parent, one behind the other. */
static size_t
check_parts(const struct structure_part *p, size_t start, size_t end)
{
	size_t count = 0;

	for (; p != NULL; p = p->next) {
		assert_in_range(p->header_at, start, end);
		assert_in_range(p->header_len, 0, end - p->header_at);
		assert_int_equal(p->body_at, p->header_at + p->header_len);
		assert_in_range(p->body_len, 0, end - p->body_at);
		assert_false(p->is_multipart && p->is_message);
		assert_true(!p->is_message || p->children != NULL);
		start = p->body_at + p->body_len;
		count += 1 + check_parts(p->children, p->body_at, start);
	}
	return count;
}

static void
check_message(const void *message, size_t n)
{
	static put *const puts[] = { structure_put_bodystructure,
		structure_put_body };
	cleanup(structure_free) struct structure *s = NULL;
	/* so that a sanitizer sees what is read behind the end */
	cleanup(free_bytes) uint8_t *copy = malloc(n + (n == 0));

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, message, n);
	assert_int_equal(structure_parse(copy, n, &s, NULL), 0);
	const struct structure_part *root = structure_root(s);
	assert_int_equal(root->header_len + root->body_len, n);
	assert_in_range(check_parts(root, 0, n), 1, LIMIT_MIME_PARTS);
	for (size_t i = 0; i < countof(puts); i++) {
		cleanup(buf_reset) struct buf out = { .limit = SIZE_MAX / 2 };

		assert_int_equal(puts[i](s, &out, NULL), 0);
		assert_int_equal(out.data[0], '(');
		assert_int_equal(out.data[out.len - 1], ')');
	}
	cleanup(buf_reset) struct buf out = { .limit = SIZE_MAX / 2 };
	assert_int_equal(envelope_put(copy, n, &out, NULL), 0);
}

static void
cut_messages_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(structures); i++)
		for (size_t n = strlen(structures[i].message); n > 0; n--)
			check_message(structures[i].message, n - 1);
	for (size_t i = 0; i < countof(envelopes); i++)
		for (size_t n = strlen(envelopes[i].header); n > 0; n--)
			check_message(envelopes[i].header, n - 1);
	for (size_t n = 0; n < sizeof sample; n++)
		check_message(sample, n);
}

static void
damaged_messages_are_parsed(void **state)
{
	static const char octets[] = "-:;\"\\\r\n ()<>@,=*/\xe4\0b";
	unsigned seed = 1;

	(void)state;
	for (unsigned n = 0; n < 5000; n++) {
		char damaged[sizeof sample];

		memcpy(damaged, sample, sizeof damaged);
		for (int k = rand_r(&seed) % 8; k >= 0; k--)
			damaged[(size_t)rand_r(&seed) % sizeof damaged] =
			    octets[(size_t)rand_r(&seed) % sizeof octets];
		check_message(damaged, sizeof damaged);
	}
}

static void
repeat(struct buf *b, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_puts(b, text, NULL), 0);
}

/* What is over a limit is no part of its own. */
static void
parts_are_bounded(void **state)
{
	cleanup(buf_reset) struct buf many = { .limit = SIZE_MAX / 2 };
	cleanup(buf_reset) struct buf deep = { .limit = SIZE_MAX / 2 };

	(void)state;
	repeat(&many, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
	repeat(&many, "--b\r\n\r\nx\r\n", 3 * LIMIT_MIME_PARTS);
	check_message(many.data, many.len);
	repeat(&deep, "Content-Type: message/rfc822\r\n\r\n",
	    3 * LIMIT_MIME_DEPTH);
	check_message(deep.data, deep.len);
	buf_clear(&deep);
	repeat(&deep,
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
	    3 * LIMIT_MIME_DEPTH);
	check_message(deep.data, deep.len);
	buf_clear(&deep);
	repeat(&deep, "To: ", 1);
	repeat(&deep, "a@b,(", 20000);
	check_message(deep.data, deep.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_are_said),
		cmocka_unit_test(envelopes_are_said),
		cmocka_unit_test(sections_are_found),
		cmocka_unit_test(a_header_without_end_gets_one),
		cmocka_unit_test(cut_messages_are_parsed),
		cmocka_unit_test(damaged_messages_are_parsed),
		cmocka_unit_test(parts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
