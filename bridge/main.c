/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost-bridge: options and the table of subcommands. */

#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "base/process.h"
#include "cmd.h"

static const struct {
	const char *name, *summary;
	int (*run)(const char *conf_file, int argc, char **argv);
} commands[] = {
	{ "run", "serve mail clients (the default)", cmd_run },
	{ "check", "try the whole chain for an account", cmd_check },
	{ "enrol", "make a key and what the server must know", cmd_enrol },
	{ "trust", "show or install the bridge's own CA", cmd_trust },
};

static void
print_help(void)
{
	printf("usage: sealpost-bridge [-c FILE] [COMMAND] ...\n\n"
	       "Lets any mail client read a sealed mailbox.\n\n"
	       "  -c FILE     the configuration (default "
	       "~/.config/sealpost/bridge.conf)\n"
	       "  -d          log to standard error\n"
	       "  -n          check the configuration and exit\n"
	       "  --version   the version\n"
	       "  --help      this text\n\nCommands:\n");
	for (size_t i = 0; i < countof(commands); i++)
		printf("  %-10s  %s\n", commands[i].name, commands[i].summary);
	printf("\nSee sealpost-bridge(1).\n");
}

/* $XDG_CONFIG_HOME/sealpost/bridge.conf, or ~/.config/...; NULL: nowhere. */
static char *
default_conf_file(void)
{
	const char *conf = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n = -1;

	if (conf != NULL && conf[0] == '/')
		n = asprintf(&path, "%s/sealpost/bridge.conf", conf);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&path, "%s/.config/sealpost/bridge.conf", home);
	return n < 0 ? NULL : path;
}

static int
run_command(const char *conf_file, int argc, char **argv)
{
	for (size_t i = 0; i < countof(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(conf_file, argc, argv);
	fprintf(stderr, "sealpost-bridge: there is no command \"%s\"\n",
	    argv[0]);
	return cmd_wrong_usage(NULL);
}

/* `sealpost-bridge -d` is `sealpost-bridge run -d`. */
static int
run_default(const char *conf_file, bool to_stderr, bool check_only)
{
	char name[] = "run", d[] = "-d", n[] = "-n";
	char *argv[4] = { name };
	int argc = 1;

	if (to_stderr)
		argv[argc++] = d;
	if (check_only)
		argv[argc++] = n;
	optind = 1;
	return cmd_run(conf_file, argc, argv);
}

int
main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	cleanup(free_str) char *own = default_conf_file();
	const char *conf_file = own == NULL ? "bridge.conf" : own;
	bool to_stderr = false, check_only = false;
	int c;

	while ((c = getopt_long(argc, argv, "+c:dnh", names, NULL)) != -1) {
		if (c == 'c')
			conf_file = optarg;
		else if (c == 'd')
			to_stderr = true;
		else if (c == 'n')
			check_only = true;
		else if (c == 'h')
			return print_help(), 0;
		else if (c == 'V')
			return puts("sealpost-bridge " SEALPOST_VERSION), 0;
		else
			return cmd_wrong_usage(NULL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (optind == argc || to_stderr || check_only)
		return optind != argc
		    ? cmd_wrong_usage(NULL)
		    : run_default(conf_file, to_stderr, check_only);

	int first = optind;

	optind = 1;
	return run_command(conf_file, argc - first, argv + first);
}
