/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "mail/pgpmime.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "mail/mime.h"

enum {
	BOUNDARY_MAX = 70, /* RFC 2046 */
	FILE_NAME_MAX = 200,
	CHARSET_MAX = 40,
};

enum place {
	IN_PREAMBLE,
	IN_VERSION_HEADER,
	IN_VERSION_BODY,
	IN_ARMOR_HEADER,
	IN_ARMOR_BODY,
	IN_EPILOGUE,
};

/* The fields a part may have; each once. */
enum field {
	FIELD_TYPE = 1 << 0,
	FIELD_DESCRIPTION = 1 << 1,
	FIELD_DISPOSITION = 1 << 2,
	FIELD_ENCODING = 1 << 3,
	FIELD_MIME_VERSION = 1 << 4,
};

struct pgpmime {
	struct sink armor;
	char *boundary;
	enum place place;
	bool version_seen; /* the line "Version: 1" */
	unsigned fields;   /* seen in the header of the current part */
	struct buf line;   /* begun, its CRLF has not come yet */
	struct buf field;  /* of a part's header, being unfolded */
};

/* A line without its CRLF. */
struct line {
	const uint8_t *s;
	size_t n;
};

static int
not_exact(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTO, "not PGP/MIME: %s", what);
}

static bool
is_blank_line(struct line l)
{
	for (size_t i = 0; i < l.n; i++)
		if (l.s[i] != ' ' && l.s[i] != '\t')
			return false;
	return true;
}

static struct line
without_blanks_behind(struct line l)
{
	while (l.n > 0 && (l.s[l.n - 1] == ' ' || l.s[l.n - 1] == '\t'))
		l.n--;
	return l;
}

static bool
is_text(struct line l, const char *text)
{
	return l.n == strlen(text) &&
	       strncasecmp((const char *)l.s, text, l.n) == 0;
}

static bool
is_one_of(struct line l, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_text(l, texts[i]))
			return true;
	return false;
}

/* What clients write for readers without MIME: nobody's words. */
static bool
is_known_preamble(struct line l)
{
	static const char *const known[] = {
		"This is an OpenPGP/MIME encrypted message"
		" (RFC 9580 and 3156)",
		"This is an OpenPGP/MIME encrypted message"
		" (RFC 4880 and 3156)",
		"This is an OpenPGP/MIME encrypted message"
		" (RFC 2440 and 3156)",
		"This is a multi-part message in MIME format.",
		"This is a multi-part message in MIME format",
		"This is a multipart message in MIME format.",
		"This is a multipart message in MIME format",
		"This is a MIME-formatted message.",
		"This message is in MIME format and has been PGP encrypted.",
	};

	return is_one_of(without_blanks_behind(l), known, countof(known));
}

static bool
is_known_description(struct line l)
{
	static const char *const known[] = {
		"PGP/MIME version identification",
		"PGP/MIME versions identification",
		"PGP/MIME encrypted message",
		"OpenPGP/MIME encrypted message",
		"OpenPGP encrypted message",
		"OpenPGP encrypted message.asc",
	};

	return is_one_of(l, known, countof(known));
}

/*
 * 1 the delimiter, 2 the last one, 0 neither, -1 begins like one: readers do
 * not agree on what that is.
 */
static int
delimiter(const struct pgpmime *p, struct line l)
{
	size_t len = strlen(p->boundary);

	if (l.n < len + 2 || memcmp(l.s, "--", 2) != 0 ||
	    memcmp(l.s + 2, p->boundary, len) != 0)
		return 0;
	struct line rest = { l.s + 2 + len, l.n - 2 - len };
	if (is_blank_line(rest))
		return 1;
	return is_text(without_blanks_behind(rest), "--") ? 2 : -1;
}

/* --- the fields of a part --- */

static bool
is_plain_text(const char *s, size_t max)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n <= max;
}

/* Only the parameters that clients use, at a length that holds no letter. */
static bool
has_known_params(const struct mime_value *v)
{
	for (size_t i = 0; i < v->param_count; i++) {
		const struct mime_param *p = &v->params[i];
		bool file = strcmp(p->name, "name") == 0 ||
			    strcmp(p->name, "filename") == 0;
		bool charset = strcmp(p->name, "charset") == 0;

		if (!(file && is_plain_text(p->value, FILE_NAME_MAX)) &&
		    !(charset && is_plain_text(p->value, CHARSET_MAX)))
			return false;
	}
	return true;
}

/* 1 when the value is exactly one of the words, with harmless parameters. */
static int
is_value(struct line l, const char *const *words, size_t count, struct err *err)
{
	cleanup(mime_value_free) struct mime_value *v = NULL;
	int rc = mime_value_parse(l.s, l.n, &v, err);

	if (rc != 1)
		return rc;
	struct line word = { (const uint8_t *)v->word, strlen(v->word) };
	return v->exact && has_known_params(v) && is_one_of(word, words, count);
}

static int
check_type(const struct pgpmime *p, struct line value, struct err *err)
{
	static const char *const version[] = { "application/pgp-encrypted" };
	static const char *const armor[] = { "application/octet-stream" };

	return is_value(
	    value, p->place == IN_VERSION_HEADER ? version : armor, 1, err);
}

static int
check_description(const struct pgpmime *p, struct line value, struct err *err)
{
	(void)p;
	(void)err;
	return is_known_description(value);
}

static int
check_disposition(const struct pgpmime *p, struct line value, struct err *err)
{
	static const char *const words[] = { "inline", "attachment" };

	(void)p;
	return is_value(value, words, countof(words), err);
}

/* What is armored needs no other encoding, and we look through none. */
static int
check_encoding(const struct pgpmime *p, struct line value, struct err *err)
{
	(void)p;
	(void)err;
	return is_text(value, "7bit") || is_text(value, "8bit");
}

static int
check_mime_version(const struct pgpmime *p, struct line value, struct err *err)
{
	(void)p;
	(void)err;
	return is_text(value, "1.0");
}

static const struct {
	const char *name;
	enum field field;
	int (*check)(
	    const struct pgpmime *p, struct line value, struct err *err);
} fields[] = {
	{ "Content-Type", FIELD_TYPE, check_type },
	{ "Content-Description", FIELD_DESCRIPTION, check_description },
	{ "Content-Disposition", FIELD_DISPOSITION, check_disposition },
	{ "Content-Transfer-Encoding", FIELD_ENCODING, check_encoding },
	{ "MIME-Version", FIELD_MIME_VERSION, check_mime_version },
};

static struct line
value_of(struct line field, size_t name_len)
{
	struct line v = { field.s + name_len + 1, field.n - name_len - 1 };

	while (v.n > 0 && (*v.s == ' ' || *v.s == '\t')) {
		v.s++;
		v.n--;
	}
	return without_blanks_behind(v);
}

/* The field that was gathered in p->field. */
static int
end_field(struct pgpmime *p, struct err *err)
{
	struct line l = { p->field.data, p->field.len };

	for (size_t i = 0; i < countof(fields); i++) {
		size_t len = strlen(fields[i].name);

		if (l.n <= len || l.s[len] != ':' ||
		    strncasecmp((const char *)l.s, fields[i].name, len) != 0)
			continue;
		if ((p->fields & fields[i].field) != 0)
			return not_exact(err, "a part has a field twice");
		p->fields |= fields[i].field;
		int rc = fields[i].check(p, value_of(l, len), err);
		buf_clear(&p->field);
		if (rc == 0)
			return not_exact(err, "unusual field in a part");
		return rc < 0 ? -1 : 0;
	}
	return not_exact(err, "unknown field in a part");
}

/* --- lines, place by place --- */

static int
preamble_line(struct pgpmime *p, struct line l, struct err *err)
{
	int d = delimiter(p, l);

	if (d == 1) {
		p->place = IN_VERSION_HEADER;
		return 0;
	}
	if (d != 0 || (!is_blank_line(l) && !is_known_preamble(l)))
		return not_exact(err, "text in front of the parts");
	return 0;
}

static int
header_line(struct pgpmime *p, struct line l, struct err *err)
{
	bool continues = l.n > 0 && (l.s[0] == ' ' || l.s[0] == '\t');

	if (continues && (p->field.len == 0 || is_blank_line(l)))
		return not_exact(err, "bad folding in a part's header");
	if (!continues && p->field.len > 0 && end_field(p, err) < 0)
		return -1;
	if (l.n > p->field.limit - p->field.len)
		return not_exact(err, "long field in a part");
	if (l.n > 0)
		return buf_put(&p->field, l.s, l.n, err);
	if ((p->fields & FIELD_TYPE) == 0)
		return not_exact(err, "a part has no type");
	p->fields = 0;
	p->place =
	    p->place == IN_VERSION_HEADER ? IN_VERSION_BODY : IN_ARMOR_BODY;
	return 0;
}

static int
version_line(struct pgpmime *p, struct line l, struct err *err)
{
	int d = delimiter(p, l);

	if (d == 1 && p->version_seen) {
		p->place = IN_ARMOR_HEADER;
		return 0;
	}
	if (d == 0 && is_blank_line(l))
		return 0;
	if (d != 0 || p->version_seen ||
	    !is_text(without_blanks_behind(l), "Version: 1"))
		return not_exact(err, "the first part is not \"Version: 1\"");
	p->version_seen = true;
	return 0;
}

static int
armor_line(struct pgpmime *p, struct line l, struct err *err)
{
	int d = delimiter(p, l);

	if (d == 2) {
		p->place = IN_EPILOGUE;
		return 0;
	}
	if (d != 0)
		return not_exact(err, "more than two parts");
	return sink_put(&p->armor, l.s, l.n, err);
}

static int
epilogue_line(struct pgpmime *p, struct line l, struct err *err)
{
	(void)p;
	return is_blank_line(l) ? 0 : not_exact(err, "text behind the parts");
}

static int
take_line(struct pgpmime *p, struct err *err)
{
	static int (*const take[])(
	    struct pgpmime * p, struct line l, struct err * err) = {
		[IN_PREAMBLE] = preamble_line,
		[IN_VERSION_HEADER] = header_line,
		[IN_VERSION_BODY] = version_line,
		[IN_ARMOR_HEADER] = header_line,
		[IN_ARMOR_BODY] = armor_line,
		[IN_EPILOGUE] = epilogue_line,
	};
	struct line l = { p->line.data, p->line.len };

	if (l.n > 0 && (memchr(l.s, '\r', l.n) || memchr(l.s, '\n', l.n)))
		return not_exact(err, "a bare CR or LF");
	if (take[p->place](p, l, err) < 0)
		return -1;
	buf_clear(&p->line);
	return 0;
}

/* Adds octets of one line; the limit is that of SMTP. */
static int
gather(struct pgpmime *p, const uint8_t *s, size_t n, struct err *err)
{
	if (n > p->line.limit - p->line.len)
		return not_exact(err, "a long line");
	return buf_put(&p->line, s, n, err);
}

/* The gathered line has got its LF; a line ends with CRLF. */
static int
end_line(struct pgpmime *p, struct err *err)
{
	if (p->line.len == 0 || p->line.data[p->line.len - 1] != '\r')
		return not_exact(err, "a bare LF");
	p->line.len--;
	return take_line(p, err);
}

int
pgpmime_feed(struct pgpmime *p, const void *body, size_t n, struct err *err)
{
	const uint8_t *s = body;

	while (n > 0) {
		const uint8_t *lf = memchr(s, '\n', n);
		size_t take = lf == NULL ? n : (size_t)(lf - s);

		if (gather(p, s, take, err) < 0)
			return -1;
		if (lf == NULL)
			return 0;
		if (end_line(p, err) < 0)
			return -1;
		s += take + 1;
		n -= take + 1;
	}
	return 0;
}

int
pgpmime_finish(struct pgpmime *p, struct err *err)
{
	if (p->line.len > 0 && take_line(p, err) < 0)
		return -1;
	if (p->place != IN_EPILOGUE)
		return not_exact(err, "the parts do not end");
	return 0;
}

/* --- the message's own Content-Type --- */

static bool
is_boundary(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > BOUNDARY_MAX || s[n - 1] == ' ')
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

/* The boundary, owned by the caller, when the type is that of PGP/MIME. */
static int
take_boundary(const void *content_type, size_t n, char **out, struct err *err)
{
	cleanup(mime_value_free) struct mime_value *v = NULL;
	int rc = mime_value_parse(content_type, n, &v, err);

	if (rc != 1)
		return rc;
	const char *protocol = mime_value_param(v, "protocol");
	const char *boundary = mime_value_param(v, "boundary");
	if (!v->exact || strcmp(v->word, "multipart/encrypted") != 0 ||
	    protocol == NULL ||
	    strcasecmp(protocol, "application/pgp-encrypted") != 0 ||
	    boundary == NULL || !is_boundary(boundary))
		return 0;
	*out = strdup(boundary);
	return *out == NULL ? err_nomem(err) : 1;
}

int
pgpmime_new(const void *content_type, size_t n, struct sink armor,
    struct pgpmime **out, struct err *err)
{
	cleanup(free_str) char *boundary = NULL;
	int rc = take_boundary(content_type, n, &boundary, err);

	if (rc != 1)
		return rc;
	struct pgpmime *p = calloc(1, sizeof *p);
	if (p == NULL)
		return err_nomem(err);
	p->armor = armor;
	p->boundary = steal(&boundary);
	p->line.limit = LIMIT_ARMOR_LINE;
	p->field.limit = LIMIT_ARMOR_LINE;
	*out = p;
	return 1;
}

void
pgpmime_free(struct pgpmime **pp)
{
	struct pgpmime *p = steal(pp);

	if (p == NULL)
		return;
	buf_reset(&p->line);
	buf_reset(&p->field);
	free(p->boundary);
	free(p);
}
