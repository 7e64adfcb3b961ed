/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The table of settings and the reader of sealpost.conf. A new setting is one
 * line in the table, a field of struct conf, a paragraph in sealpost.conf(5)
 * and in the sample; scripts/check-docs compares them.
 */
#include "base/conf.h"

#include <stddef.h>
#include <string.h>

#include "base/ini.h"

struct setting;

/* Puts the value into the field, or returns -1 with a sentence in *err. */
typedef int (*setting_set)(const struct setting *s, void *field,
    const char *value, struct err *err);

struct setting {
	const char *section;
	const char *key;
	setting_set set;
	size_t field;
	const char *standard; /* the default, as it would be written */
	uint32_t min, max;
};

/* ---- kinds of values ---- */

static int
put_string(void *field, const char *value, struct err *err)
{
	char **to = field;
	char *copy = strdup(value);

	if (copy == NULL)
		return err_nomem(err);
	free(*to);
	*to = copy;
	return 0;
}

/* Digits alone; -1 without *err when it is no number of min to max. */
static int
parse_number(const char *digits, size_t len, uint32_t min, uint32_t max,
    uint32_t *out)
{
	uint64_t n = 0;

	if (len == 0 || len > 10)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		n = n * 10 + (uint64_t)(digits[i] - '0');
	}
	if (n < min || n > max)
		return -1;
	*out = (uint32_t)n;
	return 0;
}

static int
set_number(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	if (parse_number(value, strlen(value), s->min, s->max, field) < 0)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not a number from %u to %u", value, s->min,
		    s->max);
	return 0;
}

/* A number and its one unit: days are written 400d, seconds 30s. */
static int
set_with_unit(const struct setting *s, void *field, const char *value,
    char unit, struct err *err)
{
	size_t len = strlen(value);

	if (len == 0 || value[len - 1] != unit ||
	    parse_number(value, len - 1, s->min, s->max, field) < 0)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not a time from %u%c to %u%c", value, s->min,
		    unit, s->max, unit);
	return 0;
}

static int
set_days(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	return set_with_unit(s, field, value, 'd', err);
}

static int
set_seconds(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	return set_with_unit(s, field, value, 's', err);
}

static int
set_bool(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	bool *to = field;

	(void)s;
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return err_set(err, ERR_PERM, "\"%s\" is neither yes nor no",
		    value);
	*to = value[0] == 'y';
	return 0;
}

static int
set_path(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	(void)s;
	if (value[0] != '/')
		return err_set(err, ERR_PERM,
		    "\"%s\" is not an absolute path", value);
	return put_string(field, value, err);
}

static int
set_socket(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	struct conf_socket parsed;

	(void)s;
	if (conf_socket_parse(value, &parsed, err) < 0)
		return -1;
	return put_string(field, value, err);
}

static int
set_policy(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	static const char *const names[] = {
		[POLICY_DEFER] = "defer",
		[POLICY_REJECT] = "reject",
		[POLICY_PASS] = "pass",
	};
	enum conf_policy *to = field;

	for (size_t i = 0; i <= s->max; i++)
		if (strcmp(value, names[i]) == 0) {
			*to = (enum conf_policy)i;
			return 0;
		}
	return err_set(err, ERR_PERM, "\"%s\" is none of %s", value,
	    s->max == POLICY_PASS ? "defer, reject and pass"
				  : "defer and reject");
}

static int
set_delimiter(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	(void)s;
	if (strspn(value, "!#$%&'*+-./=?^_`{|}~") != strlen(value))
		return err_set(err, ERR_PERM,
		    "\"%s\" holds a character that cannot delimit an address "
		    "extension",
		    value);
	return put_string(field, value, err);
}

static int
set_user(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	size_t len = strlen(value);

	(void)s;
	if (len > 32 || value[0] == '-' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyz"
			  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != len)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not the name of a user or group", value);
	return put_string(field, value, err);
}

/* What may stand in a header field and as an argument of sendmail(1). */
static int
set_mailbox(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	(void)s;
	if (value[0] == '-' || strlen(value) > 320)
		return err_set(err, ERR_PERM, "\"%s\" is no mail address",
		    value);
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("<>,;:\"()[]\\", *p) != NULL)
			return err_set(err, ERR_PERM,
			    "\"%s\" is no mail address", value);
	return put_string(field, value, err);
}

bool
conf_is_mechanism(const char *name, size_t len)
{
	static const char *const known[] = { "PLAIN", "LOGIN",
		"SCRAM-SHA-256" };

	for (size_t i = 0; i < countof(known); i++)
		if (strlen(known[i]) == len &&
		    memcmp(known[i], name, len) == 0)
			return true;
	return false;
}

static int
set_mechanisms(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	size_t count = 0;

	(void)s;
	for (const char *p = value + strspn(value, " \t"); *p != '\0';
	     p += strspn(p, " \t")) {
		size_t len = strcspn(p, " \t");

		if (!conf_is_mechanism(p, len))
			return err_set(err, ERR_PERM,
			    "\"%.*s\" is none of PLAIN, LOGIN and "
			    "SCRAM-SHA-256",
			    (int)len, p);
		count++;
		p += len;
	}
	if (count == 0)
		return err_set(err, ERR_PERM, "no mechanism is named");
	return put_string(field, value, err);
}

static int parse_host_port(const char *text, struct conf_socket *out);

/* host:port, as the first column of master.cf. */
static int
set_host_port(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	struct conf_socket parsed;

	(void)s;
	if (parse_host_port(value, &parsed) < 0)
		return err_set(err, ERR_PERM, "\"%s\" is not host:port",
		    value);
	return put_string(field, value, err);
}

/* transport:nexthop, as content_filter takes it. */
static int
set_transport(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	const char *colon = strchr(value, ':');

	(void)s;
	if (colon == NULL || colon == value || colon[1] == '\0' ||
	    strpbrk(value, " \t,") != NULL)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not transport:nexthop", value);
	return put_string(field, value, err);
}

/* ---- the table ---- */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member */
#define AT(section, key) offsetof(struct conf, section.key)

static const struct setting settings[] = {
	{ "accounts", "directory", set_path, AT(accounts, directory),
	    "/var/lib/sealpost/directory.db", 0, 0 },
	{ "accounts", "secrets", set_path, AT(accounts, secrets),
	    "/var/lib/sealpost/secrets.db", 0, 0 },
	{ "accounts", "recipient_delimiter", set_delimiter,
	    AT(accounts, recipient_delimiter), "+", 0, 0 },
	{ "accounts", "iterations", set_number, AT(accounts, iterations),
	    "600000", 100000, 100000000 },
	{ "stats", "database", set_path, AT(stats, database),
	    "/var/lib/sealpost/stats.db", 0, 0 },
	{ "stats", "retention", set_days, AT(stats, retention_days), "400d",
	    1, 36500 },
	{ "milter", "listen", set_socket, AT(milter, listen),
	    "unix:/run/sealpost/milter.sock", 0, 0 },
	{ "milter", "missing_key", set_policy, AT(milter, missing_key),
	    "defer", POLICY_DEFER, POLICY_REJECT },
	{ "milter", "unenrolled", set_policy, AT(milter, unenrolled), "defer",
	    POLICY_DEFER, POLICY_PASS },
	{ "milter", "spool_directory", set_path, AT(milter, spool_directory),
	    "/var/tmp", 0, 0 },
	{ "milter", "user", set_user, AT(milter, user), "", 0, 0 },
	{ "milter", "socket_group", set_user, AT(milter, socket_group),
	    "postfix", 0, 0 },
	{ "milter", "max_threads", set_number, AT(milter, max_threads), "100",
	    1, 10000 },
	{ "milter", "stop_timeout", set_seconds, AT(milter, stop_timeout),
	    "30s", 1, 3600 },
	{ "policyd", "listen", set_socket, AT(policyd, listen),
	    "inet:127.0.0.1:10028", 0, 0 },
	{ "policyd", "user", set_user, AT(policyd, user), "", 0, 0 },
	{ "policyd", "socket_group", set_user, AT(policyd, socket_group),
	    "postfix", 0, 0 },
	{ "policyd", "max_connections", set_number,
	    AT(policyd, max_connections), "2000", 1, 100000 },
	{ "policyd", "idle_timeout", set_seconds, AT(policyd, idle_timeout),
	    "600s", 1, 86400 },
	{ "policyd", "max_unwritten", set_number, AT(policyd, max_unwritten),
	    "10000", 1, 1000000 },
	{ "saslauthd", "listen", set_socket, AT(saslauthd, listen),
	    "inet:127.0.0.1:12345", 0, 0 },
	{ "saslauthd", "mechanisms", set_mechanisms,
	    AT(saslauthd, mechanisms), "PLAIN LOGIN SCRAM-SHA-256", 0, 0 },
	{ "saslauthd", "user", set_user, AT(saslauthd, user), "", 0, 0 },
	{ "saslauthd", "socket_group", set_user, AT(saslauthd, socket_group),
	    "postfix", 0, 0 },
	{ "saslauthd", "allow_insecure", set_bool,
	    AT(saslauthd, allow_insecure), "no", 0, 0 },
	{ "saslauthd", "threads", set_number, AT(saslauthd, threads), "0", 0,
	    256 },
	{ "saslauthd", "queue", set_number, AT(saslauthd, queue), "64", 1,
	    10000 },
	{ "saslauthd", "max_delay", set_seconds, AT(saslauthd, max_delay),
	    "5s", 0, 9 },
	{ "saslauthd", "max_connections", set_number,
	    AT(saslauthd, max_connections), "2000", 1, 100000 },
	{ "hop", "listen", set_host_port, AT(hop, listen), "127.0.0.1:10027",
	    0, 0 },
	{ "hop", "deliver", set_transport, AT(hop, deliver),
	    "lmtp:unix:private/dovecot-lmtp", 0, 0 },
	{ "hop", "system_users", set_bool, AT(hop, system_users), "no", 0,
	    0 },
	{ "notify", "admin", set_mailbox, AT(notify, admin), "postmaster", 0,
	    0 },
	{ "notify", "sender", set_mailbox, AT(notify, sender), "postmaster",
	    0, 0 },
	{ "notify", "sendmail", set_path, AT(notify, sendmail),
	    "/usr/sbin/sendmail", 0, 0 },
};

static void *
field_of(struct conf *c, const struct setting *s)
{
	return (char *)c + s->field;
}

void
conf_free(struct conf **confp)
{
	struct conf *c = steal(confp);

	if (c == NULL)
		return;
	free(c->accounts.directory);
	free(c->accounts.secrets);
	free(c->accounts.recipient_delimiter);
	free(c->stats.database);
	free(c->milter.listen);
	free(c->milter.spool_directory);
	free(c->milter.user);
	free(c->milter.socket_group);
	free(c->policyd.listen);
	free(c->policyd.user);
	free(c->policyd.socket_group);
	free(c->saslauthd.listen);
	free(c->saslauthd.mechanisms);
	free(c->saslauthd.user);
	free(c->saslauthd.socket_group);
	free(c->hop.listen);
	free(c->hop.deliver);
	free(c->notify.admin);
	free(c->notify.sender);
	free(c->notify.sendmail);
	free(c);
}

void
conf_print_defaults(FILE *to)
{
	const char *section = "";

	for (size_t i = 0; i < countof(settings); i++) {
		const struct setting *s = &settings[i];

		if (strcmp(section, s->section) != 0)
			fprintf(to, "%s[%s]\n", i == 0 ? "" : "\n",
			    s->section);
		section = s->section;
		fprintf(to, "%s =%s%s\n", s->key,
		    s->standard[0] == '\0' ? "" : " ", s->standard);
	}
}

/* ---- addresses of sockets ---- */

static int
parse_port(const char *text, uint16_t *port)
{
	uint32_t n;

	if (parse_number(text, strlen(text), 1, UINT16_MAX, &n) < 0)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

static int
copy_host(const char *host, size_t len, const char *allowed,
    struct conf_socket *out)
{
	if (len == 0 || len >= sizeof out->host)
		return -1;
	memcpy(out->host, host, len);
	out->host[len] = '\0';
	return strspn(out->host, allowed) == len ? 0 : -1;
}

#define HEX_DIGITS "0123456789abcdefABCDEF"
#define HOST_CHARACTERS                                  \
	"0123456789.-_abcdefghijklmnopqrstuvwxyz"        \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int
parse_host_port(const char *text, struct conf_socket *out)
{
	const char *colon = strrchr(text, ':');

	*out = (struct conf_socket){ .is_unix = false };
	if (colon == NULL || parse_port(colon + 1, &out->port) < 0)
		return -1;

	size_t len = (size_t)(colon - text);

	if (text[0] == '[' && len > 2 && text[len - 1] == ']')
		return copy_host(text + 1, len - 2, HEX_DIGITS ":.", out);
	return copy_host(text, len, HOST_CHARACTERS, out);
}

static int
parse_unix(const char *path, const char *text, struct conf_socket *out,
    struct err *err)
{
	*out = (struct conf_socket){ .is_unix = true };
	if (path[0] != '/')
		return err_set(err, ERR_PERM,
		    "\"%s\": the path of a socket must be absolute", text);
	if (strlen(path) >= sizeof out->path)
		return err_set(err, ERR_PERM,
		    "\"%s\": the path of a socket has at most %zu octets",
		    text, sizeof out->path - 1);
	memcpy(out->path, path, strlen(path) + 1);
	return 0;
}

int
conf_socket_parse(const char *text, struct conf_socket *out, struct err *err)
{
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, text, out, err);
	if (strncmp(text, "inet:", 5) == 0 &&
	    parse_host_port(text + 5, out) == 0)
		return 0;
	return err_set(err, ERR_PERM,
	    "\"%s\" is neither unix:/path nor inet:host:port", text);
}

/* ---- the reader ---- */

struct reader {
	const char *section; /* of the table; NULL before the first one */
	struct conf *conf;
	size_t set_in_line[countof(settings)]; /* 0 = not yet */
};

static int
apply_defaults(struct conf *c, struct err *err)
{
	for (size_t i = 0; i < countof(settings); i++) {
		const struct setting *s = &settings[i];

		if (s->set(s, field_of(c, s), s->standard, err) < 0)
			return -1;
	}
	return 0;
}

static int
read_section(void *ctx, char *text, size_t line, struct err *err)
{
	struct reader *r = ctx;

	(void)line;
	for (size_t i = 0; i < countof(settings); i++)
		if (strcmp(text, settings[i].section) == 0) {
			r->section = settings[i].section;
			return 0;
		}
	return err_set(err, ERR_PERM,
	    "there is no section [%s]; see sealpost.conf(5)", text);
}

static const struct setting *
find_setting(const char *section, const char *key)
{
	for (size_t i = 0; i < countof(settings); i++)
		if (strcmp(settings[i].section, section) == 0 &&
		    strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static int
read_setting(void *ctx, char *key, char *value, size_t line, struct err *err)
{
	struct reader *r = ctx;

	if (r->section == NULL)
		return err_set(err, ERR_PERM,
		    "%s stands before the first [section]", key);

	const struct setting *s = find_setting(r->section, key);

	if (s == NULL)
		return err_set(err, ERR_PERM,
		    "there is no setting \"%s\" in [%s]; see "
		    "sealpost.conf(5)",
		    key, r->section);

	size_t *before = &r->set_in_line[s - settings];

	if (*before != 0)
		return err_set(err, ERR_PERM,
		    "%s is set in line %zu already", key, *before);
	*before = line;
	if (s->set(s, field_of(r->conf, s), value, err) < 0)
		return err_context(err, "%s", key);
	return 0;
}

/* What is right by itself but not together. */
static int
check_together(const struct conf *c, const char *path, struct err *err)
{
	if (c->milter.unenrolled == POLICY_PASS && c->hop.system_users)
		return err_set(err, ERR_PERM,
		    "%s: unenrolled = pass and system_users = yes exclude "
		    "each other: a system user has an address in every local "
		    "domain, and only one is the account's",
		    path);
	return 0;
}

int
conf_load(const char *path, bool optional, struct conf **out, struct err *err)
{
	cleanup(conf_free) struct conf *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	if (apply_defaults(c, err) < 0)
		return -1;

	static const struct ini_handler handler = { read_section,
		read_setting };
	struct reader r = { .conf = c };

	if (path != NULL &&
	    (ini_read(path, optional, &handler, &r, err) < 0 ||
	        check_together(c, path, err) < 0))
		return -1;
	*out = steal(&c);
	return 0;
}
