/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost-bridge trust: gives the certificate of the bridge's own authority to
 * those who should trust it. Nothing is installed unless it is asked for.
 */
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "account.h"
#include "ca.h"
#include "cmd.h"
#include "state.h"

static const char usage[] =
    "usage: sealpost-bridge trust [--print | --install]\n"
    "\n"
    "Without an option: how mail clients are made to trust the bridge's TLS.\n"
    "\n"
    "  --install  adds the certificate to the system's, with sudo\n"
    "  --print    prints the certificate (PEM)\n";

static const char explanation[] =
    "The bridge has a certificate authority of its own. Its certificate is\n"
    "\n"
    "    %1$s\n"
    "\n"
    "It can vouch for nothing but this machine: localhost, 127.0.0.0/8 and ::1.\n"
    "Without TLS (imap_listen, smtp_listen) nobody needs it.\n"
    "\n"
    "Programs that ask the system (neomutt, curl, swaks, mbsync with\n"
    "SystemCertificates):\n"
    "    sealpost-bridge trust --install\n"
    "Thunderbird has certificates of its own: Settings, Privacy & Security,\n"
    "Certificates, Manage Certificates, Authorities, Import; choose the file and\n"
    "let it identify websites.\n"
    "mbsync without the system's:\n"
    "    CertificateFile %1$s\n"
    "Apple Mail (macOS):\n"
    "    security add-trusted-cert -r trustRoot -p ssl \\\n"
    "        -k ~/Library/Keychains/login.keychain-db %1$s\n";

enum { PATH_SIZE = 4096, ARGUMENTS = 8 };

/* ---- installing ---- */

static bool
find_program(const char *name, char out[PATH_SIZE])
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin",
		"/sbin", "/bin", "/usr/local/bin" };

	for (size_t i = 0; i < countof(folders); i++) {
		(void)snprintf(out, PATH_SIZE, "%s/%s", folders[i], name);
		if (access(out, X_OK) == 0)
			return true;
	}
	return false;
}

/* As root, through sudo where that is needed. The list ends with NULL. */
static int
run_as_root(char *const words[], struct err *err)
{
	char *argv[ARGUMENTS + 1] = { NULL };
	char sudo[PATH_SIZE];
	size_t n = 0;
	pid_t pid;
	int status = 0;

	if (geteuid() != 0) {
		if (!find_program("sudo", sudo))
			return err_set(err, ERR_PERM,
			    "only root may do that, and there is no sudo; see "
			    "sealpost-bridge(1)");
		argv[n++] = sudo;
	}
	for (; *words != NULL && n < ARGUMENTS; words++)
		argv[n++] = *words;
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return err_set(err, ERR_TEMP, "%s cannot be run", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_TEMP, "%s: %s", argv[0],
			    strerror(errno));
	return status == 0 ? 0
	                   : err_set(err, ERR_PERM, "%s has failed",
	                         argv[n - 1]);
}

/* Debian and its kin: a folder, and a program that gathers what is in it. */
static int
install_debian(char *program, char *certificate, struct err *err)
{
	char copy[PATH_SIZE], target[128];

	if (!find_program("install", copy))
		return err_set(err, ERR_PERM, "there is no install(1)");
	(void)snprintf(target, sizeof target,
	    "/usr/local/share/ca-certificates/sealpost-bridge-%u.crt",
	    (unsigned)getuid());

	char option[] = "-m", mode[] = "0644";
	char *const place[] = { copy, option, mode, certificate, target, NULL };
	char *const gather[] = { program, NULL };

	if (run_as_root(place, err) < 0)
		return -1;
	return run_as_root(gather, err);
}

/* p11-kit: Fedora, Arch and others. */
static int
install_p11_kit(char *program, char *certificate, struct err *err)
{
	char anchor[] = "anchor", option[] = "--store";
	char *const store[] = { program, anchor, option, certificate, NULL };

	return run_as_root(store, err);
}

static int
install(char *certificate, struct err *err)
{
	static const struct way {
		const char *name;
		int (*install)(
		    char *program, char *certificate, struct err *err);
	} ways[] = {
		{ "update-ca-certificates", install_debian },
		{ "trust", install_p11_kit },
	};
	char program[PATH_SIZE];

	for (size_t i = 0; i < countof(ways); i++)
		if (find_program(ways[i].name, program))
			return ways[i].install(program, certificate, err);
	return err_set(err, ERR_PERM,
	    "neither update-ca-certificates nor trust (p11-kit) is here; give "
	    "%s to the clients themselves",
	    certificate);
}

/* ---- the command ---- */

static int
print_file(const char *path, struct err *err)
{
	cleanup(close_file) FILE *f = fopen(path, "re");
	char piece[4096];
	size_t n;

	if (f == NULL)
		return err_set(
		    err, ERR_PERM, "open %s: %s", path, strerror(errno));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		fwrite(piece, 1, n, stdout);
	return ferror(f) ? err_set(err, ERR_PERM, "read %s: %s", path,
	                       strerror(errno))
	                 : 0;
}

enum what { EXPLAIN, PRINT, INSTALL, HELP };

static int
trust(const char *conf_file, enum what what, struct err *err)
{
	cleanup(bridge_conf_free) struct bridge_conf *conf = NULL;
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };

	(void)umask(0077);
	if (bridge_conf_load(conf_file, &conf, err) < 0 ||
	    state_directory_make(conf->state_directory, err) < 0 ||
	    ca_certificate(conf->state_directory, (int64_t)time(NULL), &path,
	        err) < 0)
		return -1;

	char *certificate = (char *)path.data;
	int rc = 0;

	if (what == PRINT)
		rc = print_file(certificate, err);
	else if (what == INSTALL)
		rc = install(certificate, err);
	else
		printf(explanation, certificate);
	if (rc == 0 && fflush(stdout) != 0)
		return err_set(err, ERR_TEMP, "standard output: %s",
		    strerror(errno));
	return rc;
}

static bool
read_options(int argc, char **argv, enum what *what)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "install", no_argument, NULL, INSTALL },
		{ "print", no_argument, NULL, PRINT },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == '?' || *what != EXPLAIN)
			return false;
		*what = option == 'h' ? HELP : (enum what)option;
	}
	return optind == argc;
}

int
cmd_trust(const char *conf_file, int argc, char **argv)
{
	enum what what = EXPLAIN;
	struct err err = { 0 };

	if (!read_options(argc, argv, &what))
		return cmd_wrong_usage(argv[0]);
	if (what == HELP)
		return fputs(usage, stdout) == EOF ? EXIT_FAILED : EXIT_DONE;
	return trust(conf_file, what, &err) < 0 ? cmd_fail(&err) : EXIT_DONE;
}
