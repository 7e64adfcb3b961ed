/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Connection and login, whatever the protocol. */

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/limits.h"
#include "pins.h"
#include "proto/sasl_client.h"
#include "upstream_private.h"

enum {
	MIN_ROUNDS_SECRET = 4096, /* the login secret cannot be guessed */
	MIN_ROUNDS_PASSWORD = 100000,
	MAX_ROUNDS = 10000000,
	NONCE_OCTETS = 18,
	NONCE_SIZE = 25,
};

/* ---- connection ---- */

static int
start_tls(const struct server *to, struct net_stream *s, struct err *err)
{
	cleanup(net_tls_free) struct net_tls *tls = NULL;

	if (net_tls_client_new(to->fingerprint, to->ca_file, &tls, err) < 0)
		return -1;
	return net_stream_start_tls_client(s, tls, to->host, err);
}

int
upstream_connect(const struct bridge_conf *conf, const struct server *to,
    struct net_stream **out, struct err *err)
{
	cleanup(net_stream_free) struct net_stream *s = NULL;

	if (net_stream_connect(
	        to->host, to->port, conf->timeout * 1000, &s, err) < 0)
		return -1;
	if (to->tls == SERVER_TLS && start_tls(to, s, err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

int
upstream_start_tls(
    const struct server *to, struct net_stream *s, struct err *err)
{
	if (net_stream_buffered(s) > 0)
		return err_set(err, ERR_PERM,
		    "%s sent more than its answer before TLS: somebody on the "
		    "way may have done that",
		    to->host);
	return start_tls(to, s, err);
}

/* ---- lines ---- */

static int
take_line(struct net_stream *s, const uint8_t *data, size_t len,
    struct buf *line, struct err *err)
{
	size_t keep = len - 1;

	if (keep > 0 && data[keep - 1] == '\r')
		keep--;
	buf_clear(line);
	if (memchr(data, '\0', len) != NULL)
		return err_set(err, ERR_PROTO, "%s sends a NUL",
		    net_stream_peer(s));
	if (buf_put(line, data, keep, err) < 0 || buf_str(line, err) == NULL)
		return -1;
	net_stream_ate(s, len);
	return 0;
}

int
upstream_read_line(struct net_stream *s, struct buf *line, struct err *err)
{
	const uint8_t *data, *end;
	size_t len;
	int rc = net_stream_read(s, &data, &len, err);

	for (;;) {
		if (rc == 0)
			return err_set(err, ERR_TEMP,
			    "%s closed the connection", net_stream_peer(s));
		if (rc < 0)
			return -1;
		end = memchr(data, '\n', len);
		if (end != NULL)
			break;
		rc = net_stream_more(s, &data, &len, err);
	}
	return take_line(s, data, (size_t)(end - data) + 1, line, err);
}

bool
upstream_has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; *p != '\0';) {
		size_t n = strcspn(p, " ");

		if (n == len && strncasecmp(p, word, n) == 0)
			return true;
		p += n + strspn(p + n, " ");
	}
	return false;
}

int
upstream_put_decoded(const char *text, struct buf *out, struct err *err)
{
	size_t n = strlen(text);
	long len;

	if (strcmp(text, "=") == 0)
		return 0;
	if (buf_reserve(out, n / 4 * 3 + 1, err) < 0)
		return -1;
	len = base64_decode(text, n, out->data + out->len);
	if (len < 0)
		return err_set(err, ERR_PROTO, "the server sends no base64");
	out->len += (size_t)len;
	return 0;
}

int
upstream_put_encoded(
    struct crypt_bytes message, struct buf *out, struct err *err)
{
	if (buf_reserve(out, base64_size(message.len) + 1, err) < 0)
		return -1;
	out->len += base64_encode(
	    message.data, message.len, (char *)out->data + out->len);
	return 0;
}

/* ---- SCRAM-SHA-256 ---- */

struct exchange {
	const struct upstream_login *login;
	const struct sasl_wire *wire;
	struct pin pin;
	struct scram_client *scram;
	struct buf challenge, message;
	char nonce[NONCE_SIZE];
	struct crypt_bytes salt;
	uint32_t iterations;
	bool is_pinned; /* these two, before this login */
	bool proven; /* the server knows the verifier */
};

static int
make_scram(struct exchange *x, struct err *err)
{
	const struct upstream_login *l = x->login;
	uint8_t random[NONCE_OCTETS];
	const struct scram_setup setup = {
		.crypt = l->bridge->crypt,
		.user = l->account->user,
		.password = { l->credentials->login,
		    l->credentials->login_len },
		.nonce = x->nonce,
		.min_iterations = l->account->login_secret
		    ? MIN_ROUNDS_SECRET
		    : MIN_ROUNDS_PASSWORD,
		.max_iterations = MAX_ROUNDS,
	};

	if (crypt_random(l->bridge->crypt, random, sizeof random, err) < 0)
		return -1;
	x->nonce[base64_encode(random, sizeof random, x->nonce)] = '\0';
	return scram_client_new(&setup, &x->scram, err);
}

/* The server's first message is there; the answer to it. */
static int
answer_first(struct exchange *x, enum sasl_said *said, struct err *err)
{
	if (scram_client_take_first(x->scram, x->challenge.data,
	        x->challenge.len, &x->salt, &x->iterations, err) < 0)
		return -1;

	int pinned = pin_check(&x->pin, x->salt, x->iterations, err);

	if (pinned < 0 || scram_client_final(x->scram, &x->message, err) < 0)
		return -1;
	x->is_pinned = pinned == 1;
	buf_clear(&x->challenge);
	return x->wire->step(x->wire->ctx,
	    (struct crypt_bytes){ x->message.data, x->message.len },
	    &x->challenge, said, err);
}

static int
answer_final(struct exchange *x, enum sasl_said *said, struct err *err)
{
	int rc = scram_client_verify(
	    x->scram, x->challenge.data, x->challenge.len, err);

	if (rc < 0)
		return -1;
	x->proven = rc == 1;
	buf_clear(&x->challenge);
	return x->wire->step(x->wire->ctx, (struct crypt_bytes){ "", 0 },
	    &x->challenge, said, err);
}

static int
run_scram(struct exchange *x, enum sasl_said *said, struct err *err)
{
	struct crypt_bytes first;

	if (make_scram(x, err) < 0)
		return -1;
	first.data = scram_client_first(x->scram, &first.len);
	if (x->wire->begin(x->wire->ctx, "SCRAM-SHA-256", first,
	        &x->challenge, said, err) < 0)
		return -1;
	if (*said == SASL_MORE && answer_first(x, said, err) < 0)
		return -1;
	if (*said == SASL_MORE && answer_final(x, said, err) < 0)
		return -1;
	if (*said == SASL_REFUSED)
		return 0;
	if (*said == SASL_MORE || !x->proven)
		return err_set(err, ERR_PERM,
		    "%s does not prove that it knows the password's verifier",
		    x->login->server->host);
	if (x->is_pinned)
		return 0;
	return pin_store(&x->pin, x->salt, x->iterations, err);
}

static int
run_plain(struct exchange *x, enum sasl_said *said, struct err *err)
{
	const struct upstream_login *l = x->login;

	if (sasl_client_plain(l->account->user,
	        (struct crypt_bytes){ l->credentials->login,
	            l->credentials->login_len },
	        &x->message, err) < 0)
		return -1;
	if (x->wire->begin(x->wire->ctx, "PLAIN",
	        (struct crypt_bytes){ x->message.data, x->message.len },
	        &x->challenge, said, err) < 0)
		return -1;
	if (*said == SASL_MORE)
		return err_set(err, ERR_PROTO,
		    "%s asks for more after PLAIN", l->server->host);
	return 0;
}

/* PLAIN, unless the server could do better once. */
static int
choose(struct exchange *x, bool *scram, struct err *err)
{
	const struct upstream_login *l = x->login;

	*scram = l->has_scram;
	if (l->has_scram)
		return 0;

	int pinned =
	    pin_check(&x->pin, (struct crypt_bytes){ NULL, 0 }, 0, err);

	if (pinned < 0)
		return -1;
	if (pinned == 1)
		return err_set(err, ERR_PERM,
		    "%s does not offer SCRAM-SHA-256 any more, as it did "
		    "before: if that is meant, remove the file pin-%s-%s in %s",
		    l->server->host, l->service, l->account->address,
		    l->bridge->conf->state_directory);
	if (!l->has_plain)
		return err_set(err, ERR_PERM,
		    "%s offers neither SCRAM-SHA-256 nor PLAIN",
		    l->server->host);
	return 0;
}

static void
exchange_reset(struct exchange *x)
{
	scram_client_free(&x->scram);
	buf_reset(&x->challenge);
	buf_reset(&x->message);
}

int
upstream_authenticate(const struct upstream_login *l,
    const struct sasl_wire *wire, enum login_result *result, struct err *err)
{
	cleanup(exchange_reset) struct exchange x = {
		.login = l,
		.wire = wire,
		.pin = { l->bridge->conf->state_directory, l->account,
		    l->server, l->service },
		.challenge = { .limit = LIMIT_AUTH_LINE },
		.message = { .limit = LIMIT_AUTH_LINE, .secret = true },
	};
	enum sasl_said said = SASL_REFUSED;
	bool scram;

	if (choose(&x, &scram, err) < 0 ||
	    (scram ? run_scram(&x, &said, err) : run_plain(&x, &said, err)) <
	        0)
		return -1;
	*result = said == SASL_DONE ? LOGIN_OK : LOGIN_REFUSED;
	return 0;
}
