/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * directory.db: domains, aliases, accounts and their settings, certificates.
 * All of it is public knowledge; Postfix's stock sqlite maps read it too, so
 * its tables are an interface (directory_schema.c describes them).
 *
 * A handle belongs to one thread at a time. Every function may block on the
 * disk, and up to a second on a lock; a busy, locked, missing or damaged
 * database is ERR_TEMP, a wrong request ERR_PERM. Addresses are in normal form;
 * what is stored must be (ERR_PERM). A file that is removed or replaced while
 * it is open is ERR_TEMP from then on: close and open again.
 *
 * STORE_WRITE forks a guard that repairs the file should this process be
 * killed (store/guard.h): for programs of one thread.
 */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "base/buf.h"
#include "openpgp/cert.h"
#include "store/mode.h"

struct directory;

/* Creates the file and its schema, or migrates an older one. */
int directory_create(const char *path, struct err *err) must_check;
/*
 * Opens an existing file. ERR_PERM when its schema is newer than this program
 * knows or it is another program's; an older one is migrated by STORE_WRITE and
 * ERR_TEMP for STORE_READ. STORE_WRITE without permission is ERR_PERM.
 */
int directory_open(const char *path, enum store_mode mode,
    struct directory **out, struct err *err) must_check;
void directory_close(struct directory **dp);

struct account {
	char *address;
	bool enabled;
	bool protect_subject;
	uint64_t quota_octets; /* 0 = none */
	char *mechanisms;      /* "" = all that are configured */
	int64_t created;
};
void account_free(struct account **ap);

/*
 * Lists stop when the callback returns -1, which they return. Strings are
 * borrowed. All rows are read before the first call: no lock is held meanwhile,
 * and the callback may use the handle.
 */
typedef int (*directory_each_text)(
    void *ctx, const char *a, const char *b, struct err *err);
typedef int (*directory_each_account)(
    void *ctx, const struct account *a, struct err *err);

/*
 * ERR_PERM: exists already / does not exist / accounts or aliases lie in it.
 */
int directory_domain_add(
    struct directory *d, const char *domain, struct err *err) must_check;
int directory_domain_remove(
    struct directory *d, const char *domain, struct err *err) must_check;
int directory_domain_list(struct directory *d, directory_each_text each,
    void *ctx, struct err *err) must_check; /* a = domain, b = NULL */
/* 1 is a domain of ours, 0 it is not. */
int directory_domain_find(
    struct directory *d, const char *domain, struct err *err) must_check;

/*
 * ERR_PERM unless the address lies in a domain of ours, or when it would lead
 * in a circle. An account's address can be an alias only while the account
 * itself is among the targets (added first, removed last): mail for an account
 * never silently ceases to reach it. No catch-alls: an alias has a local part.
 */
int directory_alias_add(struct directory *d, const char *address,
    const char *target, struct err *err) must_check;
/* target NULL removes all targets of the address. ERR_PERM: no such alias. */
int directory_alias_remove(struct directory *d, const char *address,
    const char *target, struct err *err) must_check;
/* address NULL lists all; a = address, b = target. */
int directory_alias_list(struct directory *d, const char *address,
    directory_each_text each, void *ctx, struct err *err) must_check;

/* ERR_PERM: exists already, is an alias, or its domain is not ours. */
int directory_account_add(
    struct directory *d, const struct account *a, struct err *err) must_check;
/* Everything but `created`. ERR_PERM: no such account. */
int directory_account_update(
    struct directory *d, const struct account *a, struct err *err) must_check;
/*
 * Also removes its certificates, and the account from among its own aliases.
 * ERR_PERM: no such account.
 */
int directory_account_remove(
    struct directory *d, const char *address, struct err *err) must_check;
/* 1 and *out, 0 no such account, -1. */
int directory_account_find(struct directory *d, const char *address,
    struct account **out, struct err *err) must_check;
int directory_account_list(struct directory *d, directory_each_account each,
    void *ctx, struct err *err) must_check;

/*
 * Stores a vetted certificate with its subkeys in one transaction; one with
 * the same fingerprint is replaced (a renewed certificate). ERR_PERM: no such
 * account, or the certificate is larger than the limits.
 */
int directory_cert_put(struct directory *d, const char *address,
    const struct pgp_cert *cert, int64_t now, struct err *err) must_check;
/* A new account with its certificate, in one transaction. ERR_PERM as above. */
int directory_enrol(struct directory *d, const struct account *a,
    const struct pgp_cert *cert, int64_t now, struct err *err) must_check;
/* 1 removed, 0 no such certificate. fingerprint in upper-case hexadecimal. */
int directory_cert_remove(struct directory *d, const char *address,
    const char *fingerprint, struct err *err) must_check;

struct cert_list {
	struct pgp_cert **certs; /* newest first (by creation time) */
	size_t count;
};
void cert_list_reset(struct cert_list *l);
/* *out must be empty; an unknown account has none. */
int directory_cert_list(struct directory *d, const char *address,
    struct cert_list *out, struct err *err) must_check;

/* Everything the milter needs to know of a recipient. */
struct recipient {
	struct account *account;
	struct cert_list certs;
};
void recipient_free(struct recipient **rp);

/*
 * Looks a recipient up as Postfix wrote it (any case, extension possible):
 * exact match first, then without its extension. Aliases are not followed:
 * Postfix has expanded them. 1 and *out, 0 no such account, -1. Account and
 * certificates come from one snapshot of the database. What cannot be brought
 * into normal form is ERR_TEMP, not 0: somebody's rules may yet deliver it to
 * an account ("ann+x..y@" is Ann's to Postfix).
 */
int directory_recipient_find(struct directory *d, const char *address,
    const char *delimiters, struct recipient **out, struct err *err) must_check;

#endif
