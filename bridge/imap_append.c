/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * APPEND, and MULTIAPPEND (RFC 3502): every message is sealed before the server
 * learns that there is one.
 */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "imap_session.h"
#include "proto/imap_capability.h"
#include "sealer.h"
#include "sent.h"

enum { MESSAGES_MAX = 200, REPLAY_OCTETS = 32 << 10 };

/* One message: what stands before its literal, and its stored form. */
struct upload {
	struct buf before; /* " INBOX (\Seen) " or " (\Seen) " */
	struct sealer *sealer;
	struct spool *stored; /* the sealer's */
};

struct append {
	struct imap_session *s;
	char tag[IMAP_TAG_SIZE];
	struct upload *uploads;
	size_t count;
	char refusal[300]; /* "" = none: nothing is sent when there is one */
	struct sent_printer *printer; /* of the first message; NULL = none */
	struct buf folder;            /* its name, when it has a print */
	uint8_t print[SENT_PRINT_LEN];
	bool stored;
	bool over; /* the client has been told */
};

static void
append_reset(struct append *a)
{
	for (size_t i = 0; i < a->count; i++) {
		buf_reset(&a->uploads[i].before);
		sealer_free(&a->uploads[i].sealer);
	}
	free(a->uploads);
	sent_printer_free(&a->printer);
	buf_reset(&a->folder);
	*a = (struct append){ 0 };
}

static void
refuse(struct append *a, const char *answer)
{
	if (a->refusal[0] == '\0')
		(void)snprintf(a->refusal, sizeof a->refusal, "%s", answer);
}

static void
refuse_error(struct append *a, const struct err *why)
{
	log_warning("imap: upload refused, user=<%s>, reason=%s",
	    a->s->account->address, why->text);
	refuse(a, why->kind == ERR_TEMP
		      ? "NO [UNAVAILABLE] The message cannot be sealed now."
		      : "NO [CANNOT] The message cannot be sealed.");
}

/* ---- from the client ---- */

/* "(flags) "date" {n}", each once and in this order at most. */
static bool
is_well_formed(struct imap_cursor c)
{
	struct imap_value v;
	int rc = imap_next(&c, &v, NULL);

	if (rc > 0 && v.type == IMAP_LIST)
		rc = imap_next(&c, &v, NULL);
	if (rc > 0 && v.type == IMAP_QUOTED)
		rc = imap_next(&c, &v, NULL);
	return rc == 0;
}

static int
add_upload(struct append *a, struct err *err)
{
	struct upload *more =
	    reallocarray(a->uploads, a->count + 1, sizeof *more);

	if (more == NULL)
		return err_nomem(err);
	a->uploads = more;
	more[a->count++] =
	    (struct upload){ .before = { .limit = LIMIT_IMAP_LINE } };
	return 0;
}

/*
 * A copy of the line up to "{n}" CRLF, from `from` on. After a refusal nothing
 * is kept of it.
 */
static int
begin_upload(struct append *a, const uint8_t *from, bool first, struct err *err)
{
	const struct buf *t = &a->s->command.text;
	const uint8_t *end =
	    memrchr(from, '{', (size_t)(t->data + t->len - from));
	size_t n = end == NULL ? 0 : (size_t)(end - from);
	struct imap_cursor c = imap_cursor(from, n);
	struct imap_value v;

	if ((first && imap_next(&c, &v, NULL) <= 0) || !is_well_formed(c))
		refuse(a, "BAD Invalid arguments.");
	else if (n > LIMIT_IMAP_LINE)
		refuse(a, "NO [LIMIT] The line is too long.");
	if (a->refusal[0] != '\0')
		return 0;
	return add_upload(a, err) < 0
		   ? -1
		   : buf_put(&a->uploads[a->count - 1].before, from, n, err);
}

struct feeding {
	struct append *a;
	struct sealer *to;
};

static int
feed(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct feeding *f = ctx;
	struct err why = { 0 };

	(void)err;
	if (f->a->refusal[0] != '\0')
		return 0; /* thrown away */
	if (sealer_feed(f->to, data, n, &why) < 0 ||
	    (f->a->printer != NULL &&
		sent_printer_feed(f->a->printer, data, n, &why) < 0))
		refuse_error(f->a, &why);
	return 0;
}

/* After the first message: what it is known by, and where it goes. */
static int
take_print(struct append *a, struct err *err)
{
	cleanup(sent_printer_free) struct sent_printer *p = steal(&a->printer);
	const struct buf *before = &a->uploads[0].before;
	struct imap_cursor c = imap_cursor(before->data, before->len);
	struct imap_value v;

	if (p == NULL)
		return 0;

	int rc = sent_printer_finish(p, a->print, err);

	if (rc <= 0 || imap_next(&c, &v, err) <= 0)
		return rc < 0 ? -1 : 0;
	a->folder.limit = LIMIT_IMAP_LINE;
	return imap_put_octets(&v, &a->folder, err) < 0 ||
		       buf_str(&a->folder, err) == NULL
		   ? -1
		   : 0;
}

static void
check_literal(struct append *a)
{
	const struct imap_literal *l = &a->s->command.literal;

	if (l->binary)
		refuse(a, "BAD No binary literals.");
	else if (l->octets == 0)
		refuse(a, "NO A message without octets cannot be saved.");
	else if (l->octets > a->s->bridge->conf->max_message)
		refuse(a, "NO [TOOBIG] The message is too large.");
	else if (a->count > MESSAGES_MAX)
		refuse(a, "NO [LIMIT] Too many messages in one command.");
	else if (a->count > 1 && !imap_capability_has(a->s->capabilities.data,
				     a->s->capabilities.len, "MULTIAPPEND"))
		refuse(a, "BAD The server takes one message in a command.");
}

/* Reads and seals the message that comes next. */
static int
take_message(struct append *a, const uint8_t *from, bool first, struct err *err)
{
	struct imap_session *s = a->s;
	struct err why = { 0 };

	if (begin_upload(a, from, first, err) < 0)
		return -1;
	check_literal(a);

	/* without a refusal there is one, and it is of this message */
	struct upload *u = a->count == 0 ? NULL : &a->uploads[a->count - 1];

	if (a->refusal[0] == '\0' &&
	    (sealer_new(s->user, &u->sealer, &why) < 0 ||
		(first && s->bridge->sent != NULL &&
		    sent_printer_new(s->user, &a->printer, &why) < 0)))
		refuse_error(a, &why);
	if (s->command.literal.waits && a->refusal[0] != '\0') {
		a->over = true; /* the client does not send it */
		return 0;
	}
	if (s->command.literal.waits &&
	    (imap_say(s->client, err, "+ OK") < 0 ||
		net_stream_flush(s->client, err) < 0))
		return -1;

	struct feeding f = { a, u == NULL ? NULL : u->sealer };
	const struct sink to = { .put = feed, .ctx = &f };

	if (imap_read_literal(s->client, s->command.literal.octets, &to, err) <
	    0)
		return -1;
	if (a->refusal[0] == '\0' &&
	    (sealer_finish(u->sealer, &u->stored, &why) < 0 ||
		take_print(a, &why) < 0))
		refuse_error(a, &why);
	return 0;
}

/* Up to the end of the command. */
static int
take_messages(struct append *a, const uint8_t *from, struct err *err)
{
	struct imap_frame *f = &a->s->command;
	enum imap_framed what;

	for (bool first = true;; first = false) {
		if (take_message(a, from, first, err) < 0)
			return -1;
		if (a->over)
			return 0;
		buf_clear(&f->text);
		imap_frame_resume(f);

		int rc = imap_read(a->s->client, f, &what, err);

		if (rc <= 0)
			return rc < 0 ? -1
				      : err_set(err, ERR_TEMP,
					    "the client has gone");
		if (what == IMAP_FRAME_WHOLE)
			break;
		from = f->text.data;
	}
	if (f->text.len > 0)
		refuse(a, "BAD Invalid arguments.");
	return 0;
}

/* ---- to the server ---- */

static int
send_upload(struct append *a, struct imap_own *own, const struct upload *u,
    struct err *err)
{
	struct imap_session *s = a->s;
	const struct sink server = imap_stream_sink(s->server);
	int rc =
	    imap_send_text(s, u->before.data, u->before.len, own, NULL, err);

	if (rc <= 0)
		return rc;
	rc = imap_send_announcement(s, spool_size(u->stored), own, NULL, err);
	if (rc <= 0)
		return rc;
	return spool_replay(u->stored, REPLAY_OCTETS, &server, err) < 0 ? -1
									: 1;
}

static int
send_all(struct append *a, struct err *err)
{
	cleanup(imap_own_reset) struct imap_own own = { 0 };
	struct imap_session *s = a->s;
	int rc = 1;

	imap_own_begin(s, &own);
	if (net_stream_write(s->server, own.tag, strlen(own.tag), err) < 0 ||
	    net_stream_write(s->server, " APPEND ", 8, err) < 0)
		return -1;
	for (size_t i = 0; rc > 0 && i < a->count; i++)
		rc = send_upload(a, &own, &a->uploads[i], err);
	if (rc < 0 ||
	    (rc > 0 && net_stream_write(s->server, "\r\n", 2, err) < 0))
		return -1;
	while (!own.done)
		if (imap_relay(s, &own, err) < 0)
			return -1;
	a->stored = own.ok;
	return imap_answer_as(s, a->tag, &own.result, err);
}

static int
take_found(void *ctx, const struct imap_response *r, struct err *err)
{
	bool *found = ctx;

	(void)err;
	if (!imap_response_is(r, "SEARCH"))
		return 0;
	*found = *found || r->rest_len > 0;
	return 1;
}

/*
 * A client may bring a message back that has left the folder since, and remove
 * it elsewhere when it is told that it is stored. Asked where the folder is
 * selected, as it is by programs that synchronize. 1, 0 it has gone, -1.
 */
static int
is_there_still(struct append *a, uint32_t uidvalidity, uint32_t uid,
    struct err *err)
{
	bool found = false;
	cleanup(imap_own_reset) struct imap_own own = { .data = take_found,
		.ctx = &found };
	struct imap_session *s = a->s;
	char text[40];

	if (uid == 0 || s->mailbox == NULL || s->uidvalidity == 0 ||
	    strcmp(s->mailbox, (const char *)a->folder.data) != 0)
		return 1;
	if (s->uidvalidity != uidvalidity)
		return 0;
	(void)snprintf(text, sizeof text, "UID SEARCH UID %u", (unsigned)uid);
	if (imap_run(s, &own, text, strlen(text), err) < 0)
		return -1;
	return own.ok && found;
}

/* The bridge has stored this copy itself, so it says. */
static int
take_claim(struct append *a, const struct sent_client *client,
    uint32_t uidvalidity, uint32_t uid, struct err *err)
{
	struct imap_session *s = a->s;
	int rc = is_there_still(a, uidvalidity, uid, err);

	if (rc == 0)
		return send_all(a, err);
	if (rc > 0)
		rc = uid == 0
		    ? imap_answer(s, a->tag, err, "OK Append completed.")
		    : imap_answer(s, a->tag, err,
			  "OK [APPENDUID %u %u] Append completed.",
			  (unsigned)uidvalidity, (unsigned)uid);
	/* the client has heard nothing, and will try again */
	if (rc < 0)
		sent_client_unclaimed(
		    s->bridge->sent, client, uidvalidity, uid);
	return rc;
}

/* The bridge may have stored this copy of a sent message itself. */
static int
send_once(struct append *a, struct err *err)
{
	struct imap_session *s = a->s;
	const struct sent_client client = { .account = s->account,
		.folder = (const char *)a->folder.data,
		.print = a->print,
		.memory = s->facts };
	uint32_t uidvalidity = 0, uid = 0;
	int rc;

	if (a->folder.len == 0 || a->count != 1)
		return send_all(a, err);
	if (sent_client_begins(
		s->bridge->sent, &client, &uidvalidity, &uid) == 0) {
		rc = send_all(a, err);
		sent_client_done(s->bridge->sent, &client, a->stored);
		return rc;
	}
	return take_claim(a, &client, uidvalidity, uid, err);
}

int
imap_do_append(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	cleanup(append_reset) struct append a = { .s = s };

	memcpy(a.tag, c->tag, sizeof a.tag);
	if (imap_drain(s, err) < 0 || take_messages(&a, c->arguments, err) < 0)
		return -1;
	if (a.refusal[0] != '\0')
		return imap_answer(s, a.tag, err, "%s", a.refusal);
	return send_once(&a, err);
}
