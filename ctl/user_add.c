/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost user add, user passwd: accounts and their verifiers. All that can
 * be wrong is found before anything is written; what is written in two
 * databases is taken back when the second refuses.
 */
#include <string.h>

#include "base/limits.h"
#include "certfile.h"
#include "crypt/password.h"
#include "crypt/verifier.h"
#include "shared.h"
#include "user.h"

/* All that makes up a new account, checked. */
struct candidate {
	char address[ADDRESS_SIZE];
	struct pgp_cert *cert;          /* NULL: none yet */
	char verifier[VERIFIER_SIZE];   /* "": no login */
};

static void
candidate_reset(struct candidate *c)
{
	pgp_cert_free(&c->cert);
	explicit_bzero(c->verifier, sizeof c->verifier);
}

/* Makes the text of the verifier; "" when no password was wanted. */
static int
ask_verifier(const struct ctl *ctl, bool from_stdin,
    char out[VERIFIER_SIZE], struct err *err)
{
	cleanup(password_wipe) struct password p;
	cleanup(crypt_close) struct crypt *crypt = NULL;
	int rc = 0;

	password_init(&p);
	out[0] = '\0';
	if (from_stdin)
		rc = password_from_stdin(&p, err) < 0 ? -1 : 1;
	else if (isatty(STDIN_FILENO))
		rc = password_from_terminal(
		    "Password (empty for none): ", "The same again: ", &p,
		    err);
	if (rc <= 0)
		return rc;
	if (crypt_open(&crypt, err) < 0)
		return -1;
	return verifier_make(crypt, p.text, p.len,
	    ctl->conf->accounts.iterations, out, err);
}

static int
check_new(struct directory *d, const char *address, struct err *err)
{
	cleanup(account_free) struct account *a = NULL;

	if (need_domain(d, address, err) < 0)
		return -1;

	int rc = directory_account_find(d, address, &a, err);

	if (rc == 1)
		return err_set(err, ERR_PERM, "there is an account %s already",
		    address);
	return rc;
}

static int
add_account(struct directory *d, struct candidate *c, struct err *err)
{
	char none[] = "";
	const struct account a = { .address = c->address, .enabled = true,
		.mechanisms = none, .created = now() };

	if (directory_account_add(d, &a, err) < 0)
		return -1;
	if (c->cert == NULL ||
	    directory_cert_put(d, c->address, c->cert, now(), err) == 0)
		return 0;
	if (directory_account_remove(d, c->address, NULL) < 0)
		return err_context(err,
		    "the account %s was created without its certificate, "
		    "remove it",
		    c->address);
	return -1;
}

/* What an account of this name has left behind must not come back to life. */
static int
put_verifier(struct secrets *s, const struct candidate *c, struct err *err)
{
	if (secrets_remove(s, c->address, err) < 0)
		return -1;
	if (c->verifier[0] == '\0')
		return 0;
	return secrets_verifier_put(s, c->address, c->verifier, "", false,
	    err);
}

static int
enable_login(struct secrets *s, const struct candidate *c, struct err *err)
{
	if (c->verifier[0] == '\0')
		return 0;
	return secrets_set_enabled(s, c->address, true, err) < 0 ? -1 : 0;
}

/*
 * The verifier first, disabled: if the program dies in between, it lets nobody
 * in and the next attempt replaces it.
 */
static int
write_both(struct directory *d, struct secrets *s, struct candidate *c,
    struct err *err)
{
	struct err ignored;

	if (put_verifier(s, c, err) < 0)
		return -1;
	if (add_account(d, c, err) < 0) {
		(void)!secrets_remove(s, c->address, &ignored);
		return -1;
	}
	if (enable_login(s, c, err) == 0)
		return 0;
	if (directory_account_remove(d, c->address, &ignored) < 0)
		return err_context(err,
		    "the account %s was created without its login, remove "
		    "it",
		    c->address);
	(void)!secrets_remove(s, c->address, &ignored);
	return -1;
}

/* While the password was asked for, somebody else may have been quicker. */
static int
write_candidate(const struct ctl *ctl, struct directory *d,
    struct secrets *s, struct candidate *c, struct err *err)
{
	cleanup(close_fd) int lock = lock_accounts(ctl, err);
	sigset_t before;

	if (lock < 0 || check_new(d, c->address, err) < 0)
		return -1;
	hold_signals(&before);

	int rc = write_both(d, s, c, err);

	release_signals(&before);
	return rc;
}

static int
add(struct ctl *ctl, const char *text, bool from_stdin, const char *key_file,
    struct err *err)
{
	cleanup(candidate_reset) struct candidate c = { .cert = NULL };
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;

	if (address_normalize(text, c.address, err) < 0 ||
	    open_directory(ctl, STORE_WRITE, &d, err) < 0 ||
	    open_secrets(ctl, STORE_WRITE, &s, err) < 0 ||
	    check_new(d, c.address, err) < 0)
		return -1;
	if (key_file != NULL &&
	    certfile_vet(ctl, key_file, c.address, &c.cert, err) < 0)
		return -1;
	if (ask_verifier(ctl, from_stdin, c.verifier, err) < 0)
		return -1;
	return write_candidate(ctl, d, s, &c, err);
}

int
user_add(struct ctl *ctl, int argc, char **argv)
{
	bool from_stdin = false;
	const char *key_file = NULL;
	const struct ctl_option options[] = {
		{ "--password-stdin", &from_stdin, NULL },
		{ "--key", NULL, &key_file },
	};
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 1, 1) <
	    0)
		return CTL_USAGE;
	if (add(ctl, argv[1], from_stdin, key_file, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

/* ---- passwd ---- */

/* A vault was made on the user's machine and keeps its own passphrase. */
static int
warn_of_vault(struct ctl *ctl, struct secrets *s, const char *address,
    struct err *err)
{
	cleanup(buf_reset) struct buf armored = { .limit =
						      LIMIT_CERTIFICATE * 2 };
	cleanup(buf_reset) struct buf fingerprint = { .limit = 256 };
	int rc = secrets_vault_get(s, address, &armored, &fingerprint, err);

	if (rc == 1)
		ctl_warn(ctl,
		    "the private key of %s in its vault still has the old "
		    "password",
		    address);
	return rc < 0 ? -1 : 0;
}

/* The account is looked up again: it may have changed meanwhile. */
static int
store_password(const struct ctl *ctl, struct directory *d, struct secrets *s,
    struct candidate *c, struct err *err)
{
	cleanup(close_fd) int lock = lock_accounts(ctl, err);
	cleanup(account_free) struct account *a = NULL;
	char address[ADDRESS_SIZE];

	if (lock < 0 || find_account(d, c->address, address, &a, err) < 0)
		return -1;
	return secrets_verifier_put(s, c->address, c->verifier,
	    a->mechanisms, a->enabled, err);
}

static int
change_password(struct ctl *ctl, const char *text, bool from_stdin,
    struct err *err)
{
	cleanup(candidate_reset) struct candidate c = { .cert = NULL };
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;
	cleanup(account_free) struct account *a = NULL;

	if (open_directory(ctl, STORE_READ, &d, err) < 0 ||
	    find_account(d, text, c.address, &a, err) < 0 ||
	    open_secrets(ctl, STORE_WRITE, &s, err) < 0 ||
	    ask_verifier(ctl, from_stdin, c.verifier, err) < 0)
		return -1;
	if (c.verifier[0] == '\0')
		return err_set(err, ERR_PERM,
		    "no password was given; use --password-stdin, or a "
		    "terminal");
	if (store_password(ctl, d, s, &c, err) < 0)
		return -1;
	return warn_of_vault(ctl, s, c.address, err);
}

int
user_passwd(struct ctl *ctl, int argc, char **argv)
{
	bool from_stdin = false;
	const struct ctl_option options[] = {
		{ "--password-stdin", &from_stdin, NULL },
	};
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 1, 1) <
	    0)
		return CTL_USAGE;
	if (change_password(ctl, argv[1], from_stdin, &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}
