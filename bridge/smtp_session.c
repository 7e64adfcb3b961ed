/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The submission session: a client's commands, one after the other, passed on
 * to the server as they are. The bridge's own are EHLO, STARTTLS and AUTH; it
 * speaks to a server only for a client that has logged in. Nothing of a message
 * or a login is logged.
 */

#include "smtp_session.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "smtp_ehlo.h"
#include "smtp_features.h"

enum { BAD_COMMANDS_MAX = 20 };

int
smtp_say(struct smtp_session *s, const char *text)
{
	if (net_stream_write(s->client, text, strlen(text), NULL) < 0 ||
	    net_stream_write(s->client, "\r\n", 2, NULL) < 0)
		return -1;
	/* pipelined commands are answered together */
	if (net_stream_buffered(s->client) > 0)
		return 0;
	return net_stream_flush(s->client, NULL);
}

int
smtp_pass_reply(struct smtp_session *s)
{
	if (net_stream_write(s->client, s->reply.text.data,
	        s->reply.text.len, NULL) < 0)
		return -1;
	if (s->reply.code == 421) {
		s->over = true;
		smtp_drop_server(s);
		return net_stream_flush(s->client, NULL);
	}
	if (net_stream_buffered(s->client) > 0)
		return 0;
	return net_stream_flush(s->client, NULL);
}

static void
end_mail(struct smtp_session *s)
{
	s->in_mail = false;
	s->recipient_count = 0;
	buf_clear(&s->recipients);
}

void
smtp_drop_server(struct smtp_session *s)
{
	net_stream_free(&s->server);
	end_mail(s);
}

/* A command for the server, and its reply to the client. */
static int
pass(struct smtp_session *s, const char *line)
{
	struct err err = { 0 };

	if (smtp_command(
	        s->server, line, strlen(line), &s->reply, &err) == 0)
		return smtp_pass_reply(s);
	log_warning("smtp: %s: %s", s->account->smtp.host, err.text);
	smtp_drop_server(s);
	s->over = true;
	return smtp_say(s, "421 4.4.2 the connection to the server is lost");
}

/* Has the server ended the idle connection by itself? */
static bool
is_stale(struct smtp_session *s)
{
	bool ready = false, unused = false;

	if (s->server == NULL || net_stream_buffered(s->server) > 0)
		return true;
	return net_stream_wait(s->server, NULL, 0, &ready, &unused, NULL) != 0;
}

/* Its transaction, and what it remembers of a MAIL that it refused. */
static void
reset_server(struct smtp_session *s)
{
	if (is_stale(s) ||
	    smtp_command(s->server, "RSET", 4, &s->reply, NULL) < 0)
		smtp_drop_server(s);
	end_mail(s);
}

/* ---- commands ---- */

static int
do_ehlo(struct smtp_session *s, const char *argument)
{
	cleanup(buf_reset) struct buf lines = { .limit = SMTP_REPLY_MAX };
	cleanup(buf_reset) struct buf out = { .limit = 2 * SMTP_REPLY_MAX };
	bool tls = net_stream_is_tls(s->client);

	if (argument[0] == '\0')
		return smtp_say(s, "501 5.5.4 EHLO needs a name");
	reset_server(s);
	s->greeted = true;
	if (s->account == NULL) {
		if (smtp_features_get(s->bridge->features, &lines, NULL) < 0)
			return -1;
	} else if (buf_put(&lines, s->ehlo.data, s->ehlo.len, NULL) < 0 ||
	    buf_str(&lines, NULL) == NULL) {
		return -1;
	}
	if (smtp_ehlo_reply((const char *)lines.data,
	        s->account == NULL && (s->may_plain || tls),
	        s->bridge->tls != NULL && !tls && s->account == NULL, &out,
	        NULL) < 0 ||
	    net_stream_write(s->client, out.data, out.len, NULL) < 0)
		return -1;
	return net_stream_flush(s->client, NULL);
}

static int
do_helo(struct smtp_session *s, const char *argument)
{
	if (argument[0] == '\0')
		return smtp_say(s, "501 5.5.4 HELO needs a name");
	reset_server(s);
	s->greeted = true;
	return smtp_say(s, "250 sealpost-bridge");
}

static int
do_starttls(struct smtp_session *s, const char *argument)
{
	struct err err = { 0 };

	if (s->bridge->tls == NULL || net_stream_is_tls(s->client))
		return smtp_say(s, "502 5.5.1 there is no STARTTLS here");
	if (argument[0] != '\0')
		return smtp_say(s, "501 5.5.4 STARTTLS has no argument");
	if (s->account != NULL)
		return smtp_say(s, "503 5.5.1 too late for STARTTLS");
	/* what was pipelined behind it is thrown away, not answered */
	if (net_stream_write(s->client, "220 2.0.0 go on\r\n", 17, NULL) < 0 ||
	    net_stream_flush(s->client, NULL) < 0)
		return -1;
	if (net_stream_start_tls_server(s->client, s->bridge->tls, &err) < 0) {
		log_info("smtp: no TLS with %s: %s",
		    net_stream_peer(s->client), err.text);
		return -1;
	}
	s->greeted = false;
	return 0;
}

static int
do_auth(struct smtp_session *s, const char *argument)
{
	if (!s->may_plain && !net_stream_is_tls(s->client))
		return smtp_say(s, "538 5.7.11 STARTTLS first");
	if (s->account != NULL)
		return smtp_say(s, "503 5.5.1 you are logged in");
	if (!s->greeted)
		return smtp_say(s, "503 5.5.1 EHLO first");
	return smtp_auth(s, argument);
}

static bool
begins_with(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static int
do_mail(struct smtp_session *s, const char *argument)
{
	cleanup(free_str) char *line = NULL;

	if (!begins_with(argument, "FROM:"))
		return smtp_say(s, "501 5.5.4 MAIL FROM:<address>");
	if (s->in_mail)
		return smtp_say(s, "503 5.5.1 one message at a time");
	if (strcasestr(argument, " BODY=BINARYMIME") != NULL)
		return smtp_say(s, "555 5.5.4 BINARYMIME is not offered");
	if (is_stale(s)) {
		int rc = smtp_connect(s);

		if (rc <= 0)
			return rc;
	}
	if (asprintf(&line, "MAIL %s", argument) < 0) {
		line = NULL;
		return -1;
	}
	if (pass(s, line) < 0)
		return -1;
	s->in_mail = s->server != NULL && s->reply.code / 100 == 2;
	return 0;
}

/* "TO:<address> parameters": the address, for the Bcc field of the copy. */
static int
note_recipient(struct smtp_session *s, const char *argument)
{
	const char *from = strchr(argument, '<');
	const char *to = strchr(argument, '>');

	s->recipient_count++;
	if (from == NULL || to == NULL || to < from)
		return 0;
	if (s->recipients.len + (size_t)(to - from) + 1 >
	    s->recipients.limit)
		return 0; /* the copy's Bcc is not worth a refusal */
	if (buf_put(&s->recipients, from + 1, (size_t)(to - from) - 1, NULL) <
	    0)
		return -1;
	return buf_putc(&s->recipients, '\n', NULL);
}

static int
do_rcpt(struct smtp_session *s, const char *argument)
{
	cleanup(free_str) char *line = NULL;

	if (!begins_with(argument, "TO:"))
		return smtp_say(s, "501 5.5.4 RCPT TO:<address>");
	if (!s->in_mail)
		return smtp_say(s, "503 5.5.1 MAIL first");
	if (asprintf(&line, "RCPT %s", argument) < 0) {
		line = NULL;
		return -1;
	}
	if (pass(s, line) < 0)
		return -1;
	if (s->server == NULL || s->reply.code / 100 != 2)
		return 0;
	return note_recipient(s, argument);
}

static int
do_data(struct smtp_session *s, const char *argument)
{
	int rc;

	if (argument[0] != '\0')
		return smtp_say(s, "501 5.5.4 DATA has no argument");
	if (!s->in_mail)
		return smtp_say(s, "503 5.5.1 MAIL first");
	if (s->recipient_count == 0)
		return smtp_say(s, "554 5.5.1 no recipient was accepted");
	rc = smtp_letter(s);
	end_mail(s);
	return rc;
}

static int
do_rset(struct smtp_session *s, const char *argument)
{
	(void)argument;
	reset_server(s);
	return smtp_say(s, "250 2.0.0 done");
}

static int
do_noop(struct smtp_session *s, const char *argument)
{
	(void)argument;
	return smtp_say(s, "250 2.0.0 done");
}

static int
do_help(struct smtp_session *s, const char *argument)
{
	(void)argument;
	return smtp_say(s, "214 2.0.0 see sealpost-bridge(1)");
}

static int
do_quit(struct smtp_session *s, const char *argument)
{
	(void)argument;
	s->over = true;
	if (s->server != NULL &&
	    net_stream_write(s->server, "QUIT\r\n", 6, NULL) == 0 &&
	    net_stream_flush(s->server, NULL) < 0)
		smtp_drop_server(s);
	return smtp_say(s, "221 2.0.0 bye");
}

/* ---- the table ---- */

static const struct {
	const char *verb;
	bool needs_login;
	int (*run)(struct smtp_session *s, const char *argument);
} commands[] = {
	{ "EHLO", false, do_ehlo },
	{ "HELO", false, do_helo },
	{ "STARTTLS", false, do_starttls },
	{ "AUTH", false, do_auth },
	{ "MAIL", true, do_mail },
	{ "RCPT", true, do_rcpt },
	{ "DATA", true, do_data },
	{ "RSET", false, do_rset },
	{ "NOOP", false, do_noop },
	{ "HELP", false, do_help },
	{ "QUIT", false, do_quit },
};

static int
run_command(struct smtp_session *s, const char *line, unsigned *bad)
{
	size_t n = strcspn(line, " ");
	const char *argument = line + n + strspn(line + n, " ");

	for (size_t i = 0; i < countof(commands); i++) {
		if (strlen(commands[i].verb) != n ||
		    strncasecmp(line, commands[i].verb, n) != 0)
			continue;
		if (commands[i].needs_login && s->account == NULL)
			return smtp_say(s, "530 5.7.0 log in first");
		return commands[i].run(s, argument);
	}
	if (++*bad > BAD_COMMANDS_MAX) {
		s->over = true;
		return smtp_say(s, "421 4.7.0 too many errors");
	}
	return smtp_say(s, "502 5.5.1 there is no such command here");
}

/* No CR, LF or other control character of the client reaches the server. */
static bool
is_clean(const uint8_t *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] < 0x20 || line[i] == 0x7f)
			return false;
	return true;
}

int
smtp_client_line(struct smtp_session *s, struct buf *line, bool *clean,
    struct err *err)
{
	const uint8_t *data, *end;
	size_t len;
	int rc = net_stream_read(s->client, &data, &len, err);

	while (rc == 1 && (end = memchr(data, '\n', len)) == NULL &&
	    len <= SMTP_LINE_MAX)
		rc = net_stream_more(s->client, &data, &len, err);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return -1;
	if (len > SMTP_LINE_MAX)
		end = memchr(data, '\n', SMTP_LINE_MAX);
	if (end == NULL)
		return err_set(err, ERR_PROTO, "a line is too long");

	size_t n = (size_t)(end - data);

	*clean = n > 0 && data[n - 1] == '\r' && is_clean(data, n - 1);
	buf_clear(line);
	if (buf_put(line, data, n == 0 ? 0 : n - 1, err) < 0 ||
	    buf_str(line, err) == NULL)
		return -1;
	net_stream_ate(s->client, n + 1);
	return 1;
}

/* 1 goes on. */
static int
one_command(struct smtp_session *s, unsigned *bad)
{
	cleanup(buf_reset) struct buf line = {
		.limit = SMTP_LINE_MAX + 1,
		.secret = true,
	};
	struct err err = { 0 };
	bool clean = false;
	int rc = smtp_client_line(s, &line, &clean, &err);

	if (rc == 0)
		return 0;
	if (rc < 0) {
		if (err.kind == ERR_PROTO)
			return smtp_say(s, "500 5.5.6 the line is too long");
		return -1;
	}
	if (!clean) /* one that guesses where lines end may smuggle */
		rc = ++*bad > BAD_COMMANDS_MAX
		    ? -1
		    : smtp_say(s, "500 5.5.2 a line ends with CRLF and has "
				  "no control characters");
	else
		rc = run_command(s, (const char *)line.data, bad);
	return rc < 0 || s->over ? 0 : 1;
}

static void
session_end(struct smtp_session *s)
{
	net_stream_free(&s->server);
	if (s->user != NULL)
		user_leave(&s->user);
	credentials_free(&s->credentials);
	buf_reset(&s->ehlo);
	buf_reset(&s->recipients);
	smtp_reply_reset(&s->reply);
}

void
smtp_session_run(struct bridge *b, struct net_stream *client, bool may_plain)
{
	cleanup(session_end) struct smtp_session s = {
		.bridge = b,
		.client = client,
		.may_plain = may_plain,
		.ehlo = { .limit = SMTP_REPLY_MAX },
		.recipients = { .limit = RECIPIENTS_MAX },
	};
	unsigned bad = 0;

	/* who has not logged in yet is waited for as a server is */
	net_stream_set_timeout(client, b->conf->timeout * 1000);
	if (smtp_say(&s, "220 sealpost-bridge ESMTP") < 0)
		return;
	while (one_command(&s, &bad) == 1)
		;
	/* errors of the end do not matter any more */
	if (net_stream_flush(client, NULL) < 0)
		return;
}
