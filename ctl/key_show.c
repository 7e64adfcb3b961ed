/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost key show.
 */
#include <string.h>

#include "base/json.h"
#include "certfile.h"
#include "key.h"
#include "shared.h"
#include "table.h"

static void
subkey_json(struct json *j, const struct pgp_subkey *k)
{
	char hex[PGP_FINGERPRINT_HEX_SIZE];
	char algorithm[ALGORITHM_TEXT_SIZE];

	json_begin_object(j, NULL);
	json_string(j, "fingerprint",
	    pgp_fingerprint_hex(k->fingerprint, k->fingerprint_len, hex));
	json_string(j, "algorithm", algorithm_text(k, algorithm));
	json_time(j, "created", k->created);
	json_time(j, "expires", k->expires);
	json_string(j, "state", subkey_state(k, now()));
	json_end_object(j);
}

/* user_ids holds one a line. */
static void
user_ids_json(struct json *j, const char *user_ids)
{
	json_begin_array(j, "user_ids");
	while (*user_ids != '\0') {
		size_t len = strcspn(user_ids, "\n");
		cleanup(free_str) char *one = strndup(user_ids, len);

		if (one != NULL && len > 0)
			json_string(j, NULL, one);
		user_ids += len + (user_ids[len] == '\n');
	}
	json_end_array(j);
}

static void
cert_json(struct json *j, const struct pgp_cert *c)
{
	char hex[PGP_FINGERPRINT_HEX_SIZE];

	json_begin_object(j, NULL);
	json_string(j, "fingerprint",
	    pgp_fingerprint_hex(c->fingerprint, c->fingerprint_len, hex));
	json_time(j, "created", c->created);
	json_time(j, "expires", c->expires);
	json_string(j, "state", cert_state(c, now()));
	user_ids_json(j, c->user_ids);
	json_begin_array(j, "subkeys");
	for (size_t i = 0; i < c->subkey_count; i++)
		subkey_json(j, &c->subkeys[i]);
	json_end_array(j);
	json_end_object(j);
}

static void
show_json(struct ctl *ctl, const struct cert_list *certs)
{
	struct json j = { .to = ctl->out };

	json_begin_array(&j, NULL);
	for (size_t i = 0; i < certs->count; i++)
		cert_json(&j, certs->certs[i]);
	json_end_array(&j);
}

/* ---- text ---- */

static enum table_colour
state_colour(const char *state)
{
	return strcmp(state, pgp_unusable_text(PGP_USABLE)) == 0 ? GREEN
								 : RED;
}

static int
put_times(struct table *t, int64_t created, int64_t expires, const char *state,
    struct err *err)
{
	char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

	if (table_put(t, PLAIN, date_text(created, from), err) < 0 ||
	    table_put(t, PLAIN, date_text(expires, until), err) < 0)
		return -1;
	return table_put(t, state_colour(state), state, err);
}

static int
put_cert(struct table *t, const struct pgp_cert *c, struct err *err)
{
	char hex[PGP_FINGERPRINT_HEX_SIZE];
	char algorithm[ALGORITHM_TEXT_SIZE];

	(void)pgp_fingerprint_hex(c->fingerprint, c->fingerprint_len, hex);
	if (table_put(t, BOLD, hex, err) < 0 ||
	    table_put(t, PLAIN, "certificate", err) < 0 ||
	    put_times(t, c->created, c->expires, cert_state(c, now()), err) <
		0)
		return -1;
	for (size_t i = 0; i < c->subkey_count; i++) {
		const struct pgp_subkey *k = &c->subkeys[i];

		(void)pgp_fingerprint_hex(k->fingerprint, k->fingerprint_len,
		    hex);
		if (table_putf(t, PLAIN, err, "  %s", hex) < 0 ||
		    table_put(t, PLAIN, algorithm_text(k, algorithm), err) <
			0 ||
		    put_times(t, k->created, k->expires,
			subkey_state(k, now()), err) < 0)
			return -1;
	}
	return 0;
}

static int
show_text(struct ctl *ctl, const struct cert_list *certs, struct err *err)
{
	static const char *const names[] = { "FINGERPRINT", "KIND", "CREATED",
		"EXPIRES", "STATE" };
	cleanup(table_reset) struct table t = { .columns = countof(names) };

	if (table_header(&t, names, err) < 0)
		return -1;
	for (size_t i = 0; i < certs->count; i++)
		if (put_cert(&t, certs->certs[i], err) < 0)
			return -1;
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static int
show(struct ctl *ctl, const char *text, bool json, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;
	cleanup(cert_list_reset) struct cert_list certs = { 0 };
	char address[ADDRESS_SIZE];

	if (open_directory(ctl, STORE_READ, &d, err) < 0 ||
	    find_account(d, text, address, &a, err) < 0 ||
	    directory_cert_list(d, address, &certs, err) < 0)
		return -1;
	if (!json)
		return show_text(ctl, &certs, err);
	show_json(ctl, &certs);
	return 0;
}

int
key_show(struct ctl *ctl, int argc, char **argv)
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
