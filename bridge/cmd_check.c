/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost-bridge check: each link of the chain, and what is wrong with it. */

#include <getopt.h>
#include <string.h>

#include "base/process.h"
#include "bridge.h"
#include "cmd.h"
#include "crypt/password.h"
#include "sent_imap.h"
#include "state.h"
#include "upstream.h"

enum { TEXT_MAX = 64 << 10 };

static const char usage[] =
    "usage: sealpost-bridge check [--password-stdin] [ADDRESS]\n"
    "\n"
    "Tries the whole chain for an account (TLS, login, vault, key, Sent folder,\n"
    "SMTP login) and explains what fails. The address may be left out where the\n"
    "configuration has one account alone.\n"
    "\n"
    "  --password-stdin  read the password from standard input\n";

struct check {
	const char *conf_file, *address;
	bool password_stdin, help;
	struct bridge_conf *conf;
	struct crypt *crypt;
	struct users *users;
	struct user *user;
	struct credentials *credentials;
	struct net_stream *imap;
	const struct account *account;
	struct bridge bridge;
	int status; /* of the links so far */
};

static void
check_end(struct check *k)
{
	net_stream_free(&k->imap);
	if (k->user != NULL)
		user_leave(&k->user);
	users_free(&k->users);
	credentials_free(&k->credentials);
	crypt_close(&k->crypt);
	bridge_conf_free(&k->conf);
}

static bool
read_options(struct check *k, int argc, char **argv)
{
	static const struct option names[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "password-stdin", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", names, NULL)) != -1) {
		if (c == 'c')
			k->conf_file = optarg;
		else if (c == 'p')
			k->password_stdin = true;
		else if (c == 'h')
			k->help = true;
		else
			return false;
	}
	if (optind < argc)
		k->address = argv[optind++];
	return optind == argc;
}

static int
choose_account(struct check *k, struct err *err)
{
	if (k->address != NULL)
		k->account = bridge_conf_account(k->conf, k->address);
	else if (k->conf->account_count == 1)
		k->account = &k->conf->accounts[0];
	else
		return err_set(err, ERR_PERM,
		    "%s has several accounts: which one is to be checked?",
		    k->conf_file);
	if (k->account == NULL)
		return err_set(err, ERR_PERM, "%s has no [account %s]",
		    k->conf_file, k->address);
	return 0;
}

static int
derive(struct check *k, struct err *err)
{
	cleanup(password_wipe) struct password password;
	int rc;

	password_init(&password);
	rc = k->password_stdin
	    ? password_from_stdin(&password, err)
	    : password_from_terminal("Password: ", NULL, &password, err);
	if (rc < 0)
		return -1;
	if (password.len == 0)
		return err_set(err, ERR_PERM, "there is no password");
	return credentials_derive(k->crypt, k->account, password.text,
	    password.len, &k->credentials, err);
}

static int
prepare(struct check *k, struct err *err)
{
	if (process_no_core_dumps(err) < 0 ||
	    bridge_conf_load(k->conf_file, &k->conf, err) < 0 ||
	    choose_account(k, err) < 0 ||
	    state_directory_make(k->conf->state_directory, err) < 0 ||
	    crypt_open(&k->crypt, err) < 0 ||
	    users_new(k->crypt, &k->users, err) < 0 || derive(k, err) < 0)
		return -1;
	users_limit(k->users, k->conf->max_message);
	k->bridge = (struct bridge){
		.conf = k->conf,
		.crypt = k->crypt,
		.users = k->users,
	};
	return 0;
}

/* ---- the links ---- */

static void
good(const char *what, const char *text)
{
	printf("ok    %-5s %s\n", what, text);
}

static int
bad(struct check *k, const char *what, const struct err *err)
{
	printf("FAIL  %-5s %s\n", what, err->text);
	if (k->status != EXIT_FAILED)
		k->status = err->kind == ERR_TEMP ? EXIT_TRY_AGAIN
						  : EXIT_FAILED;
	return -1;
}

/* 0 when the login stands. */
static int
judge_login(struct check *k, const char *what, const struct server *to,
    int rc, enum login_result result, struct err *err)
{
	char text[ERR_TEXT_SIZE];

	if (rc == 0 && result != LOGIN_OK)
		rc = err_set(err, ERR_PERM, "%s refuses the password of <%s>",
		    to->host, k->account->user);
	if (rc < 0)
		return bad(k, what, err);
	(void)snprintf(text, sizeof text,
	    "%s, port %u: the certificate is right, the login is accepted",
	    to->host, (unsigned)to->port);
	good(what, text);
	return 0;
}

static int
check_imap(struct check *k)
{
	cleanup(buf_reset) struct buf unused = { .limit = TEXT_MAX };
	enum login_result result = LOGIN_REFUSED;
	struct err err = { 0 };
	int rc = upstream_imap(&k->bridge, k->account, k->credentials, &result,
	    &k->imap, &unused, &err);

	return judge_login(k, "imap", &k->account->imap, rc, result, &err);
}

static void
check_key(struct check *k)
{
	static const char *const from[] = {
		[KEY_VAULT] = "from the vault, unlocked",
		[KEY_FILE] = "from the file, unlocked",
		[KEY_KEYRING] = "in the GnuPG keyring",
	};
	struct err err = { 0 };

	if (users_enter(k->users, k->account, k->credentials,
	        upstream_fetch_vault, k->imap, &k->user, &err) < 0)
		(void)bad(k, "key", &err);
	else
		good("key", from[k->account->key]);
}

static void
check_sent(struct check *k)
{
	cleanup(buf_reset) struct buf folder = { .limit = TEXT_MAX };
	char text[ERR_TEXT_SIZE];
	struct err err = { 0 };

	if (sent_find_folder(k->imap, k->account, &folder, &err) < 0) {
		(void)bad(k, "sent", &err);
		return;
	}
	(void)snprintf(text, sizeof text, "copies go to \"%.200s\"",
	    (const char *)folder.data);
	good("sent", text);
}

static void
check_smtp(struct check *k)
{
	cleanup(buf_reset) struct buf unused = { .limit = TEXT_MAX };
	cleanup(net_stream_free) struct net_stream *smtp = NULL;
	enum login_result result = LOGIN_REFUSED;
	struct err err = { 0 };
	int rc = upstream_smtp(&k->bridge, k->account, k->credentials, &result,
	    &smtp, &unused, &err);

	(void)judge_login(
	    k, "smtp", &k->account->smtp, rc, result, &err);
}

int
cmd_check(const char *conf_file, int argc, char **argv)
{
	cleanup(check_end) struct check k = { .conf_file = conf_file };
	struct err err = { 0 };

	if (!read_options(&k, argc, argv))
		return cmd_wrong_usage(argv[0]);
	if (k.help)
		return fputs(usage, stdout) == EOF ? EXIT_FAILED : EXIT_DONE;
	if (prepare(&k, &err) < 0)
		return cmd_fail(&err);
	if (check_imap(&k) == 0) {
		check_key(&k);
		check_sent(&k);
	}
	check_smtp(&k);
	return k.status;
}
