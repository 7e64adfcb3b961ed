/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost stats: sums of the hourly counters.
 */
#include "stats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "shared.h"
#include "table.h"

#define CLEAR_SCREEN "\033[H\033[J"

enum { SECONDS_AN_HOUR = 3600, SECONDS_A_DAY = 86400, WATCH_SECONDS = 2 };

/* In the order they are shown. */
const struct stats_figure stats_figures[] = {
	{ "registered", offsetof(struct stats_result, registered),
	    "Accounts that are enabled" },
	{ "logins", offsetof(struct stats_result, sum.logins),
	    "Successful logins for submission" },
	{ "failed_logins", offsetof(struct stats_result, sum.failed_logins),
	    "Failed logins for submission" },
	{ "sent", offsetof(struct stats_result, sum.sent),
	    "Messages that users have submitted" },
	{ "recipients", offsetof(struct stats_result, sum.recipients),
	    "Recipients of the messages submitted" },
	{ "octets", offsetof(struct stats_result, sum.octets),
	    "Octets of the messages submitted" },
	{ "received", offsetof(struct stats_result, sum.received),
	    "Messages for accounts that reached the milter" },
	{ "sealed", offsetof(struct stats_result, sum.sealed),
	    "Messages that the milter sealed" },
	{ "already_sealed", offsetof(struct stats_result, sum.already_sealed),
	    "Messages that their sender had encrypted to the account" },
	{ "deferred", offsetof(struct stats_result, sum.deferred),
	    "Messages answered with a temporary error" },
	{ "refused", offsetof(struct stats_result, sum.refused),
	    "Messages that were refused" },
	{ "plaintext", offsetof(struct stats_result, sum.plaintext),
	    "Messages that passed unsealed" },
};
const size_t stats_figure_count = countof(stats_figures);

uint64_t
stats_figure(const struct stats_result *r, size_t i)
{
	uint64_t n;

	memcpy(&n, (const char *)r + stats_figures[i].at, sizeof n);
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
count_registered(struct ctl *ctl, const char *text, char address[ADDRESS_SIZE],
    uint64_t *out, struct err *err)
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
sum_up(struct ctl *ctl, const struct stats_query *q, struct stats_result *r,
    struct err *err)
{
	cleanup(stats_close) struct stats *s = NULL;
	const char *path = ctl->conf->stats.database;

	if (stats_open(path, STORE_READ, &s, err) < 0)
		return missing_database(path, err);
	return stats_sum(s, q->address, q->since, &r->sum, err);
}

static int
print_text(struct ctl *ctl, const struct stats_result *r, struct err *err)
{
	cleanup(table_reset) struct table t = { .columns = 2 };

	for (size_t i = 0; i < stats_figure_count; i++)
		if (table_put(&t, BOLD, stats_figures[i].key, err) < 0 ||
		    table_putf(
			&t, PLAIN, err, "%10" PRIu64, stats_figure(r, i)) < 0)
			return -1;
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static void
print_json(
    struct ctl *ctl, const struct stats_query *q, const struct stats_result *r)
{
	struct json j = { .to = ctl->out };

	json_begin_object(&j, NULL);
	if (q->address != NULL)
		json_string(&j, "user", q->address);
	json_time(&j, "since", q->since);
	for (size_t i = 0; i < stats_figure_count; i++)
		json_count(&j, stats_figures[i].key, stats_figure(r, i));
	json_end_object(&j);
}

/* ---- the command ---- */

enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_PROMETHEUS };

struct request {
	const char *since, *user, *config_file;
	enum output output;
	bool watch, folders;
};

/* The folders alone; with --prometheus they stand above the counters. */
static int
print_folders(struct ctl *ctl, const struct request *rq, const char *address,
    struct err *err)
{
	const struct folders_query q = { address, rq->config_file };

	if (rq->output == OUTPUT_PROMETHEUS)
		return stats_print_prometheus_folders(ctl, &q, err);
	return stats_print_folders(ctl, &q, rq->output == OUTPUT_JSON, err);
}

static int
print_once(struct ctl *ctl, const struct request *rq, struct stats_query *q,
    struct err *err)
{
	struct stats_result r = { 0 };
	char address[ADDRESS_SIZE];

	if (count_registered(ctl, rq->user, address, &r.registered, err) < 0)
		return -1;
	q->address = rq->user != NULL ? address : NULL;
	if (rq->folders && print_folders(ctl, rq, q->address, err) < 0)
		return -1;
	if (rq->output == OUTPUT_PROMETHEUS)
		return stats_print_prometheus(ctl, q, r.registered, err);
	if (rq->folders)
		return 0;
	if (sum_up(ctl, q, &r, err) < 0)
		return -1;
	if (rq->output == OUTPUT_TEXT)
		return print_text(ctl, &r, err);
	print_json(ctl, q, &r);
	return 0;
}

/* Until it is interrupted, or cannot write. */
static int
print_again_and_again(struct ctl *ctl, const struct request *rq,
    struct stats_query *q, struct err *err)
{
	for (;;) {
		fputs(CLEAR_SCREEN, ctl->out);
		if (print_once(ctl, rq, q, err) < 0)
			return -1;
		if (fflush(ctl->out) != 0)
			return 0; /* ctl_done() says it */
		(void)sleep(WATCH_SECONDS);
		/* a span begins that much before now */
		if (rq->since != NULL)
			(void)parse_since(rq->since, &q->since);
	}
}

/* -1 after it was said what is wrong. */
static int
read_request(struct ctl *ctl, int argc, char **argv, struct request *rq)
{
	bool json = false, prometheus = false;
	const struct ctl_option options[] = {
		{ "--json", &json, NULL },
		{ "--prometheus", &prometheus, NULL },
		{ "--since", NULL, &rq->since },
		{ "--user", NULL, &rq->user },
		{ "--watch", &rq->watch, NULL },
		{ "--folders", &rq->folders, NULL },
		{ "--config-file", NULL, &rq->config_file },
	};

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 0, 0) < 0)
		return -1;
	if (json + prometheus + rq->watch > 1) {
		(void)ctl_usage(ctl, "--json, --prometheus and --watch exclude "
				     "each other");
		return -1;
	}
	if (rq->folders && rq->since != NULL) {
		(void)ctl_usage(ctl, "--folders tells what is there now: it "
				     "has no --since");
		return -1;
	}
	if (!rq->folders && rq->config_file != NULL) {
		(void)ctl_usage(ctl, "--config-file goes with --folders");
		return -1;
	}
	rq->output = json         ? OUTPUT_JSON
		     : prometheus ? OUTPUT_PROMETHEUS
				  : OUTPUT_TEXT;
	return 0;
}

int
cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	struct request rq = { 0 };
	struct stats_query q = { 0 };
	struct err err;

	if (read_request(ctl, argc, argv, &rq) < 0)
		return CTL_USAGE;
	if (rq.since != NULL && !parse_since(rq.since, &q.since))
		return ctl_usage(ctl,
		    "--since: \"%s\" is none of 24h, 7d and 2026-11-01",
		    rq.since);
	if (rq.watch && !isatty(fileno(ctl->out)))
		return ctl_usage(ctl, "--watch is for a terminal");
	if ((rq.watch ? print_again_and_again(ctl, &rq, &q, &err)
		      : print_once(ctl, &rq, &q, &err)) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}
