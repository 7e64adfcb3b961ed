/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "proto/policy.h"

#include <string.h>

#include "base/limits.h"

/*
 * No message is larger. It keeps the sums of an hour far from the end of 63
 * bits, whatever a client says.
 */
static const uint64_t number_max = (uint64_t)1 << 36;

/* ---- attributes ---- */

static void
set_text(char *to, size_t size, const char *value, size_t len)
{
	if (len >= size)
		len = 0;
	memcpy(to, value, len);
	to[len] = '\0';
}

static uint64_t
number_of(const char *value, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return 0;
		n = n * 10 + (uint64_t)(value[i] - '0');
		if (n > number_max)
			return 0;
	}
	return n;
}

static void
set_state(struct policy_request *r, const char *value, size_t len)
{
	static const char end[] = "END-OF-MESSAGE";

	r->end_of_message =
	    len == sizeof end - 1 && memcmp(value, end, len) == 0;
}

static void
set_user(struct policy_request *r, const char *value, size_t len)
{
	set_text(r->sasl_username, sizeof r->sasl_username, value, len);
}

static void
set_instance(struct policy_request *r, const char *value, size_t len)
{
	set_text(r->instance, sizeof r->instance, value, len);
}

static void
set_recipients(struct policy_request *r, const char *value, size_t len)
{
	r->recipient_count = number_of(value, len);
}

static void
set_size(struct policy_request *r, const char *value, size_t len)
{
	r->size = number_of(value, len);
}

static const struct {
	const char *name;
	void (*set)(struct policy_request *r, const char *value, size_t len);
} attributes[] = {
	{ "protocol_state", set_state },
	{ "sasl_username", set_user },
	{ "instance", set_instance },
	{ "recipient_count", set_recipients },
	{ "size", set_size },
};

static void
set_attribute(struct policy_request *r, const char *name, size_t name_len,
    const char *value, size_t len)
{
	for (size_t i = 0; i < countof(attributes); i++)
		if (strlen(attributes[i].name) == name_len &&
		    memcmp(attributes[i].name, name, name_len) == 0)
			attributes[i].set(r, value, len);
}

/* ---- lines ---- */

/* 1 = the request ends here, 0 = an attribute, -1. */
static int
read_line(struct policy *p, const char *line, size_t len, struct err *err)
{
	if (len == 0)
		return 1;

	const char *equals = memchr(line, '=', len);

	if (equals == NULL || equals == line)
		return err_set(err, ERR_PROTO, "a line without name and value");
	if (memchr(line, '\0', len) != NULL)
		return err_set(err, ERR_PROTO, "a NUL in a line");

	size_t name_len = (size_t)(equals - line);

	set_attribute(
	    &p->request, line, name_len, equals + 1, len - name_len - 1);
	return 0;
}

/* A line whose end is there: alone, or behind its beginning in p->line. */
static int
end_line(struct policy *p, const uint8_t *data, size_t len, struct err *err)
{
	int rc;

	if (p->line.len == 0)
		return read_line(p, (const char *)data, len, err);
	if (buf_put(&p->line, data, len, err) < 0)
		return -1;
	rc = read_line(p, (const char *)p->line.data, p->line.len, err);
	buf_reset(&p->line);
	return rc;
}

static void
begin(struct policy *p)
{
	if (!p->whole)
		return;
	p->whole = false;
	p->used = 0;
	p->request = (struct policy_request){ 0 };
}

static int
count_octets(struct policy *p, size_t n, struct err *err)
{
	if (n > LIMIT_POLICY_REQUEST - p->used)
		return err_set(err, ERR_PROTO,
		    "a request of more than %d octets", LIMIT_POLICY_REQUEST);
	p->used += n;
	return 0;
}

int
policy_feed(struct policy *p, const uint8_t **data, size_t *n, struct err *err)
{
	p->line.limit = LIMIT_POLICY_REQUEST;
	while (*n > 0) {
		const uint8_t *from = *data;
		const uint8_t *newline = memchr(from, '\n', *n);
		size_t len = newline == NULL ? *n : (size_t)(newline - from);
		size_t eaten = newline == NULL ? len : len + 1;

		begin(p);
		if (count_octets(p, eaten, err) < 0)
			return -1;
		*data += eaten;
		*n -= eaten;
		if (newline == NULL)
			return buf_put(&p->line, from, len, err);

		int rc = end_line(p, from, len, err);

		p->whole = rc > 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

void
policy_reset(struct policy *p)
{
	buf_reset(&p->line);
	*p = (struct policy){ 0 };
}
