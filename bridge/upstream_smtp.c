/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Submission: greeting, STARTTLS, login. */

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "upstream_private.h"
#include "upstream_smtp.h"

enum { KEYWORDS_MAX = 16 << 10 };

struct smtp {
	const struct server *server;
	struct net_stream *stream;
	struct smtp_reply reply;
};

/* ---- replies ---- */

void
smtp_reply_reset(struct smtp_reply *r)
{
	buf_reset(&r->text);
	r->code = 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "250-text" or "250 text". */
static int
take_line(struct smtp_reply *r, const struct buf *line, bool *last,
    struct err *err)
{
	const char *s = line->len == 0 ? "" : (const char *)line->data;
	unsigned code;

	if (line->len < 3 || s[0] < '2' || s[0] > '5' || !is_digit(s[1]) ||
	    !is_digit(s[2]) || (s[3] != '\0' && s[3] != ' ' && s[3] != '-'))
		return err_set(err, ERR_PROTO,
		    "the SMTP server sends no reply: %.100s", s);
	code = (unsigned)(s[0] - '0') * 100 + (unsigned)(s[1] - '0') * 10 +
	    (unsigned)(s[2] - '0');
	if (r->code != 0 && r->code != code)
		return err_set(err, ERR_PROTO,
		    "the SMTP server changes its mind: %.100s", s);
	r->code = code;
	*last = s[3] != '-';
	if (buf_put(&r->text, s, line->len, err) < 0)
		return -1;
	return buf_puts(&r->text, "\r\n", err);
}

int
smtp_read_reply(struct net_stream *s, struct smtp_reply *r, struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = SMTP_REPLY_MAX };
	bool last = false;

	r->code = 0;
	r->text.limit = SMTP_REPLY_MAX;
	buf_clear(&r->text);
	while (!last)
		if (upstream_read_line(s, &line, err) < 0 ||
		    take_line(r, &line, &last, err) < 0)
			return -1;
	return buf_str(&r->text, err) == NULL ? -1 : 0;
}

static const char *
text_of(const struct smtp *c)
{
	return c->reply.text.len == 0 ? "" : (const char *)c->reply.text.data;
}

int
smtp_command(struct net_stream *s, const void *line, size_t n,
    struct smtp_reply *r, struct err *err)
{
	if (net_stream_write(s, line, n, err) < 0 ||
	    net_stream_write(s, "\r\n", 2, err) < 0 ||
	    net_stream_flush(s, err) < 0)
		return -1;
	return smtp_read_reply(s, r, err);
}

/* The first line, for a sentence. */
static int
first_line(const struct smtp *c)
{
	size_t n = strcspn(text_of(c), "\r");

	return n > 150 ? 150 : (int)n;
}

static int
expect_kind(struct smtp *c, unsigned hundred, const char *to_what,
    struct err *err)
{
	if (c->reply.code / 100 == hundred)
		return 0;
	return err_set(err,
	    c->reply.code / 100 == 4 || c->reply.code == 554 ? ERR_TEMP
							     : ERR_PERM,
	    "%s answers %s with: %.*s", c->server->host, to_what,
	    first_line(c), text_of(c));
}

/* ---- greeting and TLS ---- */

static int
say_hello(struct smtp *c, struct err *err)
{
	static const char hello[] = "EHLO [127.0.0.1]";

	if (smtp_command(
	        c->stream, hello, sizeof hello - 1, &c->reply, err) < 0)
		return -1;
	return expect_kind(c, 2, "EHLO", err);
}

static int
start_tls(struct smtp *c, struct err *err)
{
	if (net_stream_is_tls(c->stream))
		return 0;
	if (smtp_command(c->stream, "STARTTLS", 8, &c->reply, err) < 0 ||
	    expect_kind(c, 2, "STARTTLS", err) < 0 ||
	    upstream_start_tls(c->server, c->stream, err) < 0)
		return -1;
	return say_hello(c, err);
}

static int
open_session(struct smtp *c, const struct bridge_conf *conf, struct err *err)
{
	if (upstream_connect(conf, c->server, &c->stream, err) < 0 ||
	    smtp_read_reply(c->stream, &c->reply, err) < 0 ||
	    expect_kind(c, 2, "the connection", err) < 0 ||
	    say_hello(c, err) < 0)
		return -1;
	return start_tls(c, err);
}

/* The keyword lines of the last reply: no codes, no greeting. */
static int
put_keywords(const struct smtp *c, struct buf *out, struct err *err)
{
	const char *line = strchr(text_of(c), '\n');

	for (; line != NULL && line[1] != '\0'; line = strchr(line, '\n')) {
		line++;
		if (strlen(line) < 4)
			continue;
		if (buf_put(out, line + 4, strcspn(line + 4, "\r"), err) < 0 ||
		    buf_putc(out, '\n', err) < 0)
			return -1;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

const char *
smtp_keyword(const char *ehlo, const char *keyword, size_t *len)
{
	size_t n = strlen(keyword);

	for (const char *p = ehlo; *p != '\0'; p++) {
		size_t line = strcspn(p, "\n");

		if (line >= n && strncasecmp(p, keyword, n) == 0 &&
		    (line == n || p[n] == ' ' || p[n] == '=')) {
			*len = line > n ? line - n - 1 : 0;
			return p + n + (line > n ? 1 : 0);
		}
		p += line;
		if (*p == '\0')
			break;
	}
	return NULL;
}

/* ---- SASL ---- */

static int
read_said(struct smtp *c, struct buf *challenge, enum sasl_said *said,
    struct err *err)
{
	const char *text = text_of(c);

	*said = SASL_DONE;
	if (c->reply.code == 235)
		return 0;
	if (c->reply.code == 334) {
		cleanup(free_str) char *line =
		    strndup(text + 3 + (text[3] == ' '),
		        strcspn(text + 3 + (text[3] == ' '), "\r"));

		*said = SASL_MORE;
		if (line == NULL)
			return err_nomem(err);
		return upstream_put_decoded(line, challenge, err);
	}
	*said = SASL_REFUSED;
	if (c->reply.code == 535)
		return 0;
	return err_set(err, c->reply.code / 100 == 4 ? ERR_TEMP : ERR_PERM,
	    "%s answers AUTH with: %.*s", c->server->host, first_line(c),
	    text);
}

static int
send_message(struct smtp *c, struct buf *line, struct crypt_bytes message,
    struct buf *challenge, enum sasl_said *said, struct err *err)
{
	if (upstream_put_encoded(message, line, err) < 0 ||
	    smtp_command(c->stream, line->data, line->len, &c->reply, err) <
	        0)
		return -1;
	return read_said(c, challenge, said, err);
}

static int
sasl_step(void *ctx, struct crypt_bytes message, struct buf *challenge,
    enum sasl_said *said, struct err *err)
{
	cleanup(buf_reset) struct buf line = {
		.limit = SMTP_REPLY_MAX,
		.secret = true,
	};

	return send_message(ctx, &line, message, challenge, said, err);
}

static int
sasl_begin(void *ctx, const char *mechanism, struct crypt_bytes initial,
    struct buf *challenge, enum sasl_said *said, struct err *err)
{
	cleanup(buf_reset) struct buf line = {
		.limit = SMTP_REPLY_MAX,
		.secret = true,
	};

	if (buf_putf(&line, err, "AUTH %s ", mechanism) < 0)
		return -1;
	return send_message(ctx, &line, initial, challenge, said, err);
}

/* ---- login ---- */

static int
log_in(struct smtp *c, struct bridge *b, const struct account *a,
    const struct credentials *credentials, const char *ehlo,
    enum login_result *result, struct err *err)
{
	size_t len = 0;
	const char *auth = smtp_keyword(ehlo, "AUTH", &len);
	cleanup(free_str) char *words =
	    strndup(auth == NULL ? "" : auth, len);
	const struct sasl_wire wire = { c, sasl_begin, sasl_step };

	if (words == NULL)
		return err_nomem(err);

	const struct upstream_login login = {
		.bridge = b,
		.account = a,
		.credentials = credentials,
		.server = c->server,
		.service = "smtp",
		.has_scram = upstream_has_word(words, "SCRAM-SHA-256"),
		.has_plain = upstream_has_word(words, "PLAIN"),
	};

	return upstream_authenticate(&login, &wire, result, err);
}

static void
smtp_reset(struct smtp *c)
{
	net_stream_free(&c->stream);
	smtp_reply_reset(&c->reply);
}

int
upstream_smtp(struct bridge *b, const struct account *a,
    const struct credentials *c, enum login_result *result,
    struct net_stream **out, struct buf *ehlo, struct err *err)
{
	cleanup(smtp_reset) struct smtp smtp = { .server = &a->smtp };
	cleanup(buf_reset) struct buf before = { .limit = KEYWORDS_MAX };

	if (open_session(&smtp, b->conf, err) < 0 ||
	    put_keywords(&smtp, &before, err) < 0 ||
	    log_in(&smtp, b, a, c, (const char *)before.data, result, err) <
	        0)
		return -1;
	if (*result != LOGIN_OK)
		return 0;
	/* what is announced now is for us */
	if (say_hello(&smtp, err) < 0 || put_keywords(&smtp, ehlo, err) < 0)
		return -1;
	*out = steal(&smtp.stream);
	return 0;
}

int
upstream_smtp_keywords(const struct bridge_conf *conf,
    const struct account *a, struct buf *ehlo, struct err *err)
{
	cleanup(smtp_reset) struct smtp smtp = { .server = &a->smtp };

	if (open_session(&smtp, conf, err) < 0 ||
	    put_keywords(&smtp, ehlo, err) < 0)
		return -1;
	if (net_stream_write(smtp.stream, "QUIT\r\n", 6, NULL) == 0 &&
	    net_stream_flush(smtp.stream, NULL) < 0)
		return 0; /* it need not hear it */
	return 0;
}
