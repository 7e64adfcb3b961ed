/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost stats: sums of the hourly counters.
 */
#include "store/stats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "shared.h"
#include "table.h"

enum { SECONDS_AN_HOUR = 3600, SECONDS_A_DAY = 86400 };

struct query {
	const char *address; /* NULL: all together */
	int64_t since;       /* 0: everything that is kept */
};

struct result {
	uint64_t registered;
	struct stats_counters sum;
};

/* The figures in the order they are shown; the keys are an interface. */
static const struct {
	const char *key;
	size_t at;
} figures[] = {
	{ "registered", offsetof(struct result, registered) },
	{ "logins", offsetof(struct result, sum.logins) },
	{ "failed_logins", offsetof(struct result, sum.failed_logins) },
	{ "sent", offsetof(struct result, sum.sent) },
	{ "recipients", offsetof(struct result, sum.recipients) },
	{ "octets", offsetof(struct result, sum.octets) },
	{ "received", offsetof(struct result, sum.received) },
	{ "sealed", offsetof(struct result, sum.sealed) },
	{ "already_sealed", offsetof(struct result, sum.already_sealed) },
	{ "deferred", offsetof(struct result, sum.deferred) },
	{ "refused", offsetof(struct result, sum.refused) },
	{ "plaintext", offsetof(struct result, sum.plaintext) },
};

static uint64_t
figure(const struct result *r, size_t i)
{
	uint64_t n;

	memcpy(&n, (const char *)r + figures[i].at, sizeof n);
	return n;
}

/* ---- --since ---- */

/* 24h or 7d: *seconds before now. */
static bool
parse_span(const char *text, int64_t *seconds)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 6 || text[len] == '\0' || text[len + 1] != '\0')
		return false;

	int64_t n = strtol(text, NULL, 10);

	if (text[len] != 'h' && text[len] != 'd')
		return false;
	*seconds = n * (text[len] == 'h' ? SECONDS_AN_HOUR : SECONDS_A_DAY);
	return n > 0;
}

/* 2026-11-01: its beginning, UTC. */
static bool
parse_date(const char *text, int64_t *out)
{
	struct tm parts = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &parts);

	if (strlen(text) != 10 || end == NULL || *end != '\0')
		return false;

	struct tm check = parts;
	time_t t = timegm(&check);

	/* 2026-02-31 would be a day in March */
	if (t < 0 || check.tm_mday != parts.tm_mday)
		return false;
	*out = (int64_t)t;
	return true;
}

static bool
parse_since(const char *text, int64_t *since)
{
	int64_t seconds;

	if (parse_date(text, since))
		return true;
	if (!parse_span(text, &seconds))
		return false;
	*since = now() - seconds;
	return true;
}

/* ---- the figures ---- */

static int
count_enabled(void *ctx, const struct account *a, struct err *err)
{
	uint64_t *n = ctx;

	(void)err;
	*n += a->enabled;
	return 0;
}

/* The address in normal form, and how many enabled accounts it stands for. */
static int
count_registered(struct ctl *ctl, const char *text,
    char address[ADDRESS_SIZE], uint64_t *out, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;

	*out = 0;
	if (open_directory(ctl, STORE_READ, &d, err) < 0)
		return -1;
	if (text == NULL)
		return directory_account_list(d, count_enabled, out, err);
	if (find_account(d, text, address, &a, err) < 0)
		return -1;
	*out = a->enabled;
	return 0;
}

static int
sum_up(struct ctl *ctl, const struct query *q, struct result *r,
    struct err *err)
{
	cleanup(stats_close) struct stats *s = NULL;
	const char *path = ctl->conf->stats.database;

	if (stats_open(path, STORE_READ, &s, err) < 0)
		return missing_database(path, err);
	return stats_sum(s, q->address, q->since, &r->sum, err);
}

static int
print_text(struct ctl *ctl, const struct result *r, struct err *err)
{
	cleanup(table_reset) struct table t = { .columns = 2 };

	for (size_t i = 0; i < countof(figures); i++)
		if (table_put(&t, BOLD, figures[i].key, err) < 0 ||
		    table_putf(&t, PLAIN, err, "%10" PRIu64, figure(r, i)) <
			0)
			return -1;
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static void
print_json(struct ctl *ctl, const struct query *q, const struct result *r)
{
	struct json j = { .to = ctl->out };

	json_begin_object(&j, NULL);
	if (q->address != NULL)
		json_string(&j, "user", q->address);
	json_time(&j, "since", q->since);
	for (size_t i = 0; i < countof(figures); i++)
		json_count(&j, figures[i].key, figure(r, i));
	json_end_object(&j);
}

int
cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	bool json = false;
	const char *since = NULL, *user = NULL;
	const struct ctl_option options[] = {
		{ "--json", &json, NULL },
		{ "--since", NULL, &since },
		{ "--user", NULL, &user },
	};
	struct query q = { .since = 0 };
	struct result r = { 0 };
	char address[ADDRESS_SIZE];
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 0, 0) <
	    0)
		return CTL_USAGE;
	if (since != NULL && !parse_since(since, &q.since))
		return ctl_usage(ctl,
		    "--since: \"%s\" is none of 24h, 7d and 2026-11-01",
		    since);
	if (count_registered(ctl, user, address, &r.registered, &err) < 0)
		return ctl_fail(ctl, &err);
	q.address = user != NULL ? address : NULL;
	if (sum_up(ctl, &q, &r, &err) < 0 ||
	    (!json && print_text(ctl, &r, &err) < 0))
		return ctl_fail(ctl, &err);
	if (json)
		print_json(ctl, &q, &r);
	return ctl_done(ctl);
}
