/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost: the administrator's command line. main() finds the configuration
 * and the command; each family of commands is a file of its own.
 */
#include <string.h>
#include <sys/resource.h>

#include "command.h"

static const struct command commands[] = {
	{ .name = "init",
	    .summary = "Creates the databases, or brings older ones up to date",
	    .help = "Folders that are missing are created. Running it again "
		    "changes nothing.\n",
	    .run = cmd_init },
	{ .name = "domain",
	    .summary = "The domains that mail is taken for",
	    .family = true,
	    .run = cmd_domain },
	{ .name = "user",
	    .summary = "The accounts",
	    .family = true,
	    .run = cmd_user },
	{ .name = "alias",
	    .summary = "Addresses that stand for other addresses",
	    .family = true,
	    .run = cmd_alias },
	{ .name = "key",
	    .summary = "The certificates that mail is sealed to",
	    .family = true,
	    .run = cmd_key },
	{ .name = "seal",
	    .usage = "ADDRESS < MESSAGE > SEALED",
	    .summary = "Seals one message, as the milter would",
	    .help = "Line ends may be LF or CRLF; the sealed message has the "
		    "same. A message that\nis sealed to the account already "
		    "comes out as it is. On any failure nothing is\nwritten.\n",
	    .run = cmd_seal },
	{ .name = "stats",
	    .usage = "[--json|--prometheus|--watch] [--since TIME] "
		     "[--user ADDRESS] [--folders [--config-file FILE]]",
	    .summary = "What was received, sealed, sent and so on",
	    .help = "TIME is a span, 24h or 7d, or a day, 2026-11-01; without "
		    "it everything that is\nkept is summed up. --prometheus "
		    "prints each account in the text format of that\nprogram; "
		    "--watch shows the figures again and again, on a "
		    "terminal.\n--folders shows what lies in Dovecot's "
		    "folders now, and with --prometheus its sums\nas well; "
		    "FILE is Dovecot's configuration instead of its own.\n",
	    .run = cmd_stats },
	{ .name = "postfix",
	    .summary = "The lines of main.cf and master.cf",
	    .family = true,
	    .run = cmd_postfix },
	{ .name = "dovecot",
	    .summary = "The settings of Dovecot",
	    .family = true,
	    .run = cmd_dovecot },
	{ .name = "doctor",
	    .usage = "[--json|--quiet] [--probe ADDRESS [--wait SECONDS]] ...",
	    .summary = "Looks at everything and says what is wrong",
	    .help =
		"Each finding says what is wrong, why it matters and how it is "
		"mended. Nothing is\nchanged, and no mail is sent without "
		"--probe.\n\n"
		"  --probe ADDRESS         sends this account a message, looks "
		"at what is\n                          stored, and removes it\n"
		"  --wait SECONDS          for the probe, 60\n"
		"  --quiet                 without what is fine\n"
		"  --config-directory DIR  of Postfix, instead of its own\n"
		"  --config-file FILE      of Dovecot, instead of its own\n"
		"  --templates DIR         instead of the installed ones\n"
		"  --submission NAME       as `sealpost postfix apply` got it\n"
		"  --submissions NAME      as `sealpost postfix apply` got it\n\n"
		"Exit status: 0 no errors, 1 an error, 75 something could not "
		"be tried.\n",
	    .run = cmd_doctor },
	{ .name = "backup",
	    .usage = "FILE [--replace]",
	    .summary = "Writes a backup of all databases, while they are used",
	    .help = "FILE is a tar archive with the mode 0600. It holds the "
		    "verifiers of passwords and\nthe vaults: keep it as secret "
		    "as the server. Prints what is in it.\n\n"
		    "  --replace  a FILE that is there\n",
	    .run = cmd_backup },
	{ .name = "restore",
	    .usage = "FILE [--replace]",
	    .summary = "Puts the databases of a backup back",
	    .help = "The whole backup is checked first. Prints the databases "
		    "that were restored.\n\n"
		    "  --replace  databases that are there; what is in them is "
		    "lost\n",
	    .run = cmd_restore },
	{ .name = "conf",
	    .usage = "--defaults",
	    .summary = "Prints every setting of sealpost.conf with its default",
	    .run = cmd_conf },
	{ .name = NULL },
};

/* Passwords pass through here: they must not end in a core file. */
static void
forbid_core_files(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}

/* -c FILE or -cFILE before the command; returns how many arguments, or -1. */
static int
conf_option(struct ctl *ctl, int argc, char **argv, const char **file)
{
	if (argc < 2 || strncmp(argv[1], "-c", 2) != 0)
		return 0;
	if (argv[1][2] != '\0') {
		*file = argv[1] + 2;
		return 1;
	}
	if (argc < 3) {
		(void)ctl_usage(ctl, "-c lacks its FILE");
		return -1;
	}
	*file = argv[2];
	return 2;
}

int
cmd_conf(struct ctl *ctl, int argc, char **argv)
{
	bool defaults = false;
	const struct ctl_option options[] = { { "--defaults", &defaults,
	    NULL } };

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 0, 0) <
	    0)
		return CTL_USAGE;
	if (!defaults)
		return ctl_usage(ctl, "--defaults is missing");
	conf_print_defaults(ctl->out);
	return ctl_done(ctl);
}

/* Help is given whatever the configuration says. */
static bool
needs_conf(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return false;
	return argc > 1;
}

/* NULL when there is none: the built-in defaults hold then. */
static const char *
default_file(void)
{
	return access(CONF_DEFAULT_FILE, F_OK) == 0 ? CONF_DEFAULT_FILE
						    : NULL;
}

static int
print_version(struct ctl *ctl)
{
	fprintf(ctl->out, "sealpost %s\n", SEALPOST_VERSION);
	return ctl_done(ctl);
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .in = stdin, .out = stdout, .errors = stderr,
		.command = "sealpost" };
	cleanup(conf_free) struct conf *conf = NULL;
	const char *file = NULL;
	struct err err;

	forbid_core_files();
	ctl.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;

	int taken = conf_option(&ctl, argc, argv, &file);

	if (taken < 0)
		return CTL_USAGE;
	argc -= taken;
	argv += taken;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return print_version(&ctl);

	bool use_file = needs_conf(argc, argv);

	ctl.conf_file = file != NULL ? file : default_file();
	if (conf_load(use_file ? ctl.conf_file : NULL, file == NULL, &conf,
		&err) < 0)
		return ctl_fail(&ctl, &err);
	ctl.conf = conf;
	return command_dispatch(&ctl, commands, argc, argv);
}
