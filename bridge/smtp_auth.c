/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * AUTH PLAIN and LOGIN (RFC 4954), and the login at the server with what was
 * said. The bridge must learn the password: no other mechanism is offered.
 */

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/log.h"
#include "gate.h"
#include "listen.h"
#include "sent.h"
#include "smtp_ehlo.h"
#include "smtp_session.h"
#include "upstream.h"

enum { FAILED_LOGINS_MAX = 5 };

/* ---- the login ---- */

/* What stands in the way, in words; the client shows them. */
static int
say_error(struct smtp_session *s, const char *code, const struct err *err)
{
	cleanup(free_str) char *line = NULL;

	log_warning("smtp: login of <%s>: %s", s->account->address, err->text);
	if (asprintf(&line, "%s %s", code, err->text) < 0) {
		line = NULL;
		return -1;
	}
	return smtp_say(s, line);
}

static int
say_refused(struct smtp_session *s, const struct account *a)
{
	log_info(
	    "smtp: login refused, client=%s", net_stream_peer(s->client));
	gate_failed(s->bridge->gate, a, s->client);
	if (++s->failed_logins >= FAILED_LOGINS_MAX)
		s->over = true;
	return smtp_say(s, "535 5.7.8 wrong address or password");
}

/* For users_enter(): the vault is asked for over IMAP. */
static int
fetch_vault(void *ctx, struct buf *armored, struct err *err)
{
	struct smtp_session *s = ctx;
	cleanup(net_stream_free) struct net_stream *imap = NULL;
	cleanup(buf_reset) struct buf unused = { .limit = SMTP_REPLY_MAX };
	enum login_result result = LOGIN_REFUSED;

	if (upstream_imap(s->bridge, s->account, s->credentials, &result,
	        &imap, &unused, err) < 0)
		return -1;
	if (result != LOGIN_OK)
		return err_set(err, ERR_PERM,
		    "the IMAP server refuses the password that the SMTP "
		    "server takes");
	return upstream_fetch_vault(imap, armored, err);
}

static int
open_server(struct smtp_session *s, enum login_result *result,
    struct err *err)
{
	cleanup(buf_reset) struct buf ehlo = { .limit = SMTP_REPLY_MAX };

	smtp_drop_server(s);
	if (upstream_smtp(s->bridge, s->account, s->credentials, result,
	        &s->server, &ehlo, err) < 0)
		return -1;
	if (*result != LOGIN_OK)
		return 0;
	buf_clear(&s->ehlo);
	return smtp_ehlo_filter(buf_str(&ehlo, err), &s->ehlo, err);
}

int
smtp_connect(struct smtp_session *s)
{
	enum login_result result = LOGIN_REFUSED;
	struct err err = { 0 };

	if (open_server(s, &result, &err) < 0)
		return say_error(s, "451 4.4.1", &err);
	if (result == LOGIN_OK)
		return 1;
	s->over = true; /* the password was changed meanwhile */
	return smtp_say(s, "421 4.7.0 the server refuses the login now");
}

static void
forget_login(struct smtp_session *s)
{
	smtp_drop_server(s);
	credentials_free(&s->credentials);
	s->account = NULL;
}

/* s->account and s->credentials are there. */
static int
enter(struct smtp_session *s)
{
	enum login_result result = LOGIN_REFUSED;
	struct err err = { 0 };
	int rc;

	if (open_server(s, &result, &err) < 0) {
		rc = say_error(s, "454 4.7.0", &err);
		forget_login(s);
		return rc;
	}
	if (result != LOGIN_OK) {
		const struct account *a = s->account;

		forget_login(s);
		return say_refused(s, a);
	}
	if (users_enter(s->bridge->users, s->account, s->credentials,
	        fetch_vault, s, &s->user, &err) < 0) {
		rc = say_error(s,
		    err.kind == ERR_PERM ? "535 5.7.8" : "454 4.7.0", &err);
		forget_login(s);
		return rc;
	}
	log_info("smtp: logged in, user=<%s>", s->account->address);
	sent_resume(s->bridge->sent, s->user, s->credentials);
	net_stream_set_timeout(
	    s->client, s->bridge->conf->idle_timeout * 1000);
	return smtp_say(s, "235 2.7.0 welcome");
}

static int
try_login(struct smtp_session *s, const char *login, const void *password,
    size_t n)
{
	const struct account *a = bridge_conf_account(s->bridge->conf, login);
	struct err err = { 0 };
	int rc;

	if (a == NULL || n == 0 || n > LIMIT_PASSWORD)
		return say_refused(s, a);
	s->account = a;
	if (credentials_derive(s->bridge->crypt, s->account, password, n,
	        &s->credentials, &err) == 0)
		return enter(s);
	rc = say_error(s, "454 4.7.0", &err);
	forget_login(s);
	return rc;
}

static int
log_in(struct smtp_session *s, const char *login, const void *password,
    size_t n)
{
	int rc;

	bridge_client_becomes(s->bridge, s->client, CLIENT_BUSY);
	rc = try_login(s, login, password, n);
	bridge_client_becomes(s->bridge, s->client,
	    s->account != NULL ? CLIENT_KNOWN : CLIENT_STRANGER);
	return rc;
}

/* ---- the mechanisms ---- */

/* 1 decoded, 0 answered, -1. */
static int
decode(struct smtp_session *s, const char *text, struct buf *out)
{
	size_t n = strlen(text);
	long len;

	if (strcmp(text, "*") == 0)
		return smtp_say(s, "501 5.7.0 cancelled");
	if (strcmp(text, "=") == 0)
		n = 0;
	if (buf_reserve(out, n / 4 * 3 + 1, NULL) < 0)
		return -1;
	len = base64_decode(text, n, out->data);
	if (len < 0)
		return smtp_say(s, "501 5.5.2 that is no base64");
	out->len = (size_t)len;
	return buf_str(out, NULL) == NULL ? -1 : 1;
}

/* Asks with a challenge; 1 and the answer, 0 answered, -1. */
static int
ask(struct smtp_session *s, const char *challenge, struct buf *out)
{
	cleanup(buf_reset) struct buf line = {
		.limit = SMTP_LINE_MAX + 1,
		.secret = true,
	};
	bool clean = false;

	if (smtp_say(s, challenge) < 0 ||
	    net_stream_flush(s->client, NULL) < 0 ||
	    smtp_client_line(s, &line, &clean, NULL) != 1)
		return -1;
	if (!clean)
		return smtp_say(s, "501 5.5.2 that is no base64");
	return decode(s, (const char *)line.data, out);
}

/* authzid NUL authcid NUL password */
static int
take_plain(struct smtp_session *s, const struct buf *message)
{
	const uint8_t *end = message->data + message->len;
	const uint8_t *login = memchr(message->data, '\0', message->len);
	const uint8_t *password = login == NULL
	    ? NULL
	    : memchr(login + 1, '\0', (size_t)(end - login - 1));

	if (password == NULL ||
	    memchr(password + 1, '\0', (size_t)(end - password - 1)) != NULL)
		return smtp_say(s, "501 5.5.2 that is no PLAIN message");
	if (login != message->data &&
	    strcmp((const char *)message->data, (const char *)login + 1) != 0)
		return smtp_say(s, "535 5.7.8 nobody may act for another");
	return log_in(s, (const char *)login + 1, password + 1,
	    (size_t)(end - password - 1));
}

static int
auth_plain(struct smtp_session *s, const char *initial)
{
	cleanup(buf_reset) struct buf message = {
		.limit = SMTP_LINE_MAX,
		.secret = true,
	};
	int rc = initial[0] == '\0' ? ask(s, "334 ", &message)
				    : decode(s, initial, &message);

	return rc == 1 ? take_plain(s, &message) : rc;
}

static int
auth_login(struct smtp_session *s, const char *initial)
{
	cleanup(buf_reset) struct buf login = { .limit = SMTP_LINE_MAX };
	cleanup(buf_reset) struct buf password = {
		.limit = SMTP_LINE_MAX,
		.secret = true,
	};
	int rc = initial[0] == '\0' ? ask(s, "334 VXNlcm5hbWU6", &login)
				    : decode(s, initial, &login);

	if (rc != 1)
		return rc;
	rc = ask(s, "334 UGFzc3dvcmQ6", &password);
	if (rc != 1)
		return rc;
	if (memchr(login.data, '\0', login.len) != NULL)
		return smtp_say(s, "501 5.5.2 a NUL in a name");
	return log_in(s, (const char *)login.data, password.data,
	    password.len);
}

int
smtp_auth(struct smtp_session *s, const char *argument)
{
	size_t n = strcspn(argument, " ");
	const char *initial = argument + n + strspn(argument + n, " ");

	if (n == 5 && strncasecmp(argument, "PLAIN", n) == 0)
		return auth_plain(s, initial);
	if (n == 5 && strncasecmp(argument, "LOGIN", n) == 0)
		return auth_login(s, initial);
	return smtp_say(s, "504 5.5.4 PLAIN or LOGIN");
}
