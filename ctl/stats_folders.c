/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost stats --folders: what lies in the folders, as doveadm counts it. */

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "command.h"
#include "doveadm_tab.h"
#include "stats.h"
#include "table.h"
#include "tool.h"

enum { LIMIT_DOVEADM = 256 << 20 };

/* In the order they are shown; the keys are an interface. */
static const struct folder_figure {
	const char *column; /* of doveadm */
	const char *key;
	const char *help; /* a sentence without its full stop */
} figures[] = {
	{ "messages", "messages", "Messages in the folders" },
	{ "unseen", "unseen", "Messages that were not seen" },
	{ "octets", "octets", "Octets of the messages" },
	{ "sealed", "sealed", "Messages that are encrypted" },
	{ "sealed-octets", "sealed_octets", "Octets of encrypted messages" },
	{ "plain", "plain", "Messages that are not encrypted" },
	{ "plain-octets", "plain_octets",
	    "Octets of messages that are not encrypted" },
};
enum { USER, FOLDER, FIRST, COLUMNS = FIRST + countof(figures) };

static const struct tool doveadm_tool = { "doveadm", "/usr/bin/doveadm",
	"Dovecot" };

/* ---- asking ---- */

static int
ask(const struct folders_query *q, bool sum, struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (q->config_file != NULL &&
	    (args_put(&args, "-c", err) < 0 ||
		args_put(&args, q->config_file, err) < 0))
		return -1;
	if (args_put(&args, "-f", err) < 0 || args_put(&args, "tab", err) < 0 ||
	    args_put(&args, "sealpost", err) < 0 ||
	    args_put(&args, "folders", err) < 0)
		return -1;
	if (q->address == NULL && args_put(&args, "-A", err) < 0)
		return -1;
	if (q->address != NULL &&
	    (args_put(&args, "-u", err) < 0 ||
		args_put(&args, q->address, err) < 0))
		return -1;
	if (sum && args_put(&args, "-s", err) < 0)
		return -1;
	return tool_run(&doveadm_tool, &args, out, err);
}

/* ---- reading ---- */

struct folder {
	char *user, *name;
	uint64_t figures[countof(figures)];
};

struct folders {
	const char *only; /* doveadm names no user where one was asked for */
	struct folder *list;
	size_t count, size;
};

static void
folders_reset(struct folders *f)
{
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].user);
		free(f->list[i].name);
	}
	free(f->list);
	*f = (struct folders){ 0 };
}

static int
read_number(const char *text, uint64_t *out, struct err *err)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 18 || text[len] != '\0')
		return err_set(
		    err, ERR_PERM, "doveadm printed no number: \"%s\"", text);
	*out = strtoull(text, NULL, 10);
	return 0;
}

static int
grow(struct folders *f, struct err *err)
{
	size_t size = f->size == 0 ? 64 : f->size * 2;
	struct folder *more;

	if (f->count < f->size)
		return 0;
	more = reallocarray(f->list, size, sizeof *more);
	if (more == NULL)
		return err_nomem(err);
	f->list = more;
	f->size = size;
	return 0;
}

static int
take_row(void *ctx, char *const *cells, struct err *err)
{
	struct folders *f = ctx;
	struct folder folder = { 0 };

	for (size_t i = 0; i < countof(figures); i++)
		if (read_number(
			cells[FIRST + i], &folder.figures[i], err) < 0)
			return -1;
	if (grow(f, err) < 0)
		return -1;
	folder.user = strdup(f->only != NULL ? f->only : cells[USER]);
	folder.name = strdup(cells[FOLDER]);
	f->list[f->count++] = folder;
	return folder.user == NULL || folder.name == NULL ? err_nomem(err) : 0;
}

static int
read_folders(const struct folders_query *q, bool sum, struct folders *f,
    struct err *err)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_DOVEADM };
	const char *names[COLUMNS];

	f->only = q->address;
	names[USER] = q->address != NULL ? "?username" : "username";
	names[FOLDER] = sum ? "?mailbox" : "mailbox";
	for (size_t i = 0; i < countof(figures); i++)
		names[FIRST + i] = figures[i].column;
	if (ask(q, sum, &out, err) < 0)
		return -1;
	return doveadm_tab_parse(out.len == 0 ? "" : (char *)out.data, out.len,
	    names, COLUMNS, take_row, f, err);
}

/* ---- printing ---- */

static int
print_text(struct ctl *ctl, const struct folders *f, struct err *err)
{
	static const char *const names[] = { "account", "folder", "messages",
		"unseen", "octets", "sealed", "plain" };
	static const size_t shown[] = { 0, 1, 2, 3, 5 };
	cleanup(table_reset) struct table t = { .columns = countof(names) };

	if (table_header(&t, names, err) < 0)
		return -1;
	for (size_t i = 0; i < f->count; i++) {
		const struct folder *one = &f->list[i];

		if (table_put(&t, PLAIN, one->user, err) < 0 ||
		    table_put(&t, PLAIN, one->name, err) < 0)
			return -1;
		for (size_t k = 0; k < countof(shown); k++) {
			uint64_t n = one->figures[shown[k]];
			bool plain = k == countof(shown) - 1;

			if (table_putf(&t, plain && n > 0 ? YELLOW : PLAIN, err,
				"%" PRIu64, n) < 0)
				return -1;
		}
	}
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static void
print_json(struct ctl *ctl, const struct folders *f)
{
	struct json j = { .to = ctl->out };

	json_begin_object(&j, NULL);
	json_begin_array(&j, "folders");
	for (size_t i = 0; i < f->count; i++) {
		const struct folder *one = &f->list[i];

		json_begin_object(&j, NULL);
		json_string(&j, "user", one->user);
		json_string(&j, "folder", one->name);
		for (size_t k = 0; k < countof(figures); k++)
			json_count(&j, figures[k].key, one->figures[k]);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
}

int
stats_print_folders(struct ctl *ctl, const struct folders_query *q, bool json,
    struct err *err)
{
	cleanup(folders_reset) struct folders f = { 0 };

	if (read_folders(q, false, &f, err) < 0)
		return -1;
	if (!json)
		return print_text(ctl, &f, err);
	print_json(ctl, &f);
	return 0;
}

int
stats_print_prometheus_folders(
    struct ctl *ctl, const struct folders_query *q, struct err *err)
{
	cleanup(folders_reset) struct folders f = { 0 };

	if (read_folders(q, true, &f, err) < 0)
		return -1;
	for (size_t i = 0; i < countof(figures); i++) {
		fprintf(ctl->out,
		    "# HELP sealpost_mailbox_%s %s.\n"
		    "# TYPE sealpost_mailbox_%s gauge\n",
		    figures[i].key, figures[i].help, figures[i].key);
		for (size_t k = 0; k < f.count; k++) {
			fprintf(ctl->out, "sealpost_mailbox_%s{account=\"",
			    figures[i].key);
			stats_print_label(ctl->out, f.list[k].user);
			fprintf(ctl->out, "\"} %" PRIu64 "\n",
			    f.list[k].figures[i]);
		}
	}
	return 0;
}
