/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_postfix.h"

#include <string.h>

#include "postfix_file.h"

enum { VALUE_MAX = 700 };

/* ---- reading what postconf prints ---- */

static const char *
next_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s == '\n' ? s + 1 : s;
}

/* name type private unpriv chroot wakeup maxproc program ... */
static bool
read_service(const char *line, struct doctor_service *out)
{
	char name[300], type[20];

	if (sscanf(line, "%299s %19s %*s %*s %*s %*s %*s %99s", name, type,
		out->program) != 3)
		return false;
	(void)snprintf(out->id, sizeof out->id, "%s/%s", name, type);
	return true;
}

bool
doctor_next_service(const char **at, struct doctor_service *out)
{
	while (**at != '\0') {
		const char *line = *at;

		*at = next_line(line);
		if (read_service(line, out))
			return true;
	}
	return false;
}

/* SERVICE/TYPE/NAME = VALUE */
static bool
read_option(const char *line, struct doctor_option *out)
{
	size_t len = strcspn(line, "\n");
	const char *end = memmem(line, len, " =", 2);
	const char *slash =
	    end == NULL ? NULL : memrchr(line, '/', (size_t)(end - line));

	if (slash == NULL || (size_t)(slash - line) >= sizeof out->service ||
	    (size_t)(end - slash) > sizeof out->name)
		return false;
	(void)snprintf(out->service, sizeof out->service, "%.*s",
	    (int)(slash - line), line);
	(void)snprintf(out->name, sizeof out->name, "%.*s",
	    (int)(end - slash - 1), slash + 1);
	out->value = end + 2 + strspn(end + 2, " ");
	out->len = strcspn(out->value, "\n");
	return true;
}

bool
doctor_next_option(const char **at, struct doctor_option *out)
{
	while (**at != '\0') {
		const char *line = *at;

		*at = next_line(line);
		if (read_option(line, out))
			return true;
	}
	return false;
}

bool
doctor_is_hop(const struct doctor_postfix *p, const char *service)
{
	static const char *const ours[] = { "seal/unix", "seal-cleanup/unix",
		"seal-lmtp/unix" };
	size_t len = strlen(p->conf->hop.listen);

	for (size_t i = 0; i < countof(ours); i++)
		if (strcmp(service, ours[i]) == 0)
			return true;
	return strncmp(service, p->conf->hop.listen, len) == 0 &&
	       strcmp(service + len, "/inet") == 0;
}

int
doctor_effective(const struct doctor_postfix *p, const char *service,
    const char *name, struct buf *out, bool *own, struct err *err)
{
	char key[DOCTOR_NAME_SIZE + 200];
	int rc = 0;

	if (service != NULL) {
		(void)snprintf(key, sizeof key, "%s/%s", service, name);
		rc = postconf_find(p->options, key, out, err);
	}
	*own = rc > 0;
	if (rc == 0)
		rc = postconf_find(
		    p->parameters[POSTCONF_EXPANDED], name, out, err);
	return rc < 0 || buf_str(out, err) == NULL ? -1 : 0;
}

/* The next word or brace; false at the end. */
static bool
next_token(const char **at, const char **token, size_t *len)
{
	static const char separators[] = ", \t\r\n";
	const char *s = *at + strspn(*at, separators);

	*token = s;
	*len = *s == '{' || *s == '}' ? 1 : strcspn(s, ", \t\r\n{}");
	*at = s + *len;
	return *len > 0;
}

bool
doctor_same_value(const char *a, const char *b)
{
	for (;;) {
		const char *x, *y;
		size_t x_len, y_len;
		bool more = next_token(&a, &x, &x_len);

		if (next_token(&b, &y, &y_len) != more)
			return false;
		if (!more)
			return true;
		if (x_len != y_len || memcmp(x, y, x_len) != 0)
			return false;
	}
}

/* Do the words of the entry stand here? */
static bool
stands_at(const char *list, const char *entry)
{
	const char *x, *y;
	size_t x_len, y_len;

	while (next_token(&entry, &y, &y_len))
		if (!next_token(&list, &x, &x_len) || x_len != y_len ||
		    memcmp(x, y, x_len) != 0)
			return false;
	return true;
}

bool
doctor_list_has(const char *list, const char *entry, bool first)
{
	const char *token;
	size_t len;

	do {
		if (stands_at(list, entry))
			return true;
	} while (!first && next_token(&list, &token, &len));
	return false;
}

const struct doctor_kind *
doctor_kind_of(const struct doctor_setting_kind *table, const char *name)
{
	while (table->name != NULL && strcmp(table->name, name) != 0)
		table++;
	return &table->kind;
}

/* ---- commands ---- */

/* As one word of the shell. */
static const char *
quote(const char *s, char *out, size_t size)
{
	size_t n = 0;

	out[n++] = '\'';
	for (; *s != '\0' && n + 6 < size; s++) {
		if (*s == '\'') {
			memcpy(out + n, "'\\'", 3);
			n += 3;
		}
		out[n++] = *s;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

/* The same value without a blank, which `postconf -P` does not take. */
static void
put_without_blanks(const char *value, char *out, size_t size)
{
	const char *token;
	size_t len, n = strlen(out);
	char last = '{';

	while (next_token(&value, &token, &len) && n + len + 2 < size) {
		if (last != '{' && *token != '}')
			out[n++] = ',';
		memcpy(out + n, token, len);
		n += len;
		last = *token;
	}
	out[n] = '\0';
}

static const char *
command(const struct doctor_postfix *p, const char *option, const char *what,
    char out[DOCTOR_COMMAND_SIZE])
{
	char quoted[DOCTOR_COMMAND_SIZE / 2];

	(void)snprintf(out, DOCTOR_COMMAND_SIZE,
	    "postconf%s %s %s && postfix%s reload", p->folder_option, option,
	    quote(what, quoted, sizeof quoted), p->folder_option);
	return out;
}

static size_t
quoted_length(const char *value)
{
	size_t n = strlen(value);

	for (; *value != '\0'; value++)
		n += *value == '\'' ? 3 : 0;
	return n;
}

const char *
doctor_mend_set(const struct doctor_postfix *p, const char *service,
    const char *name, const char *value, char out[DOCTOR_COMMAND_SIZE])
{
	char what[DOCTOR_COMMAND_SIZE / 2];

	/* half a command would do harm */
	if (quoted_length(value) > VALUE_MAX) {
		(void)snprintf(out, DOCTOR_COMMAND_SIZE,
		    "edit %s%s%s by hand: its value is too long for a command",
		    service == NULL ? "" : service, service == NULL ? "" : "/",
		    name);
		return out;
	}
	(void)snprintf(what, sizeof what, "%s%s%s=%s",
	    service == NULL ? "" : service, service == NULL ? "" : "/", name,
	    service == NULL ? value : "");
	if (service != NULL)
		put_without_blanks(value, what, sizeof what);
	return command(p, service == NULL ? "-e" : "-P", what, out);
}

const char *
doctor_mend_unset(const struct doctor_postfix *p, const char *service,
    const char *name, char out[DOCTOR_COMMAND_SIZE])
{
	char what[DOCTOR_NAME_SIZE + 200];

	(void)snprintf(what, sizeof what, "%s%s%s",
	    service == NULL ? "" : service, service == NULL ? "" : "/", name);
	return command(p, service == NULL ? "-X" : "-PX", what, out);
}

const char *
doctor_mend_apply(const struct doctor_postfix *p, char out[DOCTOR_COMMAND_SIZE])
{
	(void)snprintf(out, DOCTOR_COMMAND_SIZE, "%s && postfix%s reload",
	    p->apply, p->folder_option);
	return out;
}

int
doctor_judge_postfix(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	if (doctor_judge_hop(p, r, err) < 0 || doctor_judge_main(p, r, err) < 0)
		return -1;
	return doctor_judge_smtpd(p, r, err);
}
