/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_dovecot.h"

#include <string.h>

#include "postfix_file.h"

/* ---- doveconf -n ---- */

static void
open_block(struct doctor_settings *s, const char *name, size_t len)
{
	size_t n = strlen(s->block);

	while (len > 0 && name[len - 1] == ' ')
		len--;
	(void)snprintf(s->block + n, sizeof s->block - n, "%s%.*s",
	    n == 0 ? "" : " / ", (int)len, name);
}

/* The last one that was opened; a name may hold a slash, but not " / ". */
static void
close_block(struct doctor_settings *s)
{
	char *last = NULL;

	for (char *p = s->block; (p = strstr(p, " / ")) != NULL; p++)
		last = p;
	if (last == NULL)
		last = s->block;
	*last = '\0';
}

/* What a line is; true when it is a setting. */
static bool
take_line(struct doctor_settings *s, const char *line, size_t len,
    struct doctor_setting *out)
{
	if (len == 0 || line[0] == '#')
		return false;
	if (line[0] == '}') {
		close_block(s);
		return false;
	}
	if (line[len - 1] == '{') {
		open_block(s, line, len - 1);
		return false;
	}

	const char *sign = memmem(line, len, " =", 2);

	if (sign == NULL || (size_t)(sign - line) >= sizeof out->name)
		return false;
	(void)snprintf(out->block, sizeof out->block, "%s", s->block);
	(void)snprintf(
	    out->name, sizeof out->name, "%.*s", (int)(sign - line), line);
	out->value = sign + 2 + strspn(sign + 2, " ");
	out->len = strcspn(out->value, "\n");
	return true;
}

bool
doctor_next_setting(struct doctor_settings *s, struct doctor_setting *out)
{
	while (*s->at != '\0') {
		const char *line = s->at + strspn(s->at, " \t");
		size_t len = strcspn(line, "\n");

		s->at = line + len;
		s->at += *s->at == '\n';
		if (take_line(s, line, len, out))
			return true;
	}
	return false;
}

/* ---- the place of the mail ---- */

static bool
copy_between(const char *from, const char *end, char out[DOCTOR_PLACE_SIZE])
{
	if (end == NULL || end <= from || end - from >= DOCTOR_PLACE_SIZE)
		return false;
	(void)snprintf(out, DOCTOR_PLACE_SIZE, "%.*s", (int)(end - from), from);
	return true;
}

bool
doctor_find_mail_place(const char *text, struct doctor_mail_place *out)
{
	static const char select[] = "SELECT '", uid[] = "' AS uid";
	const char *home = strstr(text, "' AS home");
	const char *from = strstr(text, select);

	if (home == NULL || from == NULL || from > home)
		return false;
	from += strlen(select);
	if (!copy_between(from, strstr(from, "/%"), out->directory))
		return false;

	const char *end = strstr(home, uid);

	if (end == NULL)
		return false;
	from = end;
	while (from > home && from[-1] != '\'')
		from--;
	return copy_between(from, end, out->user);
}

/* ---- single values ---- */

static const char leak[] =
    "Dovecot would write passwords or vaults into its log";
static const char in_clear[] =
    "a password or a vault could cross the net in clear";

static const struct {
	const char *name, *wanted;
	struct doctor_kind kind;
} values[] = {
	{ "ssl", "required", { "dovecot.tls", DOCTOR_ERROR, in_clear } },
	{ "disable_plaintext_auth", "yes",
	    { "dovecot.tls", DOCTOR_ERROR, in_clear } },
	{ "auth_allow_cleartext", "no",
	    { "dovecot.tls", DOCTOR_ERROR, in_clear } },
	{ "mail_debug", "no", { "dovecot.debug", DOCTOR_ERROR, leak } },
	{ "auth_debug_passwords", "no",
	    { "dovecot.debug", DOCTOR_ERROR, leak } },
	{ "auth_verbose_passwords", "no",
	    { "dovecot.debug", DOCTOR_ERROR, leak } },
};

static const char *
mend_apply(const struct doctor_dovecot *d, char out[DOCTOR_COMMAND_SIZE])
{
	(void)snprintf(out, DOCTOR_COMMAND_SIZE, "%s && doveadm -c '%s' reload",
	    d->apply, d->file);
	return out;
}

static int
judge_value(const struct doctor_dovecot *d, size_t i, struct doctor_report *r,
    struct err *err)
{
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	char mend[DOCTOR_COMMAND_SIZE];

	if (doveconf_find(d->values, values[i].name, &is, err) < 0)
		return -1;
	/* the other version's */
	if (is.len == 0 || strcmp((char *)is.data, values[i].wanted) == 0)
		return 0;
	return doctor_put(r, &values[i].kind, mend_apply(d, mend), err,
	    "%s is \"%s\", and must be \"%s\"", values[i].name, (char *)is.data,
	    values[i].wanted);
}

/* A block, `protocol imap` for one, that has another value of its own. */
static int
judge_setting(const struct doctor_dovecot *d, const struct doctor_setting *s,
    struct doctor_report *r, struct err *err)
{
	for (size_t i = 0; i < countof(values); i++) {
		char mend[DOCTOR_COMMAND_SIZE];

		if (strcmp(values[i].name, s->name) != 0 ||
		    (strlen(values[i].wanted) == s->len &&
			memcmp(values[i].wanted, s->value, s->len) == 0))
			continue;
		(void)snprintf(mend, sizeof mend,
		    "take the line \"%s = %.*s\" out of %s (grep -rn %s "
		    "\"$(dirname '%s')\" finds it), then: doveadm reload",
		    s->name, (int)s->len, s->value, s->block, s->name, d->file);
		return doctor_put(r, &values[i].kind, mend, err,
		    "%s: %s is \"%.*s\", and must be \"%s\"", s->block, s->name,
		    (int)s->len, s->value, values[i].wanted);
	}
	return 0;
}

/* ---- passdb and userdb ---- */

struct databases {
	bool ours;        /* seen */
	char before[300]; /* another block that stands before it; "" */
};

/* Is this setting what makes a passdb or userdb sealpost's? */
static bool
is_ours(const struct doctor_dovecot *d, const struct doctor_setting *s,
    const char *database, const char *file)
{
	char value[500];

	(void)snprintf(value, sizeof value, "%.*s", (int)s->len, s->value);
	if (d->version == DOVECOT_2_3)
		return strcmp(s->name, "args") == 0 &&
		       strstr(value, file) != NULL;
	return strcmp(s->name, "sqlite_path") == 0 &&
	       strcmp(value, database) == 0;
}

static bool
is_block(const char *block, const char *word)
{
	size_t n = strlen(word);

	return strncmp(block, word, n) == 0 &&
	       (block[n] == '\0' || block[n] == ' ');
}

static void
find_databases(const struct doctor_dovecot *d, const char *word,
    const char *database, const char *file, struct databases *out)
{
	struct doctor_settings all = { .at = d->changed };
	struct doctor_setting s;

	*out = (struct databases){ 0 };
	while (!out->ours && doctor_next_setting(&all, &s)) {
		if (!is_block(s.block, word))
			continue;
		out->ours = is_ours(d, &s, database, file);
		if (!out->ours && strcmp(s.name, "driver") == 0 &&
		    (s.len != 3 || memcmp(s.value, "sql", 3) != 0))
			(void)snprintf(out->before, sizeof out->before,
			    "%s with driver %.*s", s.block,
			    (int)(s.len > 50 ? 50 : s.len), s.value);
	}
}

static const struct database_kind {
	const char *word, *file;
	struct doctor_kind missing, before;
} databases[] = {
	{ "passdb", "sealpost-passdb.conf.ext",
	    { "dovecot.passdb", DOCTOR_ERROR,
		"Dovecot does not know the passwords of the accounts" },
	    { "dovecot.passdb", DOCTOR_WARNING,
		"it is asked first: an account's mechanisms and a disabling do "
		"not bind it" } },
	{ "userdb", "sealpost-userdb.conf.ext",
	    { "dovecot.userdb", DOCTOR_ERROR,
		"Dovecot does not know the accounts and refuses their mail" },
	    { "dovecot.userdb", DOCTOR_WARNING,
		"it is asked first, and may give an account another home" } },
};

static int
judge_database(const struct doctor_dovecot *d, const struct database_kind *k,
    const char *database, const char *text, struct doctor_report *r,
    struct err *err)
{
	struct databases found;
	char mend[DOCTOR_COMMAND_SIZE];

	find_databases(d, k->word, database, k->file, &found);
	if (!found.ours)
		return doctor_put(r, &k->missing, mend_apply(d, mend), err,
		    "there is no %s that reads %s", k->word, database);
	if (d->version == DOVECOT_2_3 && strstr(text, database) == NULL)
		return doctor_put(r, &k->missing, mend_apply(d, mend), err,
		    "%s does not name %s", k->file, database);
	if (found.before[0] != '\0')
		return doctor_put(r, &k->before, NULL, err,
		    "%s stands before sealpost's", found.before);
	return 0;
}

/* ---- the plugin ---- */

/* As a word, and nowhere with "= no" behind it. */
static bool
has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	bool found = false;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += len) {
		char before = p == text ? ' ' : p[-1];

		if (strchr(" \t\n", before) == NULL ||
		    strchr(" \t\n", p[len]) == NULL)
			continue;
		if (strncmp(p + len, " = no", 5) == 0)
			return false;
		found = true;
	}
	return found;
}

static int
judge_modules(
    const struct doctor_dovecot *d, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind missing = { "dovecot.plugin",
		DOCTOR_WARNING,
		"nothing is sealed on save (a client's own Sent copies lie in "
		"plaintext), and there are no vaults and no folder "
		"statistics" };
	static const struct doctor_kind unloaded = { "dovecot.plugin",
		DOCTOR_ERROR,
		"nothing is sealed on save there (a client's own Sent copies "
		"lie in plaintext), and vaults cannot be fetched" };
	static const struct {
		int protocol;
		const char *name, *word;
	} needed[] = {
		{ DOCTOR_IMAP, "imap", "sealpost" },
		{ DOCTOR_IMAP, "imap", "imap_sealpost" },
		{ DOCTOR_LMTP, "lmtp", "sealpost" },
	};
	char mend[DOCTOR_COMMAND_SIZE];

	if (!d->modules)
		return doctor_put(r, &missing,
		    "install the package dovecot-sealpost, then: sealpost "
		    "dovecot apply && doveadm reload",
		    err, "sealpost's modules are not where Dovecot looks");
	for (size_t i = 0; i < countof(needed); i++) {
		if (has_word(d->plugins[needed[i].protocol], needed[i].word))
			continue;
		if (doctor_put(r, &unloaded, mend_apply(d, mend), err,
			"protocol %s: mail_plugins lacks %s", needed[i].name,
			needed[i].word) < 0)
			return -1;
	}
	return 0;
}

/* ---- sealing on save ---- */

/* Dovecot 2.4 does not print what is as usual; 2.3 prints its plugin block. */
static bool
has_setting(const struct doctor_dovecot *d, const char *name,
    const char *value, const char *usual)
{
	struct doctor_settings all = { .at = d->changed };
	struct doctor_setting s;

	while (doctor_next_setting(&all, &s))
		if (strcmp(s.name, name) == 0)
			return s.len == strlen(value) &&
			       memcmp(s.value, value, s.len) == 0;
	return d->version == DOVECOT_2_4 && strcmp(value, usual) == 0;
}

static int
judge_plugin_settings(
    const struct doctor_dovecot *d, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "dovecot.seal_on_save",
		DOCTOR_ERROR,
		"what clients save themselves lies in plaintext, or the plugin "
		"reads other databases than the rest" };
	const struct {
		const char *name, *value, *usual;
	} needed[] = {
		{ "sealpost_seal", "yes", "no" },
		{ "sealpost_directory", d->conf->accounts.directory,
		    "/var/lib/sealpost/directory.db" },
		{ "sealpost_secrets", d->conf->accounts.secrets,
		    "/var/lib/sealpost/secrets.db" },
	};

	for (size_t i = 0; d->modules && i < countof(needed); i++) {
		char mend[DOCTOR_COMMAND_SIZE];

		if (has_setting(d, needed[i].name, needed[i].value,
			needed[i].usual))
			continue;
		if (doctor_put(r, &kind, mend_apply(d, mend), err,
			"%s is not \"%s\"", needed[i].name,
			needed[i].value) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

static int
fine_ones(const struct doctor_dovecot *d, struct doctor_report *r, size_t from,
    struct err *err)
{
	static const struct {
		const char *check, *what;
		bool modules;
	} fine[] = {
		{ "dovecot.tls", "no login without TLS", false },
		{ "dovecot.debug", "no passwords or vaults in logs", false },
		{ "dovecot.passdb", "passwords come from the databases",
		    false },
		{ "dovecot.userdb", "accounts come from the databases", false },
		{ "dovecot.plugin", "the plugin is loaded where it is needed",
		    true },
		{ "dovecot.seal_on_save", "what is saved is sealed", true },
	};

	for (size_t i = 0; i < countof(fine); i++) {
		if (fine[i].modules && !d->modules)
			continue;
		if (doctor_fine(r, from, fine[i].check, fine[i].what, err) < 0)
			return -1;
	}
	return 0;
}

static int
judge_settings(
    const struct doctor_dovecot *d, struct doctor_report *r, struct err *err)
{
	struct doctor_settings all = { .at = d->changed };
	struct doctor_setting s;

	for (size_t i = 0; i < countof(values); i++)
		if (judge_value(d, i, r, err) < 0)
			return -1;
	while (doctor_next_setting(&all, &s))
		if (s.block[0] != '\0' && judge_setting(d, &s, r, err) < 0)
			return -1;
	return 0;
}

int
doctor_judge_dovecot(
    const struct doctor_dovecot *d, struct doctor_report *r, struct err *err)
{
	const struct conf *c = d->conf;
	size_t from = r->count;

	if (judge_settings(d, r, err) < 0 ||
	    judge_database(d, &databases[0], c->accounts.secrets,
		d->passdb_file, r, err) < 0 ||
	    judge_database(d, &databases[1], c->accounts.directory,
		d->userdb_file, r, err) < 0 ||
	    judge_modules(d, r, err) < 0 ||
	    judge_plugin_settings(d, r, err) < 0)
		return -1;
	return fine_ones(d, r, from, err);
}
