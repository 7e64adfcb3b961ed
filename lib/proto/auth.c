/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/auth.h"

#include <string.h>

#include "base/base64.h"
#include "base/limits.h"

enum auth_state {
	STATE_NEW = 1,      /* VERSION is due */
	STATE_VERSION = 2,  /* CPID is due */
	STATE_READY = 4,
	STATE_BROKEN = 8,
};

struct auth_reader {
	enum auth_state state;
	struct buf line;
	struct buf response;
};

/* One line that is being taken apart, field by field. */
struct fields {
	const char *at; /* NULL: no field is left */
};

int
auth_reader_new(struct auth_reader **out, struct err *err)
{
	struct auth_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(err);
	r->state = STATE_NEW;
	r->line = (struct buf){ .limit = LIMIT_AUTH_LINE, .secret = true };
	r->response = r->line;
	*out = r;
	return 0;
}

void
auth_reader_free(struct auth_reader **rp)
{
	struct auth_reader *r = steal(rp);

	if (r == NULL)
		return;
	buf_reset(&r->line);
	buf_reset(&r->response);
	free(r);
}

/* ---- fields ---- */

/* The rest of the line from the next field on; NULL when there is none. */
static const char *
rest_of(struct fields *f)
{
	return steal(&f->at);
}

/* 1 and the next field, 0 there is none. */
static int
next_field(struct fields *f, const char **field, size_t *len)
{
	if (f->at == NULL)
		return 0;

	const char *tab = strchr(f->at, '\t');

	*field = f->at;
	*len = tab == NULL ? strlen(f->at) : (size_t)(tab - f->at);
	f->at = tab == NULL ? NULL : tab + 1;
	return 1;
}

/* The character that \001 and c stand for; 0 for none that may be in a text. */
static char
unescaped(char c)
{
	static const char code[] = "1tnr";
	static const char means[] = "\001\t\n\r";
	const char *p = c == '\0' ? NULL : strchr(code, c);

	return p == NULL ? '\0' : means[p - code];
}

/* Undoes the escaping of a value; what does not fit is the peer's fault. */
static int
take_value(const char *s, size_t len, char out[AUTH_NAME_SIZE],
    struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '\001')
			c = ++i < len ? unescaped(s[i]) : '\0';
		if (c == '\0')
			return err_set(err, ERR_PROTO, "a broken escape");
		if (n + 1 >= AUTH_NAME_SIZE)
			return err_set(err, ERR_PROTO, "a value is too long");
		out[n++] = c;
	}
	out[n] = '\0';
	return 0;
}

/* A decimal number of 32 bits. */
static int
take_number(struct fields *f, uint32_t *out, struct err *err)
{
	const char *s;
	size_t len;
	uint64_t n = 0;

	if (next_field(f, &s, &len) == 0 || len == 0 || len > 10)
		return err_set(err, ERR_PROTO, "a number is missing");
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return err_set(err, ERR_PROTO, "not a number");
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (n > UINT32_MAX)
		return err_set(err, ERR_PROTO, "a number is too large");
	*out = (uint32_t)n;
	return 0;
}

static int
take_response(struct auth_reader *r, const char *text, struct auth_event *ev,
    struct err *err)
{
	size_t len = strlen(text);

	if (buf_reserve(&r->response, len, err) < 0)
		return -1;

	long n = len == 0 ? 0 : base64_decode(text, len, r->response.data);

	ev->has_response = true;
	ev->garbled = n < 0;
	r->response.len = n < 0 ? 0 : (size_t)n;
	ev->response = r->response.data;
	ev->response_len = r->response.len;
	return 0;
}

/* ---- commands: 1 an event, 0 none, -1 ---- */

static int
do_version(struct auth_reader *r, struct fields *f, struct auth_event *ev,
    struct err *err)
{
	uint32_t major, minor;

	(void)ev;
	if (take_number(f, &major, err) < 0 || take_number(f, &minor, err) < 0)
		return -1;
	if (major != 1)
		return err_set(err, ERR_PROTO,
		    "the peer speaks version %u of the protocol", major);
	r->state = STATE_VERSION;
	return 0;
}

static int
do_cpid(struct auth_reader *r, struct fields *f, struct auth_event *ev,
    struct err *err)
{
	uint32_t pid;

	(void)ev;
	if (take_number(f, &pid, err) < 0)
		return -1;
	r->state = STATE_READY;
	return 0;
}

static bool
has_prefix(const char *s, size_t len, const char *prefix, size_t *n)
{
	*n = strlen(prefix);
	return len >= *n && memcmp(s, prefix, *n) == 0;
}

/*
 * The parameters of AUTH. Unknown ones are for others. resp= is the last: what
 * follows it is a stranger's text and must not be taken for parameters.
 */
static int
take_parameters(struct auth_reader *r, struct fields *f,
    struct auth_event *ev, struct err *err)
{
	const char *s;
	size_t len, n;

	while (f->at != NULL) {
		if (has_prefix(f->at, strlen(f->at), "resp=", &n))
			return take_response(r, rest_of(f) + n, ev, err);
		if (next_field(f, &s, &len) == 0)
			return 0;
		if (has_prefix(s, len, "rip=", &n) &&
		    take_value(s + n, len - n, ev->rip, err) < 0)
			return -1;
		if ((has_prefix(s, len, "secured", &n) && len == n) ||
		    has_prefix(s, len, "secured=", &n))
			ev->secured = true;
	}
	return 0;
}

static int
do_auth(struct auth_reader *r, struct fields *f, struct auth_event *ev,
    struct err *err)
{
	const char *s;
	size_t len;

	ev->kind = AUTH_EVENT_AUTH;
	if (take_number(f, &ev->id, err) < 0)
		return -1;
	if (next_field(f, &s, &len) == 0 || len == 0)
		return err_set(err, ERR_PROTO, "AUTH without a mechanism");
	if (take_value(s, len, ev->mechanism, err) < 0 ||
	    take_parameters(r, f, ev, err) < 0)
		return -1;
	return 1;
}

static int
do_cont(struct auth_reader *r, struct fields *f, struct auth_event *ev,
    struct err *err)
{
	ev->kind = AUTH_EVENT_CONT;
	if (take_number(f, &ev->id, err) < 0)
		return -1;

	const char *text = rest_of(f);

	return take_response(r, text == NULL ? "" : text, ev, err) < 0 ? -1
								       : 1;
}

static int
do_cancel(struct auth_reader *r, struct fields *f, struct auth_event *ev,
    struct err *err)
{
	(void)r;
	ev->kind = AUTH_EVENT_CANCEL;
	return take_number(f, &ev->id, err) < 0 ? -1 : 1;
}

static const struct {
	const char *name;
	unsigned states;
	int (*run)(struct auth_reader *r, struct fields *f,
	    struct auth_event *ev, struct err *err);
} commands[] = {
	{ "VERSION", STATE_NEW, do_version },
	{ "CPID", STATE_VERSION, do_cpid },
	{ "AUTH", STATE_READY, do_auth },
	{ "CONT", STATE_READY, do_cont },
	{ "CANCEL", STATE_READY, do_cancel },
};

static int
run_line(struct auth_reader *r, struct auth_event *ev, struct err *err)
{
	const char *line = buf_str(&r->line, err);
	const char *name = NULL;
	struct fields f = { line };
	size_t len = 0;

	if (line == NULL)
		return -1;
	if (strlen(line) != r->line.len)
		return err_set(err, ERR_PROTO, "a NUL");
	(void)next_field(&f, &name, &len);
	for (size_t i = 0; i < countof(commands); i++)
		if (strlen(commands[i].name) == len &&
		    memcmp(commands[i].name, name, len) == 0 &&
		    (commands[i].states & r->state) != 0)
			return commands[i].run(r, &f, ev, err);
	return err_set(err, ERR_PROTO,
	    "the command \"%.20s\" is unknown or comes at a wrong time",
	    line);
}

/* ---- lines ---- */

/* 1 a line is there, 0 feed more. */
static int
take_line(struct auth_reader *r, const uint8_t **data, size_t *len,
    struct err *err)
{
	const uint8_t *end = memchr(*data, '\n', *len);
	size_t n = end == NULL ? *len : (size_t)(end - *data);
	struct err why;

	if (buf_put(&r->line, *data, n, &why) < 0)
		return why.kind == ERR_PERM
		    ? err_set(err, ERR_PROTO, "a line is too long")
		    : err_nomem(err);
	n += end != NULL;
	*data += n;
	*len -= n;
	return end != NULL;
}

static int
feed(struct auth_reader *r, const uint8_t **data, size_t *len,
    struct auth_event *ev, struct err *err)
{
	int rc = 0;

	while (rc == 0 && *len > 0) {
		rc = take_line(r, data, len, err);
		if (rc <= 0)
			break;
		*ev = (struct auth_event){ .id = 0 };
		buf_clear(&r->response);
		rc = run_line(r, ev, err);
		buf_clear(&r->line);
	}
	return rc;
}

int
auth_feed(struct auth_reader *r, const uint8_t **data, size_t *len,
    struct auth_event *ev, struct err *err)
{
	if (r->state == STATE_BROKEN)
		return err_set(err, ERR_PROTO, "the connection is broken");

	int rc = feed(r, data, len, ev, err);

	if (rc < 0)
		r->state = STATE_BROKEN;
	return rc;
}

bool
auth_is_ready(const struct auth_reader *r)
{
	return r->state == STATE_READY;
}

/* ---- the serializer ---- */

/* A field behind others, or, with key "", without a name. */
static int
put_field(struct buf *out, const char *key, const char *value,
    struct err *err)
{
	if (strpbrk(value, "\001\t\r\n") != NULL)
		return err_set(err, ERR_PROTO, "a separator in a value");
	if (buf_putc(out, '\t', err) < 0 || buf_puts(out, key, err) < 0)
		return -1;
	return buf_puts(out, value, err);
}

int
auth_put_version(struct buf *out, struct err *err)
{
	return buf_puts(out, "VERSION\t1\t2\n", err);
}

int
auth_put_mechanism(struct buf *out, const char *name, const char *properties,
    struct err *err)
{
	if (buf_puts(out, "MECH", err) < 0 ||
	    put_field(out, "", name, err) < 0)
		return -1;
	if (properties[0] != '\0' && put_field(out, "", properties, err) < 0)
		return -1;
	return buf_putc(out, '\n', err);
}

int
auth_put_ids(struct buf *out, const struct auth_greeting *g, struct err *err)
{
	if (buf_putf(out, err, "SPID\t%u\nCUID\t%u\nCOOKIE\t", g->pid,
	        g->connection) < 0)
		return -1;
	for (size_t i = 0; i < sizeof g->cookie; i++)
		if (buf_putf(out, err, "%02x", g->cookie[i]) < 0)
			return -1;
	return buf_puts(out, "\nDONE\n", err);
}

int
auth_put_cont(struct buf *out, uint32_t id, const void *data, size_t n,
    struct err *err)
{
	size_t size = base64_size(n);

	if (buf_putf(out, err, "CONT\t%u\t", id) < 0 ||
	    buf_reserve(out, size, err) < 0)
		return -1;
	if (n > 0)
		out->len += base64_encode(data, n,
		    (char *)out->data + out->len);
	return buf_putc(out, '\n', err);
}

int
auth_put_ok(struct buf *out, uint32_t id, const char *user, struct err *err)
{
	if (buf_putf(out, err, "OK\t%u", id) < 0 ||
	    put_field(out, "user=", user, err) < 0)
		return -1;
	return buf_putc(out, '\n', err);
}

int
auth_put_fail(struct buf *out, uint32_t id, struct err *err)
{
	return buf_putf(out, err, "FAIL\t%u\n", id);
}
