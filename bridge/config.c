/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The table of settings of bridge.conf. A new one is a line in a table, a
 * field and a paragraph of sealpost-bridge.conf(5).
 */
#include <string.h>

#include "account.h"
#include "base/conf.h"
#include "base/ini.h"
#include "mail/address.h"

struct setting {
	const char *key;
	int (*set)(const struct setting *s, void *field, const char *value,
	    struct err *err);
	size_t field;
	const char *standard;
	uint64_t min, max;
	const char *words[3]; /* of set_word(): the index is the value */
};

/* ---- kinds of values ---- */

static int
set_text(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	char **to = field;
	char *copy = strdup(value);

	(void)s;
	if (copy == NULL)
		return err_nomem(err);
	free(*to);
	*to = copy;
	return 0;
}

static int
set_path(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	if (value[0] != '\0' && value[0] != '/')
		return err_set(
		    err, ERR_PERM, "\"%s\" is not an absolute path", value);
	return set_text(s, field, value, err);
}

/* "inet:127.0.0.1:1143 inet:[::1]:1143", or nothing. */
static int
set_listen(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	struct conf_socket parsed;
	size_t len;

	for (const char *p = value + strspn(value, " \t"); *p != '\0';
	     p += len + strspn(p + len, " \t")) {
		char one[400];

		len = strcspn(p, " \t");
		if (len >= sizeof one)
			return err_set(err, ERR_PERM, "a listener is too long");
		memcpy(one, p, len);
		one[len] = '\0';
		if (conf_socket_parse(one, &parsed, err) < 0)
			return -1;
	}
	return set_text(s, field, value, err);
}

/* Digits, and one of k, M and G. */
static int
read_number(const struct setting *s, const char *value, uint64_t *out,
    struct err *err)
{
	size_t digits = strspn(value, "0123456789");
	const char *unit = value + digits;
	uint64_t n = 0, factor = 1;

	if (strcmp(unit, "k") == 0)
		factor = 1 << 10;
	else if (strcmp(unit, "M") == 0)
		factor = 1 << 20;
	else if (strcmp(unit, "G") == 0)
		factor = 1 << 30;
	else if (unit[0] != '\0')
		digits = 0;
	for (size_t i = 0; i < digits && digits <= 10; i++)
		n = n * 10 + (uint64_t)(value[i] - '0');
	if (digits == 0 || digits > 10 || n * factor < s->min ||
	    n * factor > s->max)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not a number from %llu to %llu", value,
		    (unsigned long long)s->min, (unsigned long long)s->max);
	*out = n * factor;
	return 0;
}

static int
set_size(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	return read_number(s, value, field, err);
}

static int
set_number(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	uint64_t n;

	if (read_number(s, value, &n, err) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)n;
	return 0;
}

/* Seconds are written 30s. */
static int
set_seconds(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	size_t len = strlen(value);
	char digits[12];

	if (len < 2 || len > sizeof digits || value[len - 1] != 's')
		return err_set(
		    err, ERR_PERM, "\"%s\" is not a time like 30s", value);
	memcpy(digits, value, len - 1);
	digits[len - 1] = '\0';
	return set_number(s, field, digits, err);
}

static int
set_port(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	uint64_t n;

	if (read_number(s, value, &n, err) < 0)
		return -1;
	*(uint16_t *)field = (uint16_t)n;
	return 0;
}

static int
word_of(const struct setting *s, const char *value, unsigned *out,
    struct err *err)
{
	for (unsigned i = 0; i < countof(s->words); i++)
		if (s->words[i] != NULL && strcmp(value, s->words[i]) == 0) {
			*out = i;
			return 0;
		}
	return err_set(err, ERR_PERM, "\"%s\" is none of %s, %s%s%s", value,
	    s->words[0], s->words[1], s->words[2] == NULL ? "" : ", ",
	    s->words[2] == NULL ? "" : s->words[2]);
}

static int
set_flag(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	unsigned n;

	if (word_of(s, value, &n, err) < 0)
		return -1;
	*(bool *)field = n == 1;
	return 0;
}

static int
set_tls(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	unsigned n;

	if (word_of(s, value, &n, err) < 0)
		return -1;
	*(enum server_tls *)field = (enum server_tls)n;
	return 0;
}

static int
set_key(const struct setting *s, void *field, const char *value,
    struct err *err)
{
	unsigned n;

	if (word_of(s, value, &n, err) < 0)
		return -1;
	*(enum key_source *)field = (enum key_source)n;
	return 0;
}

/* ---- the tables ---- */

#define AT(f) offsetof(struct bridge_conf, f)
#define OF(f) offsetof(struct account, f)
#define GIGA ((uint64_t)1 << 30)

static const struct setting bridge_settings[] = {
	{ "imap_listen", set_listen, AT(imap_listen), "inet:127.0.0.1:1143",
	    0, 0, { NULL } },
	{ "smtp_listen", set_listen, AT(smtp_listen), "inet:127.0.0.1:1587",
	    0, 0, { NULL } },
	{ "imaps_listen", set_listen, AT(imaps_listen), "", 0, 0, { NULL } },
	{ "smtps_listen", set_listen, AT(smtps_listen), "", 0, 0, { NULL } },
	{ "certificate_file", set_path, AT(certificate_file), "", 0, 0,
	    { NULL } },
	{ "certificate_key_file", set_path, AT(certificate_key_file), "", 0, 0,
	    { NULL } },
	{ "state_directory", set_path, AT(state_directory), "", 0, 0,
	    { NULL } },
	{ "max_message", set_size, AT(max_message), "64M", 1 << 20, GIGA,
	    { NULL } },
	{ "cache_memory", set_size, AT(cache_memory), "16M", 0, GIGA,
	    { NULL } },
	{ "timeout", set_seconds, AT(timeout), "60s", 1, 3600, { NULL } },
	{ "idle_timeout", set_seconds, AT(idle_timeout), "1860s", 1, 86400,
	    { NULL } },
	{ "max_connections", set_number, AT(max_connections), "64", 1, 10000,
	    { NULL } },
};

static const struct setting account_settings[] = {
	{ "user", set_text, OF(user), "", 0, 0, { NULL } },
	{ "login", set_flag, OF(login_secret), "secret", 0, 0,
	    { "password", "secret", NULL } },
	{ "key", set_key, OF(key), "vault", 0, 0,
	    { "vault", "file", "keyring" } },
	{ "key_file", set_path, OF(key_file), "", 0, 0, { NULL } },
	{ "gnupg_home", set_path, OF(gnupg_home), "", 0, 0, { NULL } },
	{ "foreign", set_flag, OF(decrypt_foreign), "decrypt", 0, 0,
	    { "pass", "decrypt", NULL } },
	{ "sent_folder", set_text, OF(sent_folder), "", 0, 0, { NULL } },
	{ "imap_host", set_text, OF(imap.host), "", 0, 0, { NULL } },
	{ "imap_port", set_port, OF(imap.port), "993", 1, 65535, { NULL } },
	{ "imap_tls", set_tls, OF(imap.tls), "tls", 0, 0,
	    { "tls", "starttls", NULL } },
	{ "imap_fingerprint", set_text, OF(imap.fingerprint), "", 0, 0,
	    { NULL } },
	{ "imap_ca_file", set_path, OF(imap.ca_file), "", 0, 0, { NULL } },
	{ "smtp_host", set_text, OF(smtp.host), "", 0, 0, { NULL } },
	{ "smtp_port", set_port, OF(smtp.port), "465", 1, 65535, { NULL } },
	{ "smtp_tls", set_tls, OF(smtp.tls), "tls", 0, 0,
	    { "tls", "starttls", NULL } },
	{ "smtp_fingerprint", set_text, OF(smtp.fingerprint), "", 0, 0,
	    { NULL } },
	{ "smtp_ca_file", set_path, OF(smtp.ca_file), "", 0, 0, { NULL } },
};

enum { SETTINGS_MAX = countof(account_settings), ACCOUNTS_MAX = 100 };

/* ---- the reader ---- */

struct reader {
	struct bridge_conf *conf;
	const struct setting *table; /* of the section; NULL before it */
	size_t count;
	void *object;
	size_t set_in_line[SETTINGS_MAX];
	bool bridge_seen;
};

static int
apply_defaults(const struct setting *table, size_t count, void *object,
    struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].set(&table[i], (char *)object + table[i].field,
		        table[i].standard, err) < 0)
			return -1;
	return 0;
}

static int
add_account(struct reader *r, const char *name, struct err *err)
{
	struct bridge_conf *c = r->conf;
	char address[ADDRESS_SIZE];

	if (address_normalize(name, address, err) < 0)
		return -1;
	if (bridge_conf_account(c, address) != NULL)
		return err_set(err, ERR_PERM,
		    "there is an [account %s] already", address);
	if (c->account_count == ACCOUNTS_MAX)
		return err_set(err, ERR_PERM, "there are more than %d accounts",
		    ACCOUNTS_MAX);

	struct account *more = reallocarray(
	    c->accounts, c->account_count + 1, sizeof *more);

	if (more == NULL)
		return err_nomem(err);
	c->accounts = more;

	struct account *a = &more[c->account_count++];

	*a = (struct account){ .address = strdup(address) };
	if (a->address == NULL)
		return err_nomem(err);
	r->table = account_settings;
	r->count = countof(account_settings);
	r->object = a;
	return apply_defaults(r->table, r->count, a, err);
}

static int
on_section(void *ctx, char *name, size_t line, struct err *err)
{
	struct reader *r = ctx;

	(void)line;
	memset(r->set_in_line, 0, sizeof r->set_in_line);
	if (strncmp(name, "account ", 8) == 0)
		return add_account(r, name + 8 + strspn(name + 8, " \t"), err);
	if (strcmp(name, "bridge") != 0)
		return err_set(err, ERR_PERM,
		    "there is no section [%s]; see sealpost-bridge.conf(5)",
		    name);
	if (r->bridge_seen)
		return err_set(err, ERR_PERM, "[bridge] stands here twice");
	r->bridge_seen = true;
	r->table = bridge_settings;
	r->count = countof(bridge_settings);
	r->object = r->conf;
	return 0;
}

static int
on_setting(void *ctx, char *key, char *value, size_t line, struct err *err)
{
	struct reader *r = ctx;

	if (r->table == NULL)
		return err_set(err, ERR_PERM,
		    "%s stands before the first [section]", key);
	for (size_t i = 0; i < r->count; i++) {
		const struct setting *s = &r->table[i];

		if (strcmp(s->key, key) != 0)
			continue;
		if (r->set_in_line[i] != 0)
			return err_set(err, ERR_PERM,
			    "%s is set in line %zu already", key,
			    r->set_in_line[i]);
		r->set_in_line[i] = line;
		if (s->set(s, (char *)r->object + s->field, value, err) < 0)
			return err_context(err, "%s", key);
		return 0;
	}
	return err_set(err, ERR_PERM,
	    "there is no setting \"%s\" here; see sealpost-bridge.conf(5)",
	    key);
}

/* ---- what is right by itself but not together ---- */

static int
complete_account(struct account *a, struct err *err)
{
	if (a->imap.host[0] == '\0' || a->smtp.host[0] == '\0')
		return err_set(err, ERR_PERM,
		    "[account %s]: imap_host and smtp_host must be set",
		    a->address);
	if ((a->key == KEY_FILE) != (a->key_file[0] != '\0'))
		return err_set(err, ERR_PERM,
		    "[account %s]: key = file and key_file go together",
		    a->address);
	if (a->user[0] != '\0')
		return 0;
	free(a->user);
	a->user = strdup(a->address);
	return a->user == NULL ? err_nomem(err) : 0;
}

static int
check_certificate(const struct bridge_conf *c, struct err *err)
{
	if ((c->certificate_file[0] != '\0') !=
	    (c->certificate_key_file[0] != '\0'))
		return err_set(err, ERR_PERM,
		    "certificate_file and certificate_key_file go together");
	return 0;
}

/* $XDG_STATE_HOME/sealpost, or ~/.local/state/sealpost. */
static int
complete_state(struct bridge_conf *c, struct err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (c->state_directory[0] != '\0')
		return 0;
	if (state != NULL && state[0] == '/')
		n = asprintf(&path, "%s/sealpost", state);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&path, "%s/.local/state/sealpost", home);
	else
		return err_set(err, ERR_PERM,
		    "state_directory is not set, and there is no HOME");
	if (n < 0)
		return err_nomem(err);
	free(c->state_directory);
	c->state_directory = path;
	return 0;
}

static void
free_account(struct account *a)
{
	free(a->address);
	free(a->user);
	free(a->key_file);
	free(a->gnupg_home);
	free(a->sent_folder);
	free(a->imap.host);
	free(a->imap.fingerprint);
	free(a->imap.ca_file);
	free(a->smtp.host);
	free(a->smtp.fingerprint);
	free(a->smtp.ca_file);
}

void
bridge_conf_free(struct bridge_conf **cp)
{
	struct bridge_conf *c = steal(cp);

	if (c == NULL)
		return;
	for (size_t i = 0; i < c->account_count; i++)
		free_account(&c->accounts[i]);
	free(c->accounts);
	free(c->imap_listen);
	free(c->smtp_listen);
	free(c->imaps_listen);
	free(c->smtps_listen);
	free(c->certificate_file);
	free(c->certificate_key_file);
	free(c->state_directory);
	free(c);
}

int
bridge_conf_load(const char *path, struct bridge_conf **out, struct err *err)
{
	static const struct ini_handler handler = { on_section, on_setting };
	cleanup(bridge_conf_free) struct bridge_conf *c = calloc(1, sizeof *c);
	struct reader r = { .conf = c };

	if (c == NULL)
		return err_nomem(err);
	if (apply_defaults(
	        bridge_settings, countof(bridge_settings), c, err) < 0 ||
	    ini_read(path, false, &handler, &r, err) < 0)
		return -1;
	if (c->account_count == 0)
		return err_set(err, ERR_PERM,
		    "%s: there is no [account ADDRESS]", path);
	for (size_t i = 0; i < c->account_count; i++)
		if (complete_account(&c->accounts[i], err) < 0)
			return err_context(err, "%s", path);
	if (check_certificate(c, err) < 0 || complete_state(c, err) < 0)
		return err_context(err, "%s", path);
	*out = steal(&c);
	return 0;
}

const struct account *
bridge_conf_account(const struct bridge_conf *c, const char *login)
{
	char address[ADDRESS_SIZE];

	if (address_normalize(login, address, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < c->account_count; i++)
		if (c->accounts[i].address != NULL &&
		    strcmp(c->accounts[i].address, address) == 0)
			return &c->accounts[i];
	return NULL;
}
