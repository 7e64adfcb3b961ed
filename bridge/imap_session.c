/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* One IMAP client from greeting to end. */

#include "imap_session.h"

#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "store/metacache.h"

static unsigned
milliseconds(uint32_t seconds)
{
	return seconds > UINT32_MAX / 1000 ? UINT32_MAX : seconds * 1000;
}

static void
session_reset(struct imap_session *s)
{
	for (size_t i = 0; i < s->forwarded_count; i++)
		free(s->forwarded[i].mailbox);
	buf_reset(&s->command.text);
	buf_reset(&s->response.text);
	buf_reset(&s->capabilities);
	free_str(&s->mailbox);
	imap_kinds_reset(&s->kinds);
	metacache_close(&s->facts);
	user_leave(&s->user);
	net_stream_free(&s->server);
}

static int
name_own_commands(struct imap_session *s, struct err *err)
{
	uint8_t seed[8];
	size_t at = 0;

	if (crypt_random(s->bridge->crypt, seed, sizeof seed, err) < 0)
		return -1;
	s->own_tag[at++] = 's';
	for (size_t i = 0; i < sizeof seed; i++, at += 2)
		(void)snprintf(
		    s->own_tag + at, sizeof s->own_tag - at, "%02x", seed[i]);
	s->own_tag[at] = '-';
	s->own_tag[at + 1] = '\0';
	return 0;
}

/* The limits of a client that has logged in. */
static void
trust_more(struct imap_session *s)
{
	buf_reset(&s->command.text);
	s->command.text.secret = false;
	s->command.text.limit = LIMIT_IMAP_COMMAND;
	s->response.is_response = true;
	s->response.text.limit = LIMIT_IMAP_RESPONSE;
	net_stream_set_timeout(
	    s->server, milliseconds(s->bridge->conf->timeout));
}

/* Is there what can be relayed without waiting for the rest of a line? */
static bool
has_line(struct net_stream *s)
{
	const uint8_t *data;
	size_t n;

	return net_stream_buffered(s) > 0 &&
	       net_stream_read(s, &data, &n, NULL) > 0 &&
	       memchr(data, '\n', n) != NULL;
}

/* A response, and what has come with it. */
static int
relay(struct imap_session *s, struct err *err)
{
	do
		if (imap_relay(s, NULL, err) < 0)
			return -1;
	while (!s->ended && has_line(s->server));
	return 1;
}

/* Waits for one of both and serves it. 1, 0 the client has gone, -1. */
static int
step(struct imap_session *s, struct err *err)
{
	const struct bridge_conf *conf = s->bridge->conf;
	bool busy = s->forwarded_count > 0 && !s->idling;
	bool from_client = false, from_server = false;

	if (net_stream_flush(s->client, err) < 0 ||
	    net_stream_flush(s->server, err) < 0)
		return -1;

	int rc = net_stream_wait(s->client, s->server,
	    milliseconds(busy ? conf->timeout : conf->idle_timeout),
	    &from_client, &from_server, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_TEMP, "%s is silent",
		    busy ? "the server" : "the client");
	if (from_server)
		return relay(s, err);
	return imap_command_step(s, err);
}

static int
serve(struct imap_session *s, struct err *err)
{
	int rc;

	if (name_own_commands(s, err) < 0 ||
	    imap_say(s->client, err, "* OK [CAPABILITY %s] sealpost-bridge",
		imap_first_capabilities(s)) < 0)
		return -1;
	rc = imap_log_in(s, err);
	if (rc > 0)
		trust_more(s);
	while (rc > 0 && !s->ended)
		rc = step(s, err);
	return rc;
}

static void
part(struct imap_session *s, const struct err *err)
{
	const char *who = s->user == NULL ? "" : s->account->address;

	log_info("imap: session ended, user=<%s>, client=%s, reason=%s", who,
	    net_stream_peer(s->client), err->text);
	/* in a torn response it would be taken for what is missing */
	if (!s->ended && !s->torn &&
	    imap_say(s->client, NULL,
		"* BYE [UNAVAILABLE] The bridge ends this "
		"session: %s.",
		err->text) < 0)
		return;
	(void)!net_stream_flush(s->client, NULL);
}

void
imap_session_run(struct bridge *b, struct net_stream *client, bool may_plain)
{
	struct err err = { 0 };
	cleanup(session_reset) struct imap_session s = { .bridge = b,
		.client = client,
		.may_plain = may_plain,
		.command = { .text = { .limit = LIMIT_IMAP_LOGIN,
				 .secret = true } },
		.capabilities = { .limit = LIMIT_IMAP_LINE } };

	net_stream_set_timeout(client, milliseconds(b->conf->timeout));
	if (serve(&s, &err) < 0)
		part(&s, &err);
	else
		(void)!net_stream_flush(client, NULL);
}
