/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

static void
put_text(FILE *to, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = strlen(text);

	fputc('"', to);
	while (n > 0) {
		size_t len = utf8_character(s, n);

		if (len == 0)
			fputs("\\ufffd", to);
		else if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(to, "\\u%04x", *s);
		else
			fwrite(s, 1, len, to);
		s += len == 0 ? 1 : len;
		n -= len == 0 ? 1 : len;
	}
	fputc('"', to);
}

/* What stands before a value: comma, line, blanks, key. */
static void
begin_value(struct json *j, const char *key)
{
	if (j->comma)
		fputc(',', j->to);
	if (j->depth > 0)
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	if (key != NULL) {
		put_text(j->to, key);
		fputs(": ", j->to);
	}
	j->comma = true;
}

static void
begin(struct json *j, const char *key, char bracket)
{
	begin_value(j, key);
	fputc(bracket, j->to);
	j->depth++;
	j->comma = false;
}

static void
end(struct json *j, char bracket)
{
	j->depth--;
	if (j->comma)
		fprintf(j->to, "\n%*s", (int)(2 * j->depth), "");
	fputc(bracket, j->to);
	if (j->depth == 0)
		fputc('\n', j->to);
	j->comma = true;
}

void
json_begin_object(struct json *j, const char *key)
{
	begin(j, key, '{');
}

void
json_begin_array(struct json *j, const char *key)
{
	begin(j, key, '[');
}

void
json_end_object(struct json *j)
{
	end(j, '}');
}

void
json_end_array(struct json *j)
{
	end(j, ']');
}

void
json_string(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	put_text(j->to, value);
}

void
json_number(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->to, "%" PRId64, value);
}

void
json_count(struct json *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	fprintf(j->to, "%" PRIu64, value);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	fputs(value ? "true" : "false", j->to);
}

void
json_null(struct json *j, const char *key)
{
	begin_value(j, key);
	fputs("null", j->to);
}
