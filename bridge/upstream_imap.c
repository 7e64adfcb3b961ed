/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* IMAP: greeting, STARTTLS, login, the vault. */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "upstream_private.h"

#define VAULT "/private/vendor/vendor.sealpost/vault"

enum { RESPONSE_MAX = 64 << 10, CAPABILITIES_MAX = 16 << 10 };

struct imap {
	const struct server *server;
	struct net_stream *stream;
	struct buf line;
	struct buf capabilities; /* what was announced last */
	unsigned tag;
	bool initial_response; /* SASL-IR */
};

enum status { STATUS_OK, STATUS_NO, STATUS_BAD, STATUS_GO_ON };

static bool
begins_with(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static const char *
text_of(const struct buf *line)
{
	return line->len == 0 ? "" : (const char *)line->data;
}

static int
unexpected(const struct imap *c, struct err *err)
{
	return err_set(err, ERR_PROTO, "%s answers unexpectedly: %.100s",
	    c->server->host, text_of(&c->line));
}

/* "CAPABILITY a b" after `at`, up to `end`. */
static int
take_capabilities(struct imap *c, const char *at, char end, struct err *err)
{
	const char *words = at + strlen("CAPABILITY ");
	const char *stop = strchr(words, end);

	buf_clear(&c->capabilities);
	if (buf_put(&c->capabilities, words,
	        stop == NULL ? strlen(words) : (size_t)(stop - words),
	        err) < 0)
		return -1;
	return buf_str(&c->capabilities, err) == NULL ? -1 : 0;
}

/* What may stand in any response: capabilities, and the goodbye. */
static int
note_response(struct imap *c, const char *rest, struct err *err)
{
	const char *code = strchr(rest, '[');

	if (begins_with(rest, "BYE"))
		return err_set(err, ERR_TEMP, "%s says goodbye: %.150s",
		    c->server->host, rest);
	if (begins_with(rest, "CAPABILITY "))
		return take_capabilities(c, rest, '\0', err);
	if (code != NULL && begins_with(rest, "OK [CAPABILITY "))
		return take_capabilities(c, code + 1, ']', err);
	return 0;
}

/* ---- commands ---- */

static int
send_line(struct imap *c, const struct buf *line, struct err *err)
{
	if (net_stream_write(c->stream, line->data, line->len, err) < 0 ||
	    net_stream_write(c->stream, "\r\n", 2, err) < 0)
		return -1;
	return net_stream_flush(c->stream, err);
}

/* Up to the tagged response or a continuation, which stays in c->line. */
static int
await(struct imap *c, const char *tag, enum status *status, struct err *err)
{
	size_t len = strlen(tag);

	for (;;) {
		if (upstream_read_line(c->stream, &c->line, err) < 0)
			return -1;

		const char *line = text_of(&c->line);

		*status = STATUS_GO_ON;
		if (line[0] == '+')
			return 0;
		if (strncmp(line, "* ", 2) == 0) {
			if (note_response(c, line + 2, err) < 0)
				return -1;
			continue;
		}
		if (strncmp(line, tag, len) != 0 || line[len] != ' ')
			return unexpected(c, err);
		line += len + 1;
		*status = begins_with(line, "OK") ? STATUS_OK
		    : begins_with(line, "NO")     ? STATUS_NO
						  : STATUS_BAD;
		return note_response(c, line, err);
	}
}

/* A command without continuation; it must be answered with OK. */
static int
command(struct imap *c, const char *text, struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = RESPONSE_MAX };
	char tag[16];
	enum status status;

	(void)snprintf(tag, sizeof tag, "U%u", ++c->tag);
	if (buf_putf(&out, err, "%s %s", tag, text) < 0 ||
	    send_line(c, &out, err) < 0 || await(c, tag, &status, err) < 0)
		return -1;
	return status == STATUS_OK ? 0 : unexpected(c, err);
}

/* ---- SASL ---- */

/* RFC 5530: a refusal that has nothing to do with the password. */
static bool
is_temporary(const char *line)
{
	static const char *const codes[] = { "[UNAVAILABLE]", "[INUSE]",
		"[LIMIT]", "[SERVERBUG]", "[CONTACTADMIN]" };

	for (size_t i = 0; i < countof(codes); i++)
		if (strcasestr(line, codes[i]) != NULL)
			return true;
	return false;
}

static int
read_said(struct imap *c, struct buf *challenge, enum sasl_said *said,
    struct err *err)
{
	enum status status;
	char tag[16];

	(void)snprintf(tag, sizeof tag, "U%u", c->tag);
	if (await(c, tag, &status, err) < 0)
		return -1;

	const char *line = text_of(&c->line);

	switch (status) {
	case STATUS_OK:
		*said = SASL_DONE;
		return 0;
	case STATUS_GO_ON:
		*said = SASL_MORE;
		line += line[1] == ' ' ? 2 : 1;
		return upstream_put_decoded(line, challenge, err);
	case STATUS_NO:
		*said = SASL_REFUSED;
		if (is_temporary(line))
			return err_set(err, ERR_TEMP,
			    "%s cannot check the login now: %.150s",
			    c->server->host, line);
		return 0;
	case STATUS_BAD:
		break;
	}
	return unexpected(c, err);
}

static int
sasl_step(void *ctx, struct crypt_bytes message, struct buf *challenge,
    enum sasl_said *said, struct err *err)
{
	struct imap *c = ctx;
	cleanup(buf_reset) struct buf out = {
		.limit = RESPONSE_MAX,
		.secret = true,
	};

	if (upstream_put_encoded(message, &out, err) < 0 ||
	    send_line(c, &out, err) < 0)
		return -1;
	return read_said(c, challenge, said, err);
}

static int
sasl_begin(void *ctx, const char *mechanism, struct crypt_bytes initial,
    struct buf *challenge, enum sasl_said *said, struct err *err)
{
	struct imap *c = ctx;
	cleanup(buf_reset) struct buf out = {
		.limit = RESPONSE_MAX,
		.secret = true,
	};

	if (buf_putf(&out, err, "U%u AUTHENTICATE %s", ++c->tag, mechanism) <
	    0)
		return -1;
	if (c->initial_response &&
	    (buf_putc(&out, ' ', err) < 0 ||
	        upstream_put_encoded(initial, &out, err) < 0))
		return -1;
	if (send_line(c, &out, err) < 0 ||
	    read_said(c, challenge, said, err) < 0)
		return -1;
	if (c->initial_response || *said != SASL_MORE)
		return 0;
	buf_clear(challenge);
	return sasl_step(c, initial, challenge, said, err);
}

/* ---- login ---- */

static int
greet(struct imap *c, struct err *err)
{
	if (upstream_read_line(c->stream, &c->line, err) < 0)
		return -1;

	const char *line = text_of(&c->line);

	if (begins_with(line, "* PREAUTH"))
		return err_set(err, ERR_PERM,
		    "%s lets anybody in without a login (PREAUTH)",
		    c->server->host);
	if (begins_with(line, "* BYE"))
		return err_set(err, ERR_TEMP, "%s refuses the connection: "
		    "%.150s", c->server->host, line);
	return begins_with(line, "* OK") ? 0 : unexpected(c, err);
}

static int
start_tls(struct imap *c, struct err *err)
{
	struct err why = { 0 };

	if (net_stream_is_tls(c->stream))
		return 0;
	if (command(c, "STARTTLS", &why) < 0)
		return err_set(err, why.kind == ERR_TEMP ? ERR_TEMP : ERR_PERM,
		    "%s does not begin TLS on port %u: %.150s",
		    c->server->host, (unsigned)c->server->port,
		    text_of(&c->line));
	return upstream_start_tls(c->server, c->stream, err);
}

static int
open_session(struct imap *c, const struct bridge_conf *conf, struct err *err)
{
	if (upstream_connect(conf, c->server, &c->stream, err) < 0)
		return -1;
	/* what was announced before TLS is worth nothing */
	if (greet(c, err) < 0 || start_tls(c, err) < 0)
		return -1;
	return command(c, "CAPABILITY", err);
}

static int
log_in(struct imap *c, struct bridge *b, const struct account *a,
    const struct credentials *credentials, enum login_result *result,
    struct err *err)
{
	const char *words = text_of(&c->capabilities);
	const struct upstream_login login = {
		.bridge = b,
		.account = a,
		.credentials = credentials,
		.server = c->server,
		.service = "imap",
		.has_scram = upstream_has_word(words, "AUTH=SCRAM-SHA-256"),
		.has_plain = upstream_has_word(words, "AUTH=PLAIN"),
	};
	const struct sasl_wire wire = { c, sasl_begin, sasl_step };

	c->initial_response = upstream_has_word(words, "SASL-IR");
	buf_clear(&c->capabilities);
	if (upstream_authenticate(&login, &wire, result, err) < 0)
		return -1;
	if (*result == LOGIN_OK && c->capabilities.len == 0)
		return command(c, "CAPABILITY", err);
	return 0;
}

static void
imap_reset(struct imap *c)
{
	net_stream_free(&c->stream);
	buf_reset(&c->line);
	buf_reset(&c->capabilities);
}

int
upstream_imap(struct bridge *b, const struct account *a,
    const struct credentials *c, enum login_result *result,
    struct net_stream **out, struct buf *capabilities, struct err *err)
{
	cleanup(imap_reset) struct imap imap = {
		.server = &a->imap,
		.line = { .limit = RESPONSE_MAX, .secret = true },
		.capabilities = { .limit = CAPABILITIES_MAX },
	};

	if (open_session(&imap, b->conf, err) < 0 ||
	    log_in(&imap, b, a, c, result, err) < 0)
		return -1;
	if (*result != LOGIN_OK)
		return 0;
	if (buf_put(capabilities, imap.capabilities.data,
	        imap.capabilities.len, err) < 0)
		return -1;
	*out = steal(&imap.stream);
	return 0;
}

/* ---- the vault ---- */

/* The octets of the literal that the line announces at its end; 0 for none. */
static int
literal_size(const struct buf *line, size_t *n, struct err *err)
{
	const char *s = text_of(line);
	const char *open = strrchr(s, '{');
	size_t size = 0, i = 1;

	*n = 0;
	if (open == NULL || line->len < 3 || s[line->len - 1] != '}')
		return 0;
	for (; open[i] >= '0' && open[i] <= '9' && i <= 9; i++)
		size = size * 10 + (size_t)(open[i] - '0');
	if (i == 1 || open[i] != '}' || open[i + 1] != '\0')
		return 0;
	if (size > LIMIT_VAULT)
		return err_set(err, ERR_PERM,
		    "the server sends a literal of %zu octets", size);
	*n = size;
	return 0;
}

static int
read_literal(struct net_stream *s, size_t n, struct buf *out, struct err *err)
{
	while (n > 0) {
		const uint8_t *data;
		size_t len;
		int rc = net_stream_read(s, &data, &len, err);

		if (rc == 0)
			return err_set(err, ERR_TEMP,
			    "%s closed the connection", net_stream_peer(s));
		if (rc < 0)
			return -1;
		if (len > n)
			len = n;
		if (buf_put(out, data, len, err) < 0)
			return -1;
		net_stream_ate(s, len);
		n -= len;
	}
	return 0;
}

int
imap_read_response(struct net_stream *s, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf line = {
		.limit = RESPONSE_MAX,
		.secret = true,
	};
	size_t n;

	buf_clear(out);
	do {
		if (upstream_read_line(s, &line, err) < 0 ||
		    literal_size(&line, &n, err) < 0 ||
		    buf_put(out, line.data, line.len, err) < 0)
			return -1;
		if (n > 0 && (buf_puts(out, "\r\n", err) < 0 ||
		                 read_literal(s, n, out, err) < 0))
			return -1;
	} while (n > 0);
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* The tagged response: was there an entry at all? */
static int
end_of_vault(const char *line, bool found, struct err *err)
{
	if (begins_with(line, "OK"))
		return found ? 1 : 0;
	if (begins_with(line, "BAD") ||
	    strcasestr(line, "[METADATA NOPRIVATE]") != NULL)
		return 0; /* a server without METADATA */
	return err_set(err, ERR_TEMP,
	    "the server does not give the vault: %.150s", line);
}

int
upstream_fetch_vault(void *imap_stream, struct buf *armored, struct err *err)
{
	static const char text[] = "V1 GETMETADATA \"\" " VAULT "\r\n";
	struct net_stream *s = imap_stream;
	cleanup(buf_reset) struct buf response = {
		.limit = LIMIT_VAULT + RESPONSE_MAX,
		.secret = true,
	};
	int found = 0;

	if (net_stream_write(s, text, sizeof text - 1, err) < 0 ||
	    net_stream_flush(s, err) < 0)
		return -1;
	for (;;) {
		if (imap_read_response(s, &response, err) < 0)
			return -1;

		const char *line = text_of(&response);

		if (strncmp(line, "V1 ", 3) == 0)
			return end_of_vault(line + 3, found == 1, err);
		if (begins_with(line, "* BYE"))
			return err_set(err, ERR_TEMP, "%.150s", line);
		if (found == 0)
			found = imap_metadata_value(
			    &response, VAULT, armored, err);
		if (found < 0)
			return -1;
	}
}
