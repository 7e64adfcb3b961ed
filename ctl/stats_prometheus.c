/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost stats --prometheus: the text exposition format, version 0.0.4. */

#include <inttypes.h>
#include <string.h>

#include "shared.h"
#include "stats.h"

struct row {
	char *account;
	struct stats_result result;
};

struct rows {
	const char *only; /* the one account wanted; NULL: all */
	struct row *list;
	size_t count, size;
};

static void
rows_reset(struct rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].account);
	free(r->list);
	*r = (struct rows){ 0 };
}

static int
grow(struct rows *r, struct err *err)
{
	size_t size = r->size == 0 ? 64 : r->size * 2;
	struct row *more;

	if (r->count < r->size)
		return 0;
	more = reallocarray(r->list, size, sizeof *more);
	if (more == NULL)
		return err_nomem(err);
	r->list = more;
	r->size = size;
	return 0;
}

static int
put_row(void *ctx, const char *address, const struct stats_counters *sum,
    struct err *err)
{
	struct rows *r = ctx;

	if (r->only != NULL && strcmp(address, r->only) != 0)
		return 0;
	if (grow(r, err) < 0)
		return -1;

	struct row *row = &r->list[r->count];

	*row = (struct row){ .account = strdup(address), .result.sum = *sum };
	if (row->account == NULL)
		return err_nomem(err);
	r->count++;
	return 0;
}

static int
read_rows(struct ctl *ctl, const struct stats_query *q, struct rows *r,
    struct err *err)
{
	cleanup(stats_close) struct stats *s = NULL;
	const char *path = ctl->conf->stats.database;

	if (stats_open(path, STORE_READ, &s, err) < 0)
		return missing_database(path, err);
	return stats_list(s, q->since, put_row, r, err);
}

void
stats_print_label(FILE *to, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', to);
		if (*value == '\n')
			fputs("\\n", to);
		else
			fputc(*value, to);
	}
}

static void
print_figure(FILE *to, const struct rows *r, size_t i)
{
	const struct stats_figure *f = &stats_figures[i];

	fprintf(to,
	    "# HELP sealpost_%s_total %s.\n"
	    "# TYPE sealpost_%s_total counter\n",
	    f->key, f->help, f->key);
	for (size_t k = 0; k < r->count; k++) {
		fprintf(to, "sealpost_%s_total{account=\"", f->key);
		stats_print_label(to, r->list[k].account);
		fprintf(to, "\"} %" PRIu64 "\n",
		    stats_figure(&r->list[k].result, i));
	}
}

int
stats_print_prometheus(struct ctl *ctl, const struct stats_query *q,
    uint64_t registered, struct err *err)
{
	cleanup(rows_reset) struct rows r = { .only = q->address };

	if (read_rows(ctl, q, &r, err) < 0)
		return -1;
	fprintf(ctl->out,
	    "# HELP sealpost_registered %s.\n"
	    "# TYPE sealpost_registered gauge\n"
	    "sealpost_registered %" PRIu64 "\n",
	    stats_figures[0].help, registered);
	for (size_t i = 1; i < stats_figure_count; i++)
		print_figure(ctl->out, &r, i);
	return 0;
}
