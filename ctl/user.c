/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost user: the table of its commands; enable, disable and remove.
 */
#include "user.h"

#include <string.h>

#include "base/limits.h"
#include "shared.h"

/* Both databases, opened for writing and locked, and the account. */
struct both {
	struct directory *directory;
	struct secrets *secrets;
	struct account *account;
	int lock;
	char address[ADDRESS_SIZE];
};

static void
both_close(struct both *b)
{
	account_free(&b->account);
	secrets_close(&b->secrets);
	directory_close(&b->directory);
	close_fd(&b->lock);
}

static int
both_open(struct ctl *ctl, struct both *b, struct err *err)
{
	if (open_directory(ctl, STORE_WRITE, &b->directory, err) < 0 ||
	    open_secrets(ctl, STORE_WRITE, &b->secrets, err) < 0)
		return -1;
	b->lock = lock_accounts(ctl, err);
	return b->lock < 0 ? -1 : 0;
}

static int
set_account_enabled(struct both *b, bool enabled, struct err *err)
{
	b->account->enabled = enabled;
	return directory_account_update(b->directory, b->account, err);
}

/* The login goes first and comes back last. */
static int
disable_both(struct both *b, struct err *err)
{
	bool was_enabled = b->account->enabled;

	if (secrets_set_enabled(b->secrets, b->address, false, err) < 0)
		return -1;
	if (set_account_enabled(b, false, err) == 0)
		return 0;
	if (secrets_set_enabled(b->secrets, b->address, was_enabled, NULL) <
	    0)
		return err_context(err,
		    "the login of %s is disabled, but not its account",
		    b->address);
	return -1;
}

static int
enable_both(struct both *b, struct err *err)
{
	bool was_enabled = b->account->enabled;

	if (set_account_enabled(b, true, err) < 0)
		return -1;
	if (secrets_set_enabled(b->secrets, b->address, true, err) >= 0)
		return 0;
	if (!was_enabled && set_account_enabled(b, false, NULL) < 0)
		return err_context(err,
		    "%s is enabled, but not its login", b->address);
	return -1;
}

static int
change_enabled(struct ctl *ctl, int argc, char **argv,
    int (*change)(struct both *, struct err *))
{
	cleanup(both_close) struct both b = { .lock = -1 };
	struct err err;
	sigset_t before;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 1, 1) < 0)
		return CTL_USAGE;
	if (both_open(ctl, &b, &err) < 0 ||
	    find_account(b.directory, argv[1], b.address, &b.account, &err) <
		0)
		return ctl_fail(ctl, &err);
	hold_signals(&before);

	int rc = change(&b, &err);

	release_signals(&before);
	return rc < 0 ? ctl_fail(ctl, &err) : CTL_DONE;
}

static int
user_disable(struct ctl *ctl, int argc, char **argv)
{
	return change_enabled(ctl, argc, argv, disable_both);
}

static int
user_enable(struct ctl *ctl, int argc, char **argv)
{
	return change_enabled(ctl, argc, argv, enable_both);
}

/* ---- remove ---- */

/* 1 when secrets.db holds something of the address, 0 nothing. */
static int
has_secrets(struct both *b, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit =
						   2 * LIMIT_CERTIFICATE };
	cleanup(buf_reset) struct buf fingerprint = { .limit = 256 };
	bool enabled;
	int rc = secrets_verifier_get(b->secrets, b->address, &text, &enabled,
	    err);

	if (rc != 0)
		return rc;
	return secrets_vault_get(b->secrets, b->address, &text, &fingerprint,
	    err);
}

/*
 * The login is switched off, then the account goes, then the secrets: whatever
 * fails, nobody can log in to what is left, and the next run finishes it.
 */
static int
remove_both(struct both *b, struct err *err)
{
	if (secrets_set_enabled(b->secrets, b->address, false, err) < 0)
		return -1;
	if (b->account != NULL &&
	    directory_account_remove(b->directory, b->address, err) < 0) {
		if (secrets_set_enabled(b->secrets, b->address,
			b->account->enabled, NULL) < 0)
			return err_context(err,
			    "the login of %s is disabled, but", b->address);
		return -1;
	}
	if (secrets_remove(b->secrets, b->address, err) < 0)
		return err_context(err,
		    "the account %s is removed, but not its secrets; run it "
		    "again",
		    b->address);
	return 0;
}

/* An account, or what an interrupted removal has left of it. */
static int
find_remains(struct both *b, const char *text, struct err *err)
{
	if (address_normalize(text, b->address, err) < 0)
		return -1;

	int rc = directory_account_find(b->directory, b->address,
	    &b->account, err);

	if (rc == 0)
		rc = has_secrets(b, err);
	if (rc == 0)
		return err_set(err, ERR_PERM, "there is no account %s",
		    b->address);
	return rc < 0 ? -1 : 0;
}

struct alias_search {
	struct ctl *ctl;
	const char *target;
};

static int
warn_of_alias(void *ctx, const char *address, const char *target,
    struct err *err)
{
	const struct alias_search *search = ctx;

	(void)err;
	if (strcmp(target, search->target) == 0)
		ctl_warn(search->ctl, "the alias %s still points to %s",
		    address, target);
	return 0;
}

static int
user_remove(struct ctl *ctl, int argc, char **argv)
{
	cleanup(both_close) struct both b = { .lock = -1 };
	struct err err;
	sigset_t before;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 1, 1) < 0)
		return CTL_USAGE;
	if (both_open(ctl, &b, &err) < 0 ||
	    find_remains(&b, argv[1], &err) < 0)
		return ctl_fail(ctl, &err);
	hold_signals(&before);

	int rc = remove_both(&b, &err);
	struct alias_search search = { ctl, b.address };

	release_signals(&before);
	if (rc < 0 || directory_alias_list(b.directory, NULL, warn_of_alias,
			  &search, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

static const struct command commands[] = {
	{ .name = "add",
	    .usage = "ADDRESS [--password-stdin] [--key FILE]",
	    .summary = "Creates an account",
	    .help =
		"Its domain must exist (sealpost domain add).\n"
		"\n"
		"  --password-stdin  the password is the first line of "
		"standard input; without\n"
		"                    it a terminal is asked twice, and where "
		"there is no terminal\n"
		"                    the account gets no password\n"
		"  --key FILE        the certificate (public key) that its "
		"mail is sealed to;\n"
		"                    see sealpost key import\n",
	    .run = user_add },
	{ .name = "enrol",
	    .usage = "FILE [--replace [--new-key]]",
	    .summary = "Creates an account from an enrolment file",
	    .help =
		"FILE was made on the user's machine by sealpost-bridge "
		"enrol: address, certificate,\nlogin and vault. The "
		"password is not in it. Prints address and fingerprint: "
		"compare\nit with what the user sees.\n"
		"\n"
		"  --replace  the account exists and gets the login and the "
		"vault of the file: the\n"
		"             user has a new password\n"
		"  --new-key  and another key than before; mail sealed to the "
		"old one can only be\n"
		"             read with the user's own copy of it\n",
	    .run = user_enrol },
	{ .name = "list",
	    .usage = "[--json]",
	    .summary = "Lists the accounts",
	    .run = user_list },
	{ .name = "show",
	    .usage = "ADDRESS [--json]",
	    .summary = "Shows one account",
	    .run = user_show },
	{ .name = "disable",
	    .usage = "ADDRESS",
	    .summary = "Forbids the account to log in",
	    .help = "New mail for it is turned away, as missing_key in "
		    "sealpost.conf(5) says; what is\nin the queue already is "
		    "still sealed and delivered.\n",
	    .run = user_disable },
	{ .name = "enable",
	    .usage = "ADDRESS",
	    .summary = "Takes the disabling back",
	    .run = user_enable },
	{ .name = "remove",
	    .usage = "ADDRESS",
	    .summary =
		"Removes the account, its certificates, password and vault",
	    .help = "The mailbox stays where it is. There is no way back: "
		    "make a copy of the\ndatabases first.\n",
	    .run = user_remove },
	{ .name = "passwd",
	    .usage = "ADDRESS [--password-stdin]",
	    .summary = "Gives the account a new password",
	    .help = "  --password-stdin  the password is the first line of "
		    "standard input; without\n"
		    "                    it the terminal is asked twice\n",
	    .run = user_passwd },
	{ .name = "set",
	    .usage = "ADDRESS KEY=VALUE...",
	    .summary = "Changes settings of the account",
	    .help = "  quota=SIZE|none         e.g. 500M or 10G (1G is "
		    "1024M)\n"
		    "  protect_subject=yes|no  yes seals the Subject, too\n"
		    "  mechanisms=LIST|default the SASL mechanisms it may use, "
		    "e.g.\n"
		    "                          SCRAM-SHA-256 or "
		    "PLAIN,LOGIN\n",
	    .run = user_set },
	{ .name = NULL },
};

int
cmd_user(struct ctl *ctl, int argc, char **argv)
{
	return command_dispatch(ctl, commands, argc, argv);
}
