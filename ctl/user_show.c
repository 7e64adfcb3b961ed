/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost user list, user show.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "certfile.h"
#include "crypt/verifier.h"
#include "shared.h"
#include "store/stats.h"
#include "table.h"
#include "user.h"

/* An account and what else is known about it. */
struct view {
	const struct account *account;
	enum pgp_unusable why;
	int64_t until; /* of the key; 0 = for ever */
	size_t cert_count;
	bool has_login;
	bool has_vault;
	int64_t last_login; /* the day; 0 = never, or not known */
};

static int
look_at_key(struct directory *d, struct view *v, struct err *err)
{
	cleanup(cert_list_reset) struct cert_list certs = { 0 };

	if (directory_cert_list(d, v->account->address, &certs, err) < 0)
		return -1;
	v->until = usable_until(&certs, now(), &v->why);
	v->cert_count = certs.count;
	return 0;
}

static int
look_at_login(struct secrets *s, struct view *v, struct err *err)
{
	cleanup(buf_reset) struct buf verifier = { .limit = 1024,
		.secret = true };
	cleanup(buf_reset) struct buf vault = { .limit =
						    2 * LIMIT_CERTIFICATE };
	cleanup(buf_reset) struct buf fingerprint = { .limit = 256 };
	bool enabled;
	int login = secrets_verifier_get(s, v->account->address, &verifier,
	    &enabled, err);

	if (login < 0)
		return -1;

	int has_vault = secrets_vault_get(s, v->account->address, &vault,
	    &fingerprint, err);

	v->has_login = login == 1;
	v->has_vault = has_vault == 1;
	return has_vault < 0 ? -1 : 0;
}

/* A matter of statistics: what cannot be told is no error. */
static void
look_at_last_login(const struct ctl *ctl, struct view *v)
{
	cleanup(stats_close) struct stats *s = NULL;

	if (stats_open(ctl->conf->stats.database, STORE_READ, &s, NULL) == 0 &&
	    stats_last_login(s, v->account->address, &v->last_login, NULL) < 0)
		v->last_login = 0;
}

static const char *
quota_text(uint64_t octets, char out[32])
{
	static const char units[] = "KMGT";
	size_t unit = 0;

	if (octets == 0)
		return "none";
	while (unit < 4 && octets % 1024 == 0) {
		octets /= 1024;
		unit++;
	}
	(void)snprintf(out, 32, "%" PRIu64 "%.1s", octets,
	    unit == 0 ? "" : units + unit - 1);
	return out;
}

static const char *
mechanisms_text(const struct account *a)
{
	return a->mechanisms[0] == '\0' ? "default" : a->mechanisms;
}

static void
put_json(struct json *j, const struct view *v)
{
	const struct account *a = v->account;

	json_string(j, "address", a->address);
	json_bool(j, "enabled", a->enabled);
	json_bool(j, "protect_subject", a->protect_subject);
	json_count(j, "quota", a->quota_octets);
	json_string(j, "mechanisms", a->mechanisms);
	json_time(j, "created", a->created);
	json_count(j, "certificates", v->cert_count);
	json_bool(j, "key_usable", v->why == PGP_USABLE);
	json_string(j, "key_state", pgp_unusable_text(v->why));
	if (v->why == PGP_USABLE)
		json_time(j, "key_usable_until", v->until);
	else
		json_null(j, "key_usable_until");
}

/* ---- list ---- */

static int
put_row(struct table *t, const struct view *v, struct err *err)
{
	const struct account *a = v->account;
	char created[TIME_TEXT_SIZE];
	char quota[32];
	bool usable = v->why == PGP_USABLE;

	if (table_put(t, PLAIN, a->address, err) < 0 ||
	    table_put(t, a->enabled ? PLAIN : YELLOW,
		a->enabled ? "enabled" : "disabled", err) < 0 ||
	    table_put(t, usable ? GREEN : RED, pgp_unusable_text(v->why),
		err) < 0 ||
	    table_put(t, PLAIN, quota_text(a->quota_octets, quota), err) < 0)
		return -1;
	return table_put(t, PLAIN, date_text(a->created, created), err);
}

static int
list_text(struct ctl *ctl, struct directory *d, const struct account_list *l,
    struct err *err)
{
	static const char *const names[] = { "ADDRESS", "STATE", "KEY",
		"QUOTA", "CREATED" };
	cleanup(table_reset) struct table t = { .columns = countof(names) };

	if (table_header(&t, names, err) < 0)
		return -1;
	for (size_t i = 0; i < l->count; i++) {
		struct view v = { .account = l->accounts[i] };

		if (look_at_key(d, &v, err) < 0 || put_row(&t, &v, err) < 0)
			return -1;
	}
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static int
list_json(struct ctl *ctl, struct directory *d, const struct account_list *l,
    struct err *err)
{
	struct json j = { .to = ctl->out };

	json_begin_array(&j, NULL);
	for (size_t i = 0; i < l->count; i++) {
		struct view v = { .account = l->accounts[i] };

		if (look_at_key(d, &v, err) < 0)
			return -1;
		json_begin_object(&j, NULL);
		put_json(&j, &v);
		json_end_object(&j);
	}
	json_end_array(&j);
	return 0;
}

int
user_list(struct ctl *ctl, int argc, char **argv)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_list_reset) struct account_list accounts = { 0 };
	bool json = false;
	const struct ctl_option options[] = { { "--json", &json, NULL } };
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 0, 0) < 0)
		return CTL_USAGE;
	if (open_directory(ctl, STORE_READ, &d, &err) < 0 ||
	    account_list_load(d, &accounts, &err) < 0 ||
	    (json ? list_json : list_text)(ctl, d, &accounts, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}

/* ---- show ---- */

static void
show_json(struct ctl *ctl, const struct view *v)
{
	struct json j = { .to = ctl->out };
	char last_login[TIME_TEXT_SIZE];

	json_begin_object(&j, NULL);
	put_json(&j, v);
	json_bool(&j, "login", v->has_login);
	json_bool(&j, "vault", v->has_vault);
	if (v->last_login == 0)
		json_null(&j, "last_login");
	else
		json_string(&j, "last_login",
		    date_text(v->last_login, last_login));
	json_end_object(&j);
}

static const char *
until_text(const struct view *v, char out[TIME_TEXT_SIZE + 24])
{
	char date[TIME_TEXT_SIZE];

	if (v->why != PGP_USABLE)
		return pgp_unusable_text(v->why);
	if (v->until == 0)
		return "usable, does not expire";
	(void)snprintf(out, TIME_TEXT_SIZE + 24, "usable until %s",
	    date_text(v->until, date));
	return out;
}

static int
put_pair(struct table *t, const char *name, const char *value,
    struct err *err)
{
	if (table_put(t, BOLD, name, err) < 0)
		return -1;
	return table_put(t, PLAIN, value, err);
}

static int
show_text(struct ctl *ctl, const struct view *v, struct err *err)
{
	cleanup(table_reset) struct table t = { .columns = 2 };
	const struct account *a = v->account;
	char until[TIME_TEXT_SIZE + 24], created[TIME_TEXT_SIZE], quota[32];
	char last_login[TIME_TEXT_SIZE];
	const char *const rows[][2] = {
		{ "address", a->address },
		{ "state", a->enabled ? "enabled" : "disabled" },
		{ "key", until_text(v, until) },
		{ "login", v->has_login ? "has a password" : "no password" },
		{ "last login", date_text(v->last_login, last_login) },
		{ "vault", v->has_vault ? "yes" : "no" },
		{ "protect_subject", a->protect_subject ? "yes" : "no" },
		{ "quota", quota_text(a->quota_octets, quota) },
		{ "mechanisms", mechanisms_text(a) },
		{ "created", date_text(a->created, created) },
	};

	for (size_t i = 0; i < countof(rows); i++)
		if (put_pair(&t, rows[i][0], rows[i][1], err) < 0)
			return -1;
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static int
show(struct ctl *ctl, const char *text, bool json, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;
	cleanup(account_free) struct account *a = NULL;
	char address[ADDRESS_SIZE];

	if (open_directory(ctl, STORE_READ, &d, err) < 0 ||
	    find_account(d, text, address, &a, err) < 0 ||
	    open_secrets(ctl, STORE_READ, &s, err) < 0)
		return -1;

	struct view v = { .account = a };

	if (look_at_key(d, &v, err) < 0 || look_at_login(s, &v, err) < 0)
		return -1;
	look_at_last_login(ctl, &v);
	if (!json)
		return show_text(ctl, &v, err);
	show_json(ctl, &v);
	return 0;
}

int
user_show(struct ctl *ctl, int argc, char **argv)
{
	bool json = false;
	const struct ctl_option options[] = { { "--json", &json, NULL } };
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 1, 1) < 0)
		return CTL_USAGE;
	if (show(ctl, argv[1], json, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}
