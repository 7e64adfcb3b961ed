/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * For the tests of this folder alone: a GNUPGHOME with keys made by gpg, and
 * what commands print. A command that fails, fails the test. Commands are
 * given $GNUPGHOME, and $g for gpg with the options that tests need.
 */
#ifndef OPENPGP_GPG_TESTING_H
#define OPENPGP_GPG_TESTING_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <gpgme.h>

#include "base/buf.h"

enum { TEST_COMMAND_SIZE = 8192, TEST_OUTPUT_MAX = 16 << 20 };

/* For test_gpg_replace(): only what comes after an import goes wrong. */
#define AFTER_IMPORT                                                      \
	"case \"$*\" in *import*) exec $gpg \"$@\";; esac; "

struct test_gpg {
	char home[32];
};

/* What the command prints goes into out (NULL: nowhere). */
__attribute__((unused)) static void
test_gpg_run(const struct test_gpg *g, const char *command, struct buf *out)
{
	char line[TEST_COMMAND_SIZE];
	uint8_t data[4096];
	size_t n;

	n = (size_t)snprintf(line, sizeof line,
	    "set -e; export GNUPGHOME=%s; cd %s; g='gpg --batch --quiet "
	    "--no-tty --pinentry-mode loopback --passphrase= "
	    "--no-auto-check-trustdb --trust-model always "
	    "--no-greeting --no-permission-warning'; { %s\n} 2>>%s/log",
	    g->home, g->home, command, g->home);
	assert_true(n < sizeof line);

	FILE *f = popen(line, "re");

	assert_non_null(f);
	while ((n = fread(data, 1, sizeof data, f)) > 0)
		if (out != NULL)
			assert_int_equal(buf_put(out, data, n, NULL), 0);
	if (pclose(f) != 0)
		fail_msg("command failed (see %s/log): %s", g->home, command);
}

__attribute__((unused)) static void
test_gpg_start(struct test_gpg *g)
{
	(void)snprintf(g->home, sizeof g->home, "/tmp/sealpost-test.XXXXXX");
	assert_non_null(mkdtemp(g->home));
}

/* Ends the agents it started, removes everything. */
__attribute__((unused)) static void
test_gpg_stop(struct test_gpg *g)
{
	test_gpg_run(g, "gpgconf --homedir $GNUPGHOME --kill all", NULL);
	test_gpg_run(g, "cd /; rm -rf $GNUPGHOME", NULL);
}

/* A key: options after --quick-gen-key, e.g. "'Ann <a@x>' rsa2048 default". */
__attribute__((unused)) static void
test_gpg_key(const struct test_gpg *g, const char *args)
{
	char command[TEST_COMMAND_SIZE / 2];

	assert_true((size_t)snprintf(command, sizeof command,
			"$g --quick-gen-key %s", args) < sizeof command);
	test_gpg_run(g, command, NULL);
}

/*
 * Puts a bash script in gpg's place, for GPGME in this process; its "$@" is
 * what gpg would be given, $gpg is the real one. It is asked for its version
 * only by the real one. NULL brings gpg back.
 */
__attribute__((unused)) static void
test_gpg_replace(const struct test_gpg *g, const char *script)
{
	char path[64];

	if (script == NULL) {
		assert_int_equal(gpgme_set_engine_info(GPGME_PROTOCOL_OpenPGP,
				     gpgme_get_dirinfo("gpg-name"), NULL),
		    0);
		return;
	}
	(void)snprintf(path, sizeof path, "%s/gpg.sh", g->home);
	(void)unlink(path);

	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fprintf(f,
			"#!/bin/bash\ngpg=%s\n[ \"$1\" = --version ] && "
			"exec $gpg --version\n%s\n",
			gpgme_get_dirinfo("gpg-name"), script) > 0);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(
	    gpgme_set_engine_info(GPGME_PROTOCOL_OpenPGP, path, NULL), 0);
}

/* The process whose command line has this text in it; 0 when there is none. */
__attribute__((unused)) static pid_t
test_process_with(const char *text)
{
	DIR *d = opendir("/proc");
	pid_t found = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		char path[300];
		char line[4096];

		(void)snprintf(
		    path, sizeof path, "/proc/%s/cmdline", e->d_name);

		FILE *f = fopen(path, "re");

		if (f == NULL)
			continue; /* no process, or it has ended */

		size_t n = fread(line, 1, sizeof line, f);

		fclose(f);
		if (memmem(line, n, text, strlen(text)) != NULL)
			found = (pid_t)strtol(e->d_name, NULL, 10);
	}
	closedir(d);
	return found;
}

#endif
