/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost domain: the domains that mail is taken for.
 */
#include "base/json.h"
#include "command.h"
#include "shared.h"

/* add and remove differ in one function of the store. */
static int
change(struct ctl *ctl, int argc, char **argv,
    int (*apply)(struct directory *, const char *, struct err *))
{
	cleanup(directory_close) struct directory *d = NULL;
	char domain[ADDRESS_SIZE];
	struct err err;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 1, 1) < 0)
		return CTL_USAGE;
	if (domain_normalize(argv[1], domain, &err) < 0 ||
	    open_directory(ctl, STORE_WRITE, &d, &err) < 0 ||
	    apply(d, domain, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

static int
domain_add(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, argc, argv, directory_domain_add);
}

static int
domain_remove(struct ctl *ctl, int argc, char **argv)
{
	return change(ctl, argc, argv, directory_domain_remove);
}

static int
print_text(void *ctx, const char *domain, const char *unused, struct err *err)
{
	(void)unused;
	(void)err;
	fprintf(ctx, "%s\n", domain);
	return 0;
}

static int
print_json(void *ctx, const char *domain, const char *unused, struct err *err)
{
	(void)unused;
	(void)err;
	json_string(ctx, NULL, domain);
	return 0;
}

static int
list(struct ctl *ctl, struct directory *d, bool json, struct err *err)
{
	struct json j = { .to = ctl->out };

	if (!json)
		return directory_domain_list(d, print_text, ctl->out, err);
	json_begin_array(&j, NULL);
	if (directory_domain_list(d, print_json, &j, err) < 0)
		return -1;
	json_end_array(&j);
	return 0;
}

static int
domain_list(struct ctl *ctl, int argc, char **argv)
{
	cleanup(directory_close) struct directory *d = NULL;
	bool json = false;
	const struct ctl_option options[] = { { "--json", &json, NULL } };
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, 1, 0, 0) < 0)
		return CTL_USAGE;
	if (open_directory(ctl, STORE_READ, &d, &err) < 0 ||
	    list(ctl, d, json, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}

static const struct command commands[] = {
	{ .name = "add",
	    .usage = "DOMAIN",
	    .summary = "Adds a domain",
	    .help = "Accounts and aliases can then be created in it. An "
		    "international name may be\nwritten as it is or in its "
		    "ASCII form.\n",
	    .run = domain_add },
	{ .name = "remove",
	    .usage = "DOMAIN",
	    .summary = "Removes a domain that has no accounts",
	    .run = domain_remove },
	{ .name = "list",
	    .usage = "[--json]",
	    .summary = "Lists the domains",
	    .run = domain_list },
	{ .name = NULL },
};

int
cmd_domain(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
