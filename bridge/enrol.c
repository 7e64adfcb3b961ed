/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "enrol.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/locked.h"
#include "crypt/login_secret.h"
#include "crypt/verifier.h"
#include "openpgp/keysmith.h"
#include "openpgp/secret.h"
#include "openpgp/vault.h"
#include "openpgp/vet.h"
#include "store/enrolment.h"

enum { TIME_SIZE = 32, DAY_LEN = 10 };

/* One making of a file, in locked memory. */
struct work {
	const struct crypt *crypt;
	struct login_secret secret;
	char verifier[VERIFIER_SIZE];
	struct keysmith *smith;
	struct buf public, vault;
};

void
enrolled_free(struct enrolled **ep)
{
	struct enrolled *e = steal(ep);

	if (e == NULL)
		return;
	buf_reset(&e->file);
	buf_reset(&e->sheet);
	locked_free(e, sizeof *e);
}

static struct enrolled *
enrolled_new(const char *address)
{
	struct enrolled *e = locked_new(sizeof *e);

	if (e == NULL)
		return NULL;
	e->file = (struct buf){ .limit = LIMIT_ENROLMENT };
	e->sheet = (struct buf){ .limit = LIMIT_ENROLMENT };
	(void)snprintf(e->address, sizeof e->address, "%s", address);
	return e;
}

static void
work_free(struct work **wp)
{
	struct work *w = steal(wp);

	if (w == NULL)
		return;
	keysmith_free(&w->smith);
	buf_reset(&w->public);
	buf_reset(&w->vault);
	locked_free(w, sizeof *w);
}

static struct crypt_bytes
text_bytes(const char *text)
{
	return (struct crypt_bytes){ .data = text, .len = strlen(text) };
}

static struct crypt_bytes
passphrase_of(const struct work *w)
{
	return text_bytes(w->secret.passphrase);
}

/* What comes of the password, and a smith without a key. */
static int
work_new(const struct crypt *c, const char *address,
    struct crypt_bytes password, struct work **out, struct err *err)
{
	cleanup(work_free) struct work *w = locked_new(sizeof *w);

	if (w == NULL)
		return err_nomem(err);
	w->crypt = c;
	w->public = (struct buf){ .limit = 2 * LIMIT_CERTIFICATE };
	w->vault = (struct buf){ .limit = LIMIT_VAULT, .secret = true };
	if (login_secret_derive(c, address, password, &w->secret, err) < 0 ||
	    keysmith_new(&w->smith, err) < 0)
		return -1;
	*out = steal(&w);
	return 0;
}

/* ---- proving ---- */

/* 1 it is opened, by that passphrase and not without; 0 it is not; -1. */
static int
open_key(const struct crypt *c, const void *armored, size_t n,
    struct crypt_bytes passphrase, struct pgp_secret **out, struct err *err)
{
	int rc = pgp_secret_unlock(
	    c, armored, n, passphrase.data, passphrase.len, out, err);

	if (rc == 1 && !pgp_secret_was_protected(*out)) {
		pgp_secret_free(out);
		return err_set(err, ERR_PERM,
		    "the private key is not protected by its passphrase");
	}
	return rc;
}

static int
must_open(const struct crypt *c, const struct buf *armored,
    struct crypt_bytes passphrase, struct pgp_secret **out, struct err *err)
{
	int rc = open_key(
	    c, armored->data, armored->len, passphrase, out, err);

	if (rc == 0)
		return err_set(err, ERR_TEMP,
		    "gpg has protected the key with another passphrase");
	return rc < 0 ? -1 : 0;
}

/*
 * The salt comes of the key: it stays when the password changes, so that a
 * bridge which has pinned it does not take the server for another; and without
 * the key nobody can tell it from that of a user who does not exist.
 */
static int
make_verifier(struct work *w, const struct pgp_secret *key, struct err *err)
{
	uint8_t derived[PGP_DERIVED_LEN];

	if (pgp_secret_derive(key, "sealpost verifier salt v1", derived, err) <
	    0)
		return -1;
	return verifier_make_salted(w->crypt, text_bytes(w->secret.login),
	    derived, VERIFIER_ITERATIONS_MIN, w->verifier, err);
}

/* As the server will check it; what only we can check, too; the verifier. */
static int
prove(struct work *w, struct enrolled *e, int64_t now, struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *cert = NULL;
	cleanup(pgp_secret_free) struct pgp_secret *key = NULL;
	char warning[ERR_TEXT_SIZE];

	if (pgp_vet(w->public.data, w->public.len, e->address, now, &cert,
	        warning, err) < 0 ||
	    pgp_vault_check(cert, (const char *)w->vault.data, w->vault.len,
	        err) < 0)
		return -1;
	(void)pgp_fingerprint_hex(
	    cert->fingerprint, cert->fingerprint_len, e->fingerprint);
	if (must_open(w->crypt, &w->vault, passphrase_of(w), &key, err) < 0)
		return -1;
	return make_verifier(w, key, err);
}

/* ---- writing ---- */

/* "2026-11-21T07:00:00Z": the day is its first DAY_LEN characters. */
static void
time_text(int64_t t, char out[TIME_SIZE])
{
	time_t when = (time_t)t;
	struct tm tm = { .tm_mday = 1 };

	(void)gmtime_r(&when, &tm);
	(void)strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void
put_members(struct json *j, struct work *w, const struct enrolled *e,
    int64_t now)
{
	char created[TIME_SIZE];

	time_text(now, created);
	json_begin_object(j, NULL);
	json_string(j, "format", ENROLMENT_FORMAT);
	json_number(j, "version", ENROLMENT_VERSION);
	json_string(j, "created", created);
	json_string(j, "address", e->address);
	json_string(j, "fingerprint", e->fingerprint);
	json_string(j, "certificate", (const char *)w->public.data);
	json_string(j, "verifier", w->verifier);
	json_string(j, "vault", (const char *)w->vault.data);
	json_end_object(j);
}

/* What is written must be readable. */
static int
put_checked(const char *text, size_t n, struct enrolled *e, struct err *err)
{
	cleanup(enrolment_free) struct enrolment *back = NULL;

	if (enrolment_parse(text, n, &back, err) < 0)
		return -1;
	return buf_put(&e->file, text, n, err);
}

static int
write_file(struct work *w, struct enrolled *e, int64_t now, struct err *err)
{
	cleanup(free_str) char *text = NULL;
	size_t n = 0;
	struct json j = { .to = NULL };

	if (buf_str(&w->public, err) == NULL || buf_str(&w->vault, err) == NULL)
		return -1;
	j.to = open_memstream(&text, &n);
	if (j.to == NULL)
		return err_nomem(err);
	put_members(&j, w, e, now);

	bool failed = ferror(j.to) != 0;

	if (fclose(j.to) != 0 || failed)
		return err_nomem(err);
	return put_checked(text, n, e, err);
}

static int
write_sheet(const struct enrolled *e, const struct buf *key, int64_t now,
    struct buf *out, struct err *err)
{
	struct recovery_sheet s = { .armored = (const char *)key->data,
		.armored_len = key->len };
	char day[TIME_SIZE];

	memcpy(s.address, e->address, sizeof s.address);
	memcpy(s.fingerprint, e->fingerprint, sizeof s.fingerprint);
	time_text(now, day);
	day[DAY_LEN] = '\0';
	return recovery_sheet_write(&s, day, out, err);
}

/* ---- a new key ---- */

static int
must_change(struct work *w, const char *to, struct err *err)
{
	int rc = keysmith_change_passphrase(
	    w->smith, passphrase_of(w), text_bytes(to), err);

	if (rc == 0)
		return err_set(err, ERR_TEMP,
		    "gpg does not know the passphrase it was given");
	return rc < 0 ? -1 : 0;
}

static int
make_sheet(struct work *w, struct enrolled *e, int64_t now, struct err *err)
{
	cleanup(buf_reset) struct buf key = { .limit = LIMIT_VAULT,
		.secret = true };
	cleanup(pgp_secret_free) struct pgp_secret *opened = NULL;

	if (recovery_code_make(w->crypt, e->code, err) < 0 ||
	    must_change(w, e->code, err) < 0 ||
	    keysmith_private(w->smith, text_bytes(e->code), &key, err) < 0 ||
	    must_open(w->crypt, &key, text_bytes(e->code), &opened, err) <
	        0)
		return -1;
	return write_sheet(e, &key, now, &e->sheet, err);
}

int
enrol_new(const struct crypt *c, const char *address, const char *algorithm,
    struct crypt_bytes password, int64_t now, struct enrolled **out,
    struct err *err)
{
	cleanup(work_free) struct work *w = NULL;
	cleanup(enrolled_free) struct enrolled *e = enrolled_new(address);

	if (e == NULL)
		return err_nomem(err);
	if (work_new(c, address, password, &w, err) < 0 ||
	    keysmith_generate(
	        w->smith, address, algorithm, passphrase_of(w), err) < 0 ||
	    keysmith_public(w->smith, &w->public, err) < 0 ||
	    keysmith_private(w->smith, passphrase_of(w), &w->vault, err) < 0)
		return -1;
	if (prove(w, e, now, err) < 0 || make_sheet(w, e, now, err) < 0 ||
	    write_file(w, e, now, err) < 0)
		return -1;
	*out = steal(&e);
	return 0;
}

/* ---- one that is there ---- */

static int
rewrap(struct work *w, const struct enrol_old *old, struct err *err)
{
	int rc;

	if (keysmith_import(
	        w->smith, old->armored, old->armored_len, err) < 0)
		return -1;
	rc = keysmith_change_passphrase(
	    w->smith, old->passphrase, passphrase_of(w), err);
	if (rc != 1)
		return rc;
	if (keysmith_public(w->smith, &w->public, err) < 0 ||
	    keysmith_private(w->smith, passphrase_of(w), &w->vault, err) < 0)
		return -1;
	return 1;
}

int
enrol_again(const struct crypt *c, const struct enrol_old *old,
    struct crypt_bytes password, int64_t now, struct enrolled **out,
    struct err *err)
{
	cleanup(work_free) struct work *w = NULL;
	cleanup(enrolled_free) struct enrolled *e = enrolled_new(old->address);
	cleanup(pgp_secret_free) struct pgp_secret *key = NULL;
	int rc = open_key(
	    c, old->armored, old->armored_len, old->passphrase, &key, err);

	if (rc != 1)
		return rc;
	if (e == NULL)
		return err_nomem(err);
	if (work_new(c, old->address, password, &w, err) < 0)
		return -1;
	rc = rewrap(w, old, err);
	if (rc != 1)
		return rc;
	if (prove(w, e, now, err) < 0)
		return -1;
	if (old->fingerprint != NULL &&
	    strcmp(old->fingerprint, e->fingerprint) != 0)
		return err_set(err, ERR_PERM,
		    "the key's fingerprint is %s, not %s", e->fingerprint,
		    old->fingerprint);
	if (write_file(w, e, now, err) < 0)
		return -1;
	*out = steal(&e);
	return 1;
}
