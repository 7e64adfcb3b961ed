/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The commands after login. A table of what is known: what is not in it never
 * reaches the server, for it could go round the bridge.
 */

#include <stdarg.h>
#include <string.h>

#include "base/limits.h"
#include "imap_session.h"
#include "proto/imap_capability.h"

int
imap_answer(struct imap_session *s, const char *tag, struct err *err,
    const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (imap_drain(s, err) < 0)
		return -1;
	return imap_say(s->client, err, "%s %s", tag, text);
}

int
imap_answer_as(struct imap_session *s, const char *tag,
    const struct buf *result, struct err *err)
{
	if (imap_drain(s, err) < 0 ||
	    net_stream_write(s->client, tag, strlen(tag), err) < 0 ||
	    net_stream_write(s->client, " ", 1, err) < 0 ||
	    net_stream_write(s->client, result->data, result->len, err) < 0)
		return -1;
	return net_stream_write(s->client, "\r\n", 2, err);
}

/* ---- forwarded ---- */

static int
do_pass(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	return imap_forward(s, c, EFFECT_NONE, err);
}

static int
do_select(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	return imap_forward(s, c, EFFECT_SELECT, err);
}

static int
do_close(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	return imap_forward(s, c, EFFECT_CLOSE, err);
}

static int
do_idle(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (!imap_capability_has(
		s->capabilities.data, s->capabilities.len, "IDLE"))
		return imap_answer(s, c->tag, err, "BAD Unknown command.");
	if (imap_drain(s, err) < 0)
		return -1;
	s->idling = true;
	return imap_forward(s, c, EFFECT_IDLE, err);
}

static int
do_logout(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (imap_forward(s, c, EFFECT_NONE, err) < 0 || imap_drain(s, err) < 0)
		return -1;
	s->ended = true;
	return 0;
}

/* ---- forwarded unless they ask for what the server says wrongly ---- */

static bool
lists(const struct imap_value *list, const char *word)
{
	struct imap_cursor c = imap_cursor(list->data, list->len);
	struct imap_value v;

	while (list->type == IMAP_LIST && imap_next(&c, &v, NULL) > 0)
		if (imap_is(&v, word))
			return true;
	return false;
}

static const char no_size[] =
    "BAD STATUS SIZE is not available: the server knows other sizes.";

static int
do_status(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v;
	int rc;

	while ((rc = imap_next(&at, &v, NULL)) > 0)
		if (lists(&v, "SIZE"))
			return imap_answer(s, c->tag, err, "%s", no_size);
	if (rc < 0)
		return imap_answer(s, c->tag, err, "BAD Invalid arguments.");
	return do_pass(s, c, err);
}

/* RETURN (... STATUS (... SIZE)) */
static bool
returns_size(const struct imap_value *options)
{
	struct imap_cursor c = imap_cursor(options->data, options->len);
	struct imap_value v;

	while (options->type == IMAP_LIST && imap_next(&c, &v, NULL) > 0)
		if (lists(&v, "SIZE"))
			return true;
	return false;
}

static int
do_list(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v;
	int rc;

	while ((rc = imap_next(&at, &v, NULL)) > 0)
		if (returns_size(&v))
			return imap_answer(s, c->tag, err, "%s", no_size);
	if (rc < 0)
		return imap_answer(s, c->tag, err, "BAD Invalid arguments.");
	return do_pass(s, c, err);
}

static int
do_enable(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	cleanup(buf_reset) struct buf names = { .limit = LIMIT_IMAP_LINE };
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct buf *t = &s->command.text;
	struct imap_value v;

	while (imap_next(&at, &v, NULL) > 0)
		if (imap_enable_passes(v.data, v.len) &&
		    (buf_putc(&names, ' ', err) < 0 ||
			buf_put(&names, v.data, v.len, err) < 0))
			return -1;
	if (names.len == 0) {
		if (imap_drain(s, err) < 0 ||
		    imap_say(s->client, err, "* ENABLED") < 0)
			return -1;
		return imap_answer(s, c->tag, err, "OK Nothing enabled.");
	}
	buf_clear(t); /* `c` borrows from it: from here on only the tag */
	if (buf_putf(t, err, "%s ENABLE", c->tag) < 0 ||
	    buf_put(t, names.data, names.len, err) < 0)
		return -1;
	return do_pass(s, c, err);
}

static int
do_append(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	return imap_answer(s, c->tag, err, "BAD APPEND without a message.");
}

/* ---- the table ---- */

static const struct known {
	const char *name;
	bool with_uid; /* also as UID ... */
	int (*run)(
	    struct imap_session *, const struct imap_command *, struct err *);
} commands[] = {
	{ "CAPABILITY", false, do_pass },
	{ "NOOP", false, do_pass },
	{ "LOGOUT", false, do_logout },
	{ "ID", false, do_pass },
	{ "ENABLE", false, do_enable },
	{ "SELECT", false, do_select },
	{ "EXAMINE", false, do_select },
	{ "CREATE", false, do_pass },
	{ "DELETE", false, do_pass },
	{ "RENAME", false, do_pass },
	{ "SUBSCRIBE", false, do_pass },
	{ "UNSUBSCRIBE", false, do_pass },
	{ "LIST", false, do_list },
	{ "LSUB", false, do_pass },
	{ "XLIST", false, do_pass },
	{ "NAMESPACE", false, do_pass },
	{ "STATUS", false, do_status },
	{ "CHECK", false, do_pass },
	{ "CLOSE", false, do_close },
	{ "UNSELECT", false, do_close },
	{ "EXPUNGE", true, do_pass },
	{ "STORE", true, do_pass },
	{ "COPY", true, do_pass },
	{ "MOVE", true, do_pass },
	{ "FETCH", true, imap_do_fetch },
	{ "SEARCH", true, imap_do_search },
	{ "APPEND", false, do_append },
	{ "IDLE", false, do_idle },
	{ "GETQUOTA", false, do_pass },
	{ "GETQUOTAROOT", false, do_pass },
	{ "SETQUOTA", false, do_pass },
	{ "SETACL", false, do_pass },
	{ "DELETEACL", false, do_pass },
	{ "GETACL", false, do_pass },
	{ "LISTRIGHTS", false, do_pass },
	{ "MYRIGHTS", false, do_pass },
	{ "GETMETADATA", false, do_pass },
	{ "SETMETADATA", false, do_pass },
};

static int
run_command(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	for (size_t i = 0; i < countof(commands); i++)
		if (imap_command_is(c, commands[i].name) &&
		    (!c->uid || commands[i].with_uid))
			return commands[i].run(s, c, err);
	return imap_answer(s, c->tag, err, "BAD Unknown command.");
}

/* ---- reading ---- */

/* Is the literal that comes the message, not the mailbox's name? */
static bool
is_message(const struct imap_command *c)
{
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v;

	return imap_command_is(c, "APPEND") && !c->uid &&
	       imap_next(&at, &v, NULL) > 0;
}

/*
 * Keeps a literal of the command. 1; 0 when the command is over, for it waited
 * for leave and was refused.
 */
static int
take_literal(
    struct imap_session *s, const char *tag, bool *refused, struct err *err)
{
	struct imap_frame *f = &s->command;
	bool fits = !f->literal.binary &&
		    f->literal.octets <= LIMIT_IMAP_COMMAND - LIMIT_IMAP_LINE &&
		    f->literal.octets <= LIMIT_IMAP_COMMAND - f->text.len;

	if (!fits && f->literal.waits)
		return imap_answer(s, tag, err,
		    f->literal.binary ? "BAD No binary literals."
				      : "NO [LIMIT] The literal is too large.");
	if (!fits) {
		*refused = true;
		if (imap_skip_literal(s->client, f->literal.octets, err) < 0)
			return -1;
		imap_frame_resume(f);
		return 1;
	}
	if (f->literal.waits && (imap_say(s->client, err, "+ OK") < 0 ||
				    net_stream_flush(s->client, err) < 0))
		return -1;
	return imap_keep_literal(s->client, f, err) < 0 ? -1 : 1;
}

/* "DONE", or what a client says that does not know IDLE. */
static int
end_idle(struct imap_session *s, struct err *err)
{
	const struct buf *t = &s->command.text;
	bool done = imap_equal(t->data, t->len, "DONE");

	s->idling = false;
	if (!done && imap_say(s->client, err, "* BAD Expected DONE.") < 0)
		return -1;
	return imap_say(s->server, err, "DONE");
}

static int
read_command(struct imap_session *s, struct err *err)
{
	bool refused = false;
	enum imap_framed what;
	struct imap_command c;
	int rc;

	for (;;) {
		rc = imap_read(s->client, &s->command, &what, err);
		if (rc <= 0)
			return rc;
		if (s->idling)
			return end_idle(s, err) < 0 ? -1 : 1;

		refused = refused || s->command.text.len - s->command.line_at >
					 LIMIT_IMAP_LINE;

		int parsed = imap_command_parse(
		    s->command.text.data, s->command.text.len, &c, NULL);

		if (what == IMAP_FRAME_WHOLE && (parsed < 0 || refused))
			return imap_answer(s, c.tag, err,
				   "BAD The command cannot be taken.") < 0
				   ? -1
				   : 1;
		if (what == IMAP_FRAME_WHOLE)
			return run_command(s, &c, err) < 0 ? -1 : 1;
		if (parsed == 0 && !refused && is_message(&c))
			return imap_do_append(s, &c, err) < 0 ? -1 : 1;
		rc = take_literal(s, c.tag, &refused, err);
		if (rc <= 0)
			return rc < 0 ? -1 : 1;
	}
}

int
imap_command_step(struct imap_session *s, struct err *err)
{
	int rc = read_command(s, err);

	imap_frame_reset(&s->command);
	return rc;
}
