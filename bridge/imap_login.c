/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * From the greeting to the login. Nothing but PLAIN and LOGIN is offered, or
 * the bridge would not learn the password that opens the vault.
 */

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "facts.h"
#include "gate.h"
#include "imap_session.h"
#include "listen.h"
#include "proto/imap_capability.h"
#include "sent.h"
#include "store/metacache.h"
#include "upstream.h"

enum { REFUSED_LOGINS_MAX = 5 };

bool
imap_may_log_in(const struct imap_session *s)
{
	return s->may_plain || net_stream_is_tls(s->client);
}

static bool
may_start_tls(const struct imap_session *s)
{
	return s->bridge->tls != NULL && !net_stream_is_tls(s->client);
}

const char *
imap_first_capabilities(const struct imap_session *s)
{
	static const char *const lists[2][2] = {
		{ "IMAP4rev1 SASL-IR ID LITERAL+ LOGINDISABLED",
		    "IMAP4rev1 SASL-IR ID LITERAL+ AUTH=PLAIN AUTH=LOGIN" },
		{ "IMAP4rev1 SASL-IR ID LITERAL+ STARTTLS LOGINDISABLED",
		    "IMAP4rev1 SASL-IR ID LITERAL+ STARTTLS AUTH=PLAIN "
		    "AUTH=LOGIN" },
	};

	return lists[may_start_tls(s)][imap_may_log_in(s)];
}

/* ---- the login itself ---- */

static const char wrong_password[] =
    "NO [AUTHENTICATIONFAILED] Wrong address or password.";

static int
log_in_error(struct imap_session *s, const char *tag, const char *who,
    const struct err *why, struct err *err)
{
	char user[LOG_TEXT_SIZE];

	log_warning("imap: login failed, user=<%s>, reason=%s",
	    log_text(user, who), why->text);
	if (why->kind == ERR_TEMP)
		return imap_say(s->client, err,
		    "%s NO [UNAVAILABLE] Cannot log in now: %s.", tag,
		    why->text);
	return imap_say(s->client, err,
	    "%s NO [CONTACTADMIN] Cannot log in: %s.", tag, why->text);
}

static int
refuse(
    struct imap_session *s, const char *tag, const char *who, struct err *err)
{
	char user[LOG_TEXT_SIZE];

	log_warning("imap: login refused, user=<%s>, client=%s",
	    log_text(user, who), net_stream_peer(s->client));
	s->refused_logins++;
	gate_failed(s->bridge->gate, s->account, s->client);
	return imap_say(s->client, err, "%s %s", tag, wrong_password);
}

/* It spares work, no more: without it the session goes on. */
static void
open_facts(struct imap_session *s)
{
	uint8_t key[FACTS_KEY_LEN];
	struct err err = { 0 };

	if (facts_key(s->user, key, &err) < 0 ||
	    facts_open(s->bridge, key, &s->facts, &err) < 0)
		log_warning("imap: no cache, reason=%s", err.text);
	explicit_bzero(key, sizeof key);
}

/* 1 logged in, 0 refused by the server, -1 with *err. */
static int
enter(struct imap_session *s, const char *password, size_t len, struct err *err)
{
	cleanup(credentials_free) struct credentials *c = NULL;
	enum login_result result = LOGIN_REFUSED;
	struct bridge *b = s->bridge;

	if (credentials_derive(b->crypt, s->account, password, len, &c, err) <
	    0)
		return -1;
	buf_clear(&s->capabilities);
	if (upstream_imap(b, s->account, c, &result, &s->server,
		&s->capabilities, err) < 0)
		return -1;
	if (result != LOGIN_OK)
		return 0;
	if (users_enter(b->users, s->account, c, upstream_fetch_vault,
		s->server, &s->user, err) < 0)
		return -1;
	if (user_messages(
		s->user, (size_t)b->conf->cache_memory, &s->messages, err) < 0)
		return -1;
	open_facts(s);
	if (b->sent != NULL)
		sent_resume(b->sent, s->user, c);
	return 1;
}

static int
welcome(struct imap_session *s, const char *tag, struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = LIMIT_IMAP_LINE };
	cleanup(buf_reset) struct buf words = { .limit = LIMIT_IMAP_LINE };
	const struct buf *c = &s->capabilities;

	s->literal_plus = imap_capability_has(c->data, c->len, "LITERAL+");
	log_info("imap: login, user=<%s>, client=%s, tls=%s",
	    s->account->address, net_stream_peer(s->client),
	    net_stream_is_tls(s->client) ? "yes" : "no");
	if (imap_capability_filter(c->data, c->len, &words, err) < 0 ||
	    buf_putf(&line, err, "%s OK [CAPABILITY ", tag) < 0 ||
	    buf_put(&line, words.data, words.len, err) < 0 ||
	    buf_puts(&line, "] Logged in\r\n", err) < 0)
		return -1;
	return net_stream_write(s->client, line.data, line.len, err) < 0 ? -1
									 : 1;
}

static int
log_in_as(struct imap_session *s, const char *tag, const char *who,
    const char *password, size_t len, struct err *err)
{
	struct err why = { 0 };

	s->account = bridge_conf_account(s->bridge->conf, who);
	if (s->account == NULL || len == 0 || len > LIMIT_PASSWORD)
		return refuse(s, tag, who, err);

	int rc = enter(s, password, len, &why);

	if (rc > 0)
		return welcome(s, tag, err);
	s->messages = NULL;
	metacache_close(&s->facts);
	user_leave(&s->user);
	net_stream_free(&s->server);
	if (rc == 0)
		return refuse(s, tag, who, err);
	return log_in_error(s, tag, who, &why, err);
}

int
imap_log_in_as(struct imap_session *s, const char *tag, const char *who,
    const char *password, size_t len, struct err *err)
{
	int rc;

	bridge_client_becomes(s->bridge, s->client, CLIENT_BUSY);
	rc = log_in_as(s, tag, who, password, len, err);
	bridge_client_becomes(s->bridge, s->client,
	    rc > 0 ? CLIENT_KNOWN : CLIENT_STRANGER);
	return rc;
}

/* ---- commands ---- */

static int
say_bad(struct imap_session *s, const char *tag, struct err *err)
{
	return imap_say(s->client, err, "%s BAD Invalid arguments.", tag);
}

static int
do_capability(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (imap_say(s->client, err, "* CAPABILITY %s",
		imap_first_capabilities(s)) < 0)
		return -1;
	return imap_say(s->client, err, "%s OK Capability completed.", c->tag);
}

static int
do_noop(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	return imap_say(s->client, err, "%s OK NOOP completed.", c->tag);
}

static int
do_id(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (imap_say(s->client, err, "* ID NIL") < 0)
		return -1;
	return imap_say(s->client, err, "%s OK ID completed.", c->tag);
}

static int
do_logout(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	s->ended = true;
	if (imap_say(s->client, err, "* BYE Logging out") < 0)
		return -1;
	return imap_say(s->client, err, "%s OK Logout completed.", c->tag);
}

static int
do_starttls(
    struct imap_session *s, const struct imap_command *c, struct err *err)
{
	if (!may_start_tls(s))
		return imap_say(
		    s->client, err, "%s BAD TLS is not available.", c->tag);
	if (imap_say(
		s->client, err, "%s OK Begin TLS negotiation now.", c->tag) < 0)
		return -1;
	imap_frame_reset(&s->command); /* `c` is used up */
	return net_stream_start_tls_server(s->client, s->bridge->tls, err);
}

static int
do_login(struct imap_session *s, const struct imap_command *c, struct err *err)
{
	cleanup(buf_reset) struct buf who = { .limit = LIMIT_IMAP_LOGIN };
	cleanup(buf_reset) struct buf password = { .limit = LIMIT_IMAP_LOGIN,
		.secret = true };
	struct imap_cursor at = imap_cursor(c->arguments, c->arguments_len);
	struct imap_value v[2];

	if (!imap_may_log_in(s))
		return imap_say(s->client, err,
		    "%s NO [PRIVACYREQUIRED] Only with TLS.", c->tag);
	if (imap_next(&at, &v[0], NULL) <= 0 ||
	    imap_next(&at, &v[1], NULL) <= 0 || !imap_at_end(&at) ||
	    imap_put_octets(&v[0], &who, NULL) < 0 ||
	    imap_put_octets(&v[1], &password, NULL) < 0 ||
	    buf_str(&who, NULL) == NULL || buf_str(&password, NULL) == NULL)
		return say_bad(s, c->tag, err);
	if (memchr(password.data, '\0', password.len) != NULL ||
	    memchr(who.data, '\0', who.len) != NULL)
		return say_bad(s, c->tag, err);
	return imap_log_in_as(s, c->tag, (const char *)who.data,
	    (const char *)password.data, password.len, err);
}

static const struct known {
	const char *name;
	/* 1 logged in, 0 not, -1 */
	int (*run)(
	    struct imap_session *, const struct imap_command *, struct err *);
} commands[] = {
	{ "CAPABILITY", do_capability },
	{ "NOOP", do_noop },
	{ "ID", do_id },
	{ "LOGOUT", do_logout },
	{ "STARTTLS", do_starttls },
	{ "LOGIN", do_login },
	{ "AUTHENTICATE", imap_do_authenticate },
};

static int
run_command(struct imap_session *s, struct err *err)
{
	struct imap_command c;

	if (imap_command_parse(
		s->command.text.data, s->command.text.len, &c, NULL) == 0 &&
	    !c.uid)
		for (size_t i = 0; i < countof(commands); i++)
			if (imap_command_is(&c, commands[i].name))
				return commands[i].run(s, &c, err);
	s->refused_logins++; /* not for ever */
	return imap_say(s->client, err, "%s BAD Unknown command.", c.tag);
}

static int
take_literal(struct imap_session *s, struct err *err)
{
	struct imap_frame *f = &s->command;

	if (f->literal.octets > f->text.limit - f->text.len)
		return err_set(err, ERR_PROTO, "a literal is too large");
	if (f->literal.waits && (imap_say(s->client, err, "+ OK") < 0 ||
				    net_stream_flush(s->client, err) < 0))
		return -1;
	return imap_keep_literal(s->client, f, err);
}

int
imap_log_in(struct imap_session *s, struct err *err)
{
	enum imap_framed what;
	int rc = 0;

	while (!s->ended && s->refused_logins < REFUSED_LOGINS_MAX) {
		if (net_stream_flush(s->client, err) < 0)
			return -1;
		rc = imap_read(s->client, &s->command, &what, err);
		if (rc <= 0)
			return rc;
		if (what == IMAP_FRAME_LITERAL) {
			if (take_literal(s, err) < 0)
				return -1;
			continue;
		}
		rc = run_command(s, err);
		imap_frame_reset(&s->command);
		if (rc != 0)
			return rc;
	}
	if (!s->ended)
		return imap_say(s->client, err, "* BYE Too many failures.");
	return 0;
}
