/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What the bridge reads of a mail that is handed in: its octets behind DATA, the
 * password in its header, who is hidden; and a server's EHLO. Whole and cut, the
 * same comes out; what is written is well-formed.
 */

#include <string.h>

#include "bridge/smtp_bcc.h"
#include "bridge/smtp_ehlo.h"
#include "bridge/smtp_judge.h"
#include "fuzz.h"
#include "proto/smtp_data.h"

enum { MAIL_MAX = 16 << 20 };

struct taken {
	struct buf mail;
	size_t eaten;
	bool ended, malformed;
};

static void
taken_reset(struct taken *t)
{
	buf_reset(&t->mail);
}

/* In pieces of so many octets. */
static void
take(const uint8_t *data, size_t size, size_t piece, struct taken *t)
{
	struct smtp_data d = { 0 };

	t->mail.limit = MAIL_MAX;
	for (size_t at = 0; at < size && !t->ended; at = t->eaten) {
		size_t n = size - at < piece ? size - at : piece, eaten = 0;
		int rc = smtp_data_feed(
		    &d, data + at, n, &eaten, &t->mail, NULL);

		CHECK(rc >= 0 && eaten <= n && (rc == 1 || eaten == n));
		t->ended = rc == 1;
		t->eaten = at + eaten;
	}
	t->malformed = d.malformed;
}

/* As a client would send it. */
static void
stuff(const struct buf *mail, struct buf *out)
{
	for (size_t i = 0; i < mail->len; i++) {
		bool at_start = i == 0 || mail->data[i - 1] == '\n';

		if (at_start && mail->data[i] == '.')
			CHECK(buf_putc(out, '.', NULL) == 0);
		CHECK(buf_putc(out, mail->data[i], NULL) == 0);
	}
	CHECK(buf_puts(out, ".\r\n", NULL) == 0);
}

/* Dots that nobody had to send are undone, too: once more it is the same. */
static void
check_again(const struct taken *t)
{
	cleanup(buf_reset) struct buf wire = { .limit = 2 * MAIL_MAX + 3 };
	cleanup(taken_reset) struct taken again = { 0 };

	stuff(&t->mail, &wire);
	take(wire.data, wire.len, wire.len, &again);
	CHECK(again.ended && !again.malformed && again.eaten == wire.len);
	CHECK(again.mail.len == t->mail.len);
	CHECK(again.mail.len == 0 ||
	      memcmp(again.mail.data, t->mail.data, again.mail.len) == 0);
}

static void
check_data(const uint8_t *data, size_t size, struct taken *whole)
{
	cleanup(taken_reset) struct taken cut = { 0 };

	take(data, size, size > 0 ? size : 1, whole);
	take(data, size, size % 7 + 1, &cut);
	CHECK(whole->ended == cut.ended && whole->eaten == cut.eaten &&
	      whole->malformed == cut.malformed &&
	      whole->mail.len == cut.mail.len);
	CHECK(cut.mail.len == 0 ||
	      memcmp(whole->mail.data, cut.mail.data, cut.mail.len) == 0);
	if (whole->ended && !whole->malformed)
		check_again(whole);
}

static void
check_header_end(const uint8_t *data, size_t size)
{
	size_t from = 0, at = 0, end = smtp_header_end(data, size, &from);

	from = 0;
	for (size_t n = 0; n <= size && at == 0; n += size % 11 + 1)
		at = smtp_header_end(data, n, &from);
	CHECK(end <= size && (at == 0 || at == end));
	(void)smtp_header_has_password(data, end > 0 ? end : size);
}

/* Whatever follows it. */
static void
check_password(const uint8_t *data, size_t size)
{
	static const char *const first[] = { "Subject: encrypt:a:b\r\n",
		"Thread-Topic: AW: encrypt:a:b\r\n",
		"subject:\r\n =?utf-8?q?encrypt=3Aa=3Ab?=\r\n" };
	cleanup(buf_reset) struct buf header = { .limit = MAIL_MAX + 100 };

	for (size_t i = 0; i < countof(first); i++) {
		buf_clear(&header);
		CHECK(buf_puts(&header, first[i], NULL) == 0);
		CHECK(buf_put(&header, data, size, NULL) == 0);
		CHECK(smtp_header_has_password(header.data, header.len));
	}
}

/* One field at most, and no line of it is another one. */
static void
check_bcc(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf field = { .limit = MAIL_MAX };
	const char *text, *eol;

	CHECK(smtp_bcc_put(data, size,
		  "ann@one.example\nbob@one.example\nx+y@two.example\n", &field,
		  NULL) == 0);
	if (field.len == 0)
		return;
	text = buf_str(&field, NULL);
	CHECK(text != NULL && strncmp(text, "Bcc:", 4) == 0);
	for (; (eol = strstr(text, "\r\n")) != NULL; text = eol + 2)
		CHECK(eol[2] == '\0' || eol[2] == ' ' || eol[2] == '\t');
	CHECK(*text == '\0');
}

static void
check_ehlo(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf server = { .limit = MAIL_MAX };
	cleanup(buf_reset) struct buf once = { .limit = MAIL_MAX };
	cleanup(buf_reset) struct buf twice = { .limit = MAIL_MAX };
	cleanup(buf_reset) struct buf both = { .limit = MAIL_MAX };

	if (memchr(data, '\0', size) != NULL || memchr(data, '\r', size) != NULL)
		return; /* its reader takes none */
	CHECK(buf_put(&server, data, size, NULL) == 0);
	CHECK(buf_putc(&server, '\n', NULL) == 0);
	CHECK(smtp_ehlo_filter(buf_str(&server, NULL), &once, NULL) == 0);
	CHECK(smtp_ehlo_filter(buf_str(&once, NULL), &twice, NULL) == 0);
	CHECK(once.len == twice.len &&
	      memcmp(once.data, twice.data, once.len) == 0);
	CHECK(smtp_ehlo_common(buf_str(&server, NULL), "PIPELINING\nSIZE 9\n",
		  &both, NULL) == 0);
	buf_clear(&twice);
	CHECK(smtp_ehlo_reply(buf_str(&once, NULL), true, false, &twice,
		  NULL) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(taken_reset) struct taken whole = { 0 };
	static const uint8_t nothing[1];

	if (size == 0)
		data = nothing;
	check_data(data, size, &whole);
	check_header_end(data, size);
	check_password(data, size);
	check_bcc(data, size);
	check_ehlo(data, size);
	return 0;
}
