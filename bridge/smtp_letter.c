/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * DATA: the header is held until it is whole and judged; only then is the
 * server told of a message at all. The rest streams to the server and into the
 * sealer of the copy for Sent. A message that turns out malformed on the way is
 * never ended at the server: the connection is dropped.
 */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "proto/smtp_data.h"
#include "sealer.h"
#include "sent.h"
#include "smtp_bcc.h"
#include "smtp_judge.h"
#include "smtp_session.h"

enum { PIECE_MAX = (64 << 10) + 16, PATIENCE_AT_END = 10 };

struct letter {
	struct smtp_session *session;
	struct smtp_data data;
	struct buf piece;    /* the message's octets, dots undone */
	struct buf head;     /* the header, and what came with its end */
	size_t head_from;
	bool judged;
	bool sending;        /* the server has said 354 */
	bool line_start;     /* of what was sent to it */
	bool answered;       /* session->reply is the server's no */
	const char *refusal; /* the bridge's own */
	struct sealer *sealer; /* NULL: no copy can be made */
	struct sent_printer *printer;
	struct sent_copy *copy;
};

static void
letter_reset(struct letter *l)
{
	buf_reset(&l->piece);
	buf_reset(&l->head);
	sealer_free(&l->sealer);
	sent_printer_free(&l->printer);
	sent_copy_free(&l->copy);
}

static const char *
host_of(const struct letter *l)
{
	return l->session->account->smtp.host;
}

/* The server must not take what it has got so far. */
static void
refuse(struct letter *l, const char *reply)
{
	struct smtp_session *s = l->session;

	l->refusal = reply;
	if (s->server == NULL)
		return;
	if (l->sending || smtp_command(s->server, "RSET", 4, &s->reply,
	                      NULL) < 0)
		smtp_drop_server(s);
	l->sending = false;
}

static void
lose_server(struct letter *l, const struct err *err)
{
	log_warning("smtp: %s: %s", host_of(l), err->text);
	smtp_drop_server(l->session);
	l->sending = false;
	l->refusal = "451 4.4.2 the connection to the server is lost";
}

/* ---- the copy ---- */

static void
give_up_copy(struct letter *l, const struct err *err)
{
	log_warning("smtp: <%s>: no copy for Sent: %s",
	    l->session->account->address, err->text);
	sealer_free(&l->sealer);
	sent_printer_free(&l->printer);
}

static void
copy_feed(struct letter *l, const void *data, size_t n)
{
	struct err err = { 0 };

	if (l->sealer != NULL && n > 0 &&
	    sealer_feed(l->sealer, data, n, &err) < 0)
		give_up_copy(l, &err);
}

/* The header with a Bcc at its end, and what stands behind it. */
static void
copy_begin(struct letter *l, size_t header_end)
{
	struct smtp_session *s = l->session;
	cleanup(buf_reset) struct buf bcc = { .limit = 2 * RECIPIENTS_MAX };
	struct err err = { 0 };
	const uint8_t *head = l->head.data;
	size_t fields = header_end >= 2 ? header_end - 2 : l->head.len;
	const char *recipients = buf_str(&s->recipients, &err);

	if (recipients == NULL ||
	    sealer_new(s->user, &l->sealer, &err) < 0 ||
	    sent_printer_new(s->user, &l->printer, &err) < 0 ||
	    smtp_bcc_put(head, fields, recipients, &bcc, &err) < 0) {
		give_up_copy(l, &err);
		return;
	}
	copy_feed(l, head, fields);
	copy_feed(l, bcc.data, bcc.len);
	copy_feed(l, head + fields, l->head.len - fields);
}

static void
print_feed(struct letter *l, const void *data, size_t n)
{
	struct err err = { 0 };

	if (l->printer != NULL && n > 0 &&
	    sent_printer_feed(l->printer, data, n, &err) < 0)
		give_up_copy(l, &err);
}

static void
copy_prepare(struct letter *l)
{
	struct smtp_session *s = l->session;
	struct spool *sealed = NULL;
	uint8_t print[SENT_PRINT_LEN];
	struct err err = { 0 };
	int rc;

	if (l->sealer == NULL || l->printer == NULL)
		return;
	rc = sent_printer_finish(l->printer, print, &err);
	if (rc < 0 || sealer_finish(l->sealer, &sealed, &err) < 0 ||
	    sent_copy_prepare(s->bridge->sent, s->account, sealed,
	        rc == 1 ? print : NULL, &l->copy, &err) < 0)
		give_up_copy(l, &err);
}

/* ---- to the server ---- */

static int
send_stuffed(struct letter *l, const uint8_t *data, size_t n, struct err *err)
{
	struct net_stream *server = l->session->server;

	for (size_t at = 0; at < n;) {
		const uint8_t *end = memchr(data + at, '\n', n - at);
		size_t len = end == NULL ? n - at
					 : (size_t)(end - data) + 1 - at;

		if (l->line_start && data[at] == '.' &&
		    net_stream_write(server, ".", 1, err) < 0)
			return -1;
		if (net_stream_write(server, data + at, len, err) < 0)
			return -1;
		l->line_start = end != NULL;
		at += len;
	}
	return 0;
}

static void
pass_on(struct letter *l, const uint8_t *data, size_t n)
{
	struct err err = { 0 };

	print_feed(l, data, n);
	if (l->sending && send_stuffed(l, data, n, &err) < 0)
		lose_server(l, &err);
}

/* The header is there and innocent. */
static void
begin(struct letter *l, size_t header_end)
{
	struct smtp_session *s = l->session;
	struct err err = { 0 };

	if (smtp_command(s->server, "DATA", 4, &s->reply, &err) < 0) {
		lose_server(l, &err);
		return;
	}
	if (s->reply.code != 354) {
		l->answered = true;
		return;
	}
	l->sending = l->line_start = true;
	copy_begin(l, header_end);
	pass_on(l, l->head.data, l->head.len);
	buf_reset(&l->head);
}

static void
judge(struct letter *l, size_t header_end)
{
	l->judged = true;
	if (smtp_header_has_password(l->head.data,
	        header_end > 0 ? header_end : l->head.len)) {
		log_info("smtp: <%s>: refused, subject=encrypt",
		    l->session->account->address);
		refuse(l,
		    "550 5.7.1 mail with a subject that begins with encrypt: "
		    "cannot be sent yet; it was not sent");
		return;
	}
	begin(l, header_end);
}

/* ---- from the client ---- */

static void
take_head(struct letter *l)
{
	size_t end;

	if (buf_put(&l->head, l->piece.data, l->piece.len, NULL) < 0) {
		refuse(l, "552 5.3.4 the header is too large");
		return;
	}
	end = smtp_header_end(l->head.data, l->head.len, &l->head_from);
	if (end > 0)
		judge(l, end);
}

static void
take_piece(struct letter *l)
{
	if (l->refusal != NULL || l->answered)
		return;
	if (l->data.malformed) {
		refuse(l, "550 5.6.0 a line of the message does not end with "
			  "CRLF; it was not sent");
		return;
	}
	if (!l->judged) {
		take_head(l);
		return;
	}
	copy_feed(l, l->piece.data, l->piece.len);
	pass_on(l, l->piece.data, l->piece.len);
}

/* 1 the final dot was there, 0 more is to come, -1. */
static int
take_some(struct letter *l)
{
	struct net_stream *client = l->session->client;
	const uint8_t *data;
	size_t len, eaten = 0;
	int rc = net_stream_read(client, &data, &len, NULL);

	if (rc <= 0)
		return -1;
	buf_clear(&l->piece);
	rc = smtp_data_feed(&l->data, data, len, &eaten, &l->piece, NULL);
	if (rc < 0)
		return -1;
	net_stream_ate(client, eaten);
	take_piece(l);
	return rc;
}

/* ---- the end ---- */

/* A refusal may leave the transaction open; for the client it is over. */
static void
reset_server(struct smtp_session *s)
{
	cleanup(smtp_reply_reset) struct smtp_reply unused = { 0 };

	if (s->server != NULL && s->reply.code / 100 != 2 &&
	    smtp_command(s->server, "RSET", 4, &unused, NULL) < 0)
		smtp_drop_server(s);
}

static int
say_reply(struct smtp_session *s)
{
	if (s->reply.code != 421)
		reset_server(s);
	return smtp_pass_reply(s);
}

static int
end_at_server(struct letter *l)
{
	struct smtp_session *s = l->session;
	unsigned patience = s->bridge->conf->timeout * 1000;
	struct err err = { 0 };
	int rc;

	copy_prepare(l);
	net_stream_set_timeout(s->server, patience * PATIENCE_AT_END);
	rc = smtp_command(s->server, ".", 1, &s->reply, &err);
	if (rc < 0) {
		lose_server(l, &err);
		return smtp_say(s, l->refusal);
	}
	net_stream_set_timeout(s->server, patience);
	log_info("smtp: <%s>: handed in, recipients=%zu, answer=%u",
	    s->account->address, s->recipient_count, s->reply.code);
	if (s->reply.code / 100 == 2 && l->copy != NULL)
		sent_copy_commit(
		    s->bridge->sent, &l->copy, s->user, s->credentials);
	sent_copy_free(&l->copy);
	return say_reply(s);
}

static int
finish(struct letter *l)
{
	if (!l->judged && l->refusal == NULL)
		judge(l, 0);
	if (l->refusal != NULL)
		return smtp_say(l->session, l->refusal);
	if (l->answered)
		return say_reply(l->session);
	return end_at_server(l);
}

int
smtp_letter(struct smtp_session *s)
{
	cleanup(letter_reset) struct letter l = {
		.session = s,
		.piece = { .limit = PIECE_MAX, .secret = true },
		.head = { .limit = LIMIT_HEADER, .secret = true },
	};
	int rc;

	if (smtp_say(s, "354 end the message with a line that is a dot") < 0 ||
	    net_stream_flush(s->client, NULL) < 0)
		return -1;
	do
		rc = take_some(&l);
	while (rc == 0);
	if (rc < 0) { /* nothing that was cut off may be taken */
		smtp_drop_server(s);
		return -1;
	}
	return finish(&l);
}
