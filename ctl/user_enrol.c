/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost user enrol: makes an account of the file that the user's own machine
 * has written (doc/enrolment.md). Nothing is written before all of it is
 * checked. A new account is written login first, but disabled; then account and
 * certificate; then the login is enabled: wherever it stops, nobody can log in
 * to half an account, no mail is stored in plaintext, and the same command
 * finishes it.
 */
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "crypt/verifier.h"
#include "openpgp/vault.h"
#include "openpgp/vet.h"
#include "shared.h"
#include "store/enrolment.h"
#include "user.h"

/* More rounds would only let a login cost the server more. */
enum { ITERATIONS_MAX = 2000000 };

/* What the file says, checked. */
struct candidate {
	char address[ADDRESS_SIZE];
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];
	struct enrolment *file;
	struct pgp_cert *cert;
	bool replace;
	bool new_key;
};

static void
candidate_reset(struct candidate *c)
{
	enrolment_free(&c->file);
	pgp_cert_free(&c->cert);
}

/* ---- the file ---- */

static int
read_file(const char *name, struct enrolment **out, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_ENROLMENT };
	cleanup(close_file) FILE *f = fopen(name, "re");
	uint8_t piece[4096];
	size_t n;

	if (f == NULL)
		return err_set(err, ERR_PERM, "open: %s", strerror(errno));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		if (buf_put(&text, piece, n, err) < 0)
			return -1;
	if (ferror(f))
		return err_set(err, ERR_PERM, "%s", strerror(errno));
	if (buf_str(&text, err) == NULL)
		return -1;
	return enrolment_parse((const char *)text.data, text.len, out, err);
}

static int
check_verifier(const struct candidate *c, struct err *err)
{
	struct verifier v;

	if (verifier_parse(c->file->verifier, &v, err) < 0)
		return -1;
	if (v.iterations > ITERATIONS_MAX)
		return err_set(err, ERR_PERM,
		    "the verifier asks for %u iterations, more than %d",
		    v.iterations, ITERATIONS_MAX);
	return 0;
}

static int
check_certificate(struct ctl *ctl, const char *name, struct candidate *c,
    struct err *err)
{
	const char *armored = c->file->certificate;
	char warning[ERR_TEXT_SIZE] = "";

	if (pgp_vet((const uint8_t *)armored, strlen(armored), c->address,
	        now(), &c->cert, warning, err) < 0)
		return err_context(err, "the certificate");
	if (warning[0] != '\0')
		ctl_warn(ctl, "%s: %s", name, warning);
	(void)pgp_fingerprint_hex(c->cert->fingerprint,
	    c->cert->fingerprint_len, c->fingerprint);
	if (strcmp(c->fingerprint, c->file->fingerprint) != 0)
		return err_set(err, ERR_PERM,
		    "the certificate's fingerprint is %s, not the one in the "
		    "file",
		    c->fingerprint);
	return pgp_vault_check(c->cert, c->file->vault,
	    strlen(c->file->vault), err);
}

static int
load(struct ctl *ctl, const char *name, struct candidate *c, struct err *err)
{
	if (read_file(name, &c->file, err) < 0 ||
	    address_normalize(c->file->address, c->address, err) < 0 ||
	    check_verifier(c, err) < 0 ||
	    check_certificate(ctl, name, c, err) < 0)
		return err_context(err, "%s", name);
	return 0;
}

/* ---- a new account ---- */

static struct secrets_enrolment
secrets_of(const struct candidate *c, const char *mechanisms, bool enabled)
{
	return (struct secrets_enrolment){ .address = c->address,
		.verifier = c->file->verifier,
		.mechanisms = mechanisms,
		.enabled = enabled,
		.armored = c->file->vault,
		.fingerprint = c->fingerprint };
}

static int
enable(struct secrets *s, const struct candidate *c, struct err *err)
{
	return secrets_set_enabled(s, c->address, true, err) < 0 ? -1 : 0;
}

static int
create(struct directory *d, struct secrets *s, const struct candidate *c,
    struct err *err)
{
	char none[] = "";
	char address[ADDRESS_SIZE];
	const struct account a = { .address = address, .enabled = true,
		.mechanisms = none, .created = now() };
	const struct secrets_enrolment e = secrets_of(c, none, false);

	memcpy(address, c->address, sizeof address);
	if (secrets_enrol(s, &e, err) < 0)
		return -1;
	if (directory_enrol(d, &a, c->cert, now(), err) < 0) {
		(void)!secrets_remove(s, c->address, NULL);
		return -1;
	}
	if (enable(s, c, err) == 0)
		return 0;
	if (directory_account_remove(d, c->address, NULL) < 0)
		return err_context(err,
		    "%s cannot log in yet, run it again", c->address);
	(void)!secrets_remove(s, c->address, NULL);
	return -1;
}

/* ---- an account that is there ---- */

static bool
has_fingerprint(const struct pgp_cert *cert, const struct pgp_cert *other)
{
	return cert->fingerprint_len == other->fingerprint_len &&
	       memcmp(cert->fingerprint, other->fingerprint,
	           cert->fingerprint_len) == 0;
}

static bool
list_has(const struct cert_list *l, const struct pgp_cert *cert)
{
	for (size_t i = 0; i < l->count; i++)
		if (has_fingerprint(l->certs[i], cert))
			return true;
	return false;
}

/*
 * 1 when the vault that is stored is of the candidate's key, 0 when there is
 * none, 2 when it is of another.
 */
enum { VAULT_NONE, VAULT_SAME, VAULT_OTHER };

static int
compare_vault(struct secrets *s, const struct candidate *c, struct err *err)
{
	cleanup(buf_reset) struct buf armored = { .limit = LIMIT_VAULT };
	cleanup(buf_reset) struct buf hex = { .limit = LIMIT_VAULT };
	int rc = secrets_vault_get(s, c->address, &armored, &hex, err);

	if (rc <= 0)
		return rc < 0 ? -1 : VAULT_NONE;
	return hex.len == strlen(c->fingerprint) &&
	               memcmp(hex.data, c->fingerprint, hex.len) == 0
	           ? VAULT_SAME
	           : VAULT_OTHER;
}

/* 1 when an earlier run of the same file was cut short before its last step. */
static int
is_unfinished(struct secrets *s, const struct account *a,
    const struct cert_list *certs, const struct candidate *c, struct err *err)
{
	struct secrets_login login;
	int vault = compare_vault(s, c, err);
	int rc = vault < 0 ? -1 : secrets_login_get(s, c->address, &login, err);

	if (rc <= 0)
		return rc;

	bool is = vault == VAULT_SAME && a->enabled && !login.enabled &&
	          strcmp(login.verifier, c->file->verifier) == 0 &&
	          list_has(certs, c->cert);

	explicit_bzero(&login, sizeof login);
	return is;
}

static int
check_key(struct secrets *s, const struct cert_list *certs,
    const struct candidate *c, struct err *err)
{
	int vault = compare_vault(s, c, err);

	if (vault < 0)
		return -1;
	if (!c->new_key &&
	    (vault == VAULT_OTHER ||
	        (certs->count > 0 && !list_has(certs, c->cert))))
		return err_set(err, ERR_PERM,
		    "%s has another key, and mail that is sealed to it is "
		    "lost without it; --new-key if that is meant",
		    c->address);
	return 0;
}

/*
 * The certificate first: mail that is sealed to it can be read with the
 * recovery sheet, were it to stop here, and the same command goes on.
 */
static int
replace(struct directory *d, struct secrets *s, const struct account *a,
    const struct cert_list *certs, const struct candidate *c, struct err *err)
{
	const struct secrets_enrolment e =
	    secrets_of(c, a->mechanisms, a->enabled);

	if (directory_cert_put(d, c->address, c->cert, now(), err) < 0)
		return -1;
	if (secrets_enrol(s, &e, err) == 0)
		return 0;
	if (!list_has(certs, c->cert) &&
	    directory_cert_remove(d, c->address, c->fingerprint, NULL) < 0)
		return err_context(err,
		    "%s has the new certificate, but not its login; run it "
		    "again",
		    c->address);
	return -1;
}

static int
change(struct directory *d, struct secrets *s, const struct account *a,
    const struct candidate *c, struct err *err)
{
	cleanup(cert_list_reset) struct cert_list certs = { 0 };

	if (directory_cert_list(d, c->address, &certs, err) < 0)
		return -1;

	int unfinished = is_unfinished(s, a, &certs, c, err);

	if (unfinished != 0)
		return unfinished < 0 ? -1 : enable(s, c, err);
	if (!c->replace)
		return err_set(err, ERR_PERM,
		    "there is an account %s already; --replace gives it the "
		    "login and the vault of this file",
		    c->address);
	if (check_key(s, &certs, c, err) < 0)
		return -1;
	return replace(d, s, a, &certs, c, err);
}

/* ---- both ---- */

static int
write_candidate(const struct ctl *ctl, struct directory *d,
    struct secrets *s, const struct candidate *c, struct err *err)
{
	cleanup(close_fd) int lock = lock_accounts(ctl, err);
	cleanup(account_free) struct account *a = NULL;
	sigset_t before;

	if (lock < 0 || need_domain(d, c->address, err) < 0)
		return -1;

	int found = directory_account_find(d, c->address, &a, err);

	if (found < 0)
		return -1;
	hold_signals(&before);

	int rc = found == 1 ? change(d, s, a, c, err) : create(d, s, c, err);

	release_signals(&before);
	return rc;
}

/* Mail goes to the newest certificate, which need not be this one. */
static int
warn_of_newer(struct ctl *ctl, struct directory *d, const struct candidate *c,
    struct err *err)
{
	cleanup(cert_list_reset) struct cert_list certs = { 0 };
	const struct pgp_cert *used = NULL;
	enum pgp_unusable why;

	if (directory_cert_list(d, c->address, &certs, err) < 0)
		return -1;
	if (pgp_usable_subkey(certs.certs, certs.count, now(), &used, &why) !=
	        NULL &&
	    !has_fingerprint(used, c->cert))
		ctl_warn(ctl,
		    "mail for %s is still sealed to another certificate of "
		    "it, which is newer; see sealpost key show %s",
		    c->address, c->address);
	return 0;
}

static int
enrol(struct ctl *ctl, const char *name, struct candidate *c, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(secrets_close) struct secrets *s = NULL;

	if (open_directory(ctl, STORE_WRITE, &d, err) < 0 ||
	    open_secrets(ctl, STORE_WRITE, &s, err) < 0 ||
	    load(ctl, name, c, err) < 0 ||
	    write_candidate(ctl, d, s, c, err) < 0 ||
	    warn_of_newer(ctl, d, c, err) < 0)
		return -1;
	fprintf(ctl->out, "%s %s\n", c->address, c->fingerprint);
	return 0;
}

int
user_enrol(struct ctl *ctl, int argc, char **argv)
{
	cleanup(candidate_reset) struct candidate c = { .cert = NULL };
	const struct ctl_option options[] = {
		{ "--replace", &c.replace, NULL },
		{ "--new-key", &c.new_key, NULL },
	};
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 1, 1) <
	    0)
		return CTL_USAGE;
	if (c.new_key && !c.replace)
		return ctl_usage(ctl, "--new-key goes with --replace");
	if (enrol(ctl, argv[1], &c, &err) < 0)
		return ctl_fail(ctl, &err);
	return ctl_done(ctl);
}
