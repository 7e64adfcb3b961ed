/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost key: the table of its commands; import and remove.
 */
#include "key.h"

#include <string.h>

#include "certfile.h"
#include "shared.h"

static int
import(struct ctl *ctl, const char *text, const char *file, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;
	cleanup(pgp_cert_free) struct pgp_cert *cert = NULL;
	char address[ADDRESS_SIZE];
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];

	if (open_directory(ctl, STORE_WRITE, &d, err) < 0 ||
	    find_account(d, text, address, &a, err) < 0 ||
	    certfile_vet(ctl, file, address, &cert, err) < 0 ||
	    directory_cert_put(d, address, cert, now(), err) < 0)
		return -1;
	fprintf(ctl->out, "%s\n",
	    pgp_fingerprint_hex(cert->fingerprint, cert->fingerprint_len,
		fingerprint));
	return 0;
}

static int
key_import(struct ctl *ctl, int argc, char **argv)
{
	struct err err;
	int n = ctl_arguments(ctl, argc, argv, NULL, 0, 1, 2);

	if (n < 0)
		return CTL_USAGE;
	if (import(ctl, argv[1], n == 2 ? argv[2] : NULL, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}

/* ---- remove ---- */

/* As people paste it: blanks and lower case allowed, and a leading 0x. */
static int
normalize_fingerprint(const char *text, char out[PGP_FINGERPRINT_HEX_SIZE],
    struct err *err)
{
	size_t len = 0;
	const char *p = strncmp(text, "0x", 2) == 0 ? text + 2 : text;

	for (; *p != '\0'; p++) {
		if (*p == ' ')
			continue;
		if (len == 2 * PGP_FINGERPRINT_MAX ||
		    strchr("0123456789abcdefABCDEF", *p) == NULL) {
			len = 0;
			break;
		}
		out[len++] = *p >= 'a' ? (char)(*p - 'a' + 'A') : *p;
	}
	out[len] = '\0';
	if (len != 40 && len != 64)
		return err_set(err, ERR_PERM,
		    "\"%s\" is not a fingerprint (40 or 64 hexadecimal "
		    "digits)",
		    text);
	return 0;
}

/* Without a fingerprint it must be clear which one is meant. */
static int
only_fingerprint(struct directory *d, const char *address,
    char out[PGP_FINGERPRINT_HEX_SIZE], struct err *err)
{
	cleanup(cert_list_reset) struct cert_list certs = { 0 };

	if (directory_cert_list(d, address, &certs, err) < 0)
		return -1;
	if (certs.count == 0)
		return err_set(err, ERR_PERM, "%s has no certificate",
		    address);
	if (certs.count > 1)
		return err_set(err, ERR_PERM,
		    "%s has %zu certificates; say which by its fingerprint "
		    "(sealpost key show %s)",
		    address, certs.count, address);
	(void)pgp_fingerprint_hex(certs.certs[0]->fingerprint,
	    certs.certs[0]->fingerprint_len, out);
	return 0;
}

static int
remove_cert(struct ctl *ctl, const char *text, const char *wanted,
    struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;
	cleanup(close_fd) int lock = -1;
	char address[ADDRESS_SIZE];
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];

	if ((wanted != NULL &&
		normalize_fingerprint(wanted, fingerprint, err) < 0) ||
	    open_directory(ctl, STORE_WRITE, &d, err) < 0 ||
	    (lock = lock_accounts(ctl, err)) < 0 ||
	    find_account(d, text, address, &a, err) < 0 ||
	    (wanted == NULL &&
		only_fingerprint(d, address, fingerprint, err) < 0))
		return -1;

	int rc = directory_cert_remove(d, address, fingerprint, err);

	if (rc == 0)
		return err_set(err, ERR_PERM, "%s has no certificate %s",
		    address, fingerprint);
	return rc < 0 ? -1 : 0;
}

static int
key_remove(struct ctl *ctl, int argc, char **argv)
{
	struct err err;
	int n = ctl_arguments(ctl, argc, argv, NULL, 0, 1, 2);

	if (n < 0)
		return CTL_USAGE;
	if (remove_cert(ctl, argv[1], n == 2 ? argv[2] : NULL, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

static const struct command commands[] = {
	{ .name = "import",
	    .usage = "ADDRESS [FILE]",
	    .summary = "Adds or renews a certificate (public key)",
	    .help =
		"FILE, or standard input, holds one certificate, armored or "
		"binary. It is checked\nfirst; what nothing can be sealed to "
		"is refused. Mail is sealed to the newest\ncertificate that is "
		"usable. Prints the fingerprint.\n",
	    .run = key_import },
	{ .name = "show",
	    .usage = "ADDRESS [--json]",
	    .summary = "Shows the certificates of an account",
	    .run = key_show },
	{ .name = "remove",
	    .usage = "ADDRESS [FINGERPRINT]",
	    .summary = "Removes a certificate",
	    .help = "The fingerprint may be left out when there is only "
		    "one.\n",
	    .run = key_remove },
	{ .name = "check",
	    .usage = "[--json] [--notify]",
	    .summary = "Checks all certificates again",
	    .help =
		"Lists the accounts that nothing can be sealed to now, and "
		"those whose key ends\nwithin 30, 7 or 1 days. Exit status 1 "
		"when an account is unusable now: run it\ndaily.\n\n"
		"  --notify  mails owners and the admin ahead of the end, once "
		"for 30, 7 and 1\n            days and when it has come\n",
	    .run = key_check },
	{ .name = NULL },
};

int
cmd_key(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
