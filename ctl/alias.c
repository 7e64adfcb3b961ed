/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost alias: addresses that stand for one or more others.
 */
#include <string.h>

#include "base/json.h"
#include "command.h"
#include "shared.h"
#include "table.h"

/* Brings all arguments into normal form before anything is written. */
static int
normalize_all(char (*normal)[ADDRESS_SIZE], char *const *texts, size_t count,
    struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (address_normalize(texts[i], normal[i], err) < 0)
			return -1;
	return 0;
}

/*
 * The account's own address among its targets must be there before and after
 * the others, or its mail would go astray meanwhile: it is put at `to`.
 */
static void
put_own(char (*normal)[ADDRESS_SIZE], size_t count, size_t to)
{
	for (size_t i = 1; i < count; i++)
		if (strcmp(normal[i], normal[0]) == 0) {
			memmove(normal[i], normal[to], ADDRESS_SIZE);
			memcpy(normal[to], normal[0], ADDRESS_SIZE);
			return;
		}
}

/* All targets, or none. */
static int
add_all(struct directory *d, char (*normal)[ADDRESS_SIZE], size_t count,
    struct err *err)
{
	if (need_domain(d, normal[0], err) < 0)
		return -1;
	put_own(normal, count, 1);
	for (size_t i = 1; i < count; i++) {
		if (directory_alias_add(d, normal[0], normal[i], err) == 0)
			continue;
		while (--i > 0)
			if (directory_alias_remove(d, normal[0], normal[i],
				NULL) < 0)
				return err_context(err,
				    "%s -> %s was added, but then", normal[0],
				    normal[i]);
		return -1;
	}
	return 0;
}

static int
remove_all(struct directory *d, char (*normal)[ADDRESS_SIZE], size_t count,
    struct err *err)
{
	if (count == 1)
		return directory_alias_remove(d, normal[0], NULL, err);
	put_own(normal, count, count - 1);
	for (size_t i = 1; i < count; i++)
		if (directory_alias_remove(d, normal[0], normal[i], err) < 0)
			return err_context(err, "%zu of %zu targets removed",
			    i - 1, count - 1);
	return 0;
}

/* `what` with the address and its targets: at least so many arguments. */
static int
change(struct ctl *ctl, int argc, char **argv, int least,
    int (*what)(struct directory *, char (*)[ADDRESS_SIZE], size_t,
        struct err *))
{
	cleanup(directory_close) struct directory *d = NULL;
	struct err err;
	int n = ctl_arguments(ctl, argc, argv, NULL, 0, least, argc);

	if (n < 0)
		return CTL_USAGE;

	size_t count = (size_t)n;
	cleanup(free_str) char *room = calloc(count, ADDRESS_SIZE);
	char(*normal)[ADDRESS_SIZE] = (void *)room;

	if (room == NULL) {
		(void)err_nomem(&err);
		return ctl_fail(ctl, &err);
	}
	if (normalize_all(normal, argv + 1, count, &err) < 0 ||
	    open_directory(ctl, STORE_WRITE, &d, &err) < 0 ||
	    what(d, normal, count, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

static int
alias_add(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, argc, argv, 2, add_all);
}

static int
alias_remove(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, argc, argv, 1, remove_all);
}

/* ---- list ---- */

static int
put_row(void *ctx, const char *address, const char *target, struct err *err)
{
	if (table_put(ctx, PLAIN, address, err) < 0)
		return -1;
	return table_put(ctx, PLAIN, target, err);
}

static int
put_json(void *ctx, const char *address, const char *target, struct err *err)
{
	struct json *j = ctx;

	(void)err;
	json_begin_object(j, NULL);
	json_string(j, "address", address);
	json_string(j, "target", target);
	json_end_object(j);
	return 0;
}

static int
list_text(struct ctl *ctl, struct directory *d, const char *address,
    struct err *err)
{
	static const char *const names[] = { "ADDRESS", "TARGET" };
	cleanup(table_reset) struct table t = { .columns = countof(names) };

	if (table_header(&t, names, err) < 0 ||
	    directory_alias_list(d, address, put_row, &t, err) < 0)
		return -1;
	table_print(&t, ctl->out, ctl->colour);
	return 0;
}

static int
list_json(struct ctl *ctl, struct directory *d, const char *address,
    struct err *err)
{
	struct json j = { .to = ctl->out };

	json_begin_array(&j, NULL);
	if (directory_alias_list(d, address, put_json, &j, err) < 0)
		return -1;
	json_end_array(&j);
	return 0;
}

static int
alias_list(struct ctl *ctl, int argc, char **argv)
{
	cleanup(directory_close) struct directory *d = NULL;
	bool json = false;
	const struct ctl_option options[] = { { "--json", &json, NULL } };
	char address[ADDRESS_SIZE];
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 0, 1) < 0)
		return CTL_USAGE;

	const char *only = argv[1] != NULL ? address : NULL;

	if ((only != NULL && address_normalize(argv[1], address, &err) < 0) ||
	    open_directory(ctl, STORE_READ, &d, &err) < 0 ||
	    (json ? list_json : list_text)(ctl, d, only, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}

static const struct command commands[] = {
	{ .name = "add",
	    .usage = "ADDRESS TARGET...",
	    .summary = "Sends the mail of an address to other addresses",
	    .help = "The address may be an account, which must then be "
		    "among the targets itself: it\nkeeps a copy.\n",
	    .run = alias_add },
	{ .name = "remove",
	    .usage = "ADDRESS [TARGET...]",
	    .summary = "Removes these targets, or all of them",
	    .run = alias_remove },
	{ .name = "list",
	    .usage = "[ADDRESS] [--json]",
	    .summary = "Lists the aliases",
	    .run = alias_list },
	{ .name = NULL },
};

int
cmd_alias(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
