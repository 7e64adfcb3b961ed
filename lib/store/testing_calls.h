/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Every public function of lib/store once, on a file with known content, so
 * that its right answer is known: tests make the world around it fail and
 * assert that any other answer is ERR_TEMP.
 */
#ifndef STORE_TESTING_CALLS_H
#define STORE_TESTING_CALLS_H

#include "store/testing.h"

#include "store/directory.h"
#include "store/secrets.h"
#include "store/stats.h"

enum { WRONG_ANSWER = 99 };
enum store_file { FILE_DIRECTORY, FILE_SECRETS, FILE_STATS, FILES };

static const char testing_ann[] = "ann@example.org";

static inline struct account
testing_account(char *address)
{
	static char mechanisms[] = "PLAIN";

	return (struct account){
		.address = address,
		.enabled = true,
		.quota_octets = 1000,
		.mechanisms = mechanisms,
		.created = 12345,
	};
}

static inline void
must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

static inline void
testing_fill_directory(const char *path)
{
	struct directory *d = NULL;
	struct err err = { 0 };
	char a[] = "ann@example.org", b[] = "bob@example.org";
	struct account ann = testing_account(a), bob = testing_account(b);
	struct pgp_cert *c = testing_cert(1, 1000, 0);

	must(directory_create(path, &err), &err);
	must(directory_open(path, STORE_WRITE, &d, &err), &err);
	must(directory_domain_add(d, "example.org", &err), &err);
	must(directory_domain_add(d, "empty.example", &err), &err);
	must(directory_account_add(d, &ann, &err), &err);
	must(directory_account_add(d, &bob, &err), &err);
	must(directory_cert_put(d, a, c, 0, &err), &err);
	must(directory_alias_add(d, "info@example.org", a, &err), &err);
	pgp_cert_free(&c);
	directory_close(&d);
}

static inline void
testing_fill_secrets(const char *path)
{
	struct secrets *s = NULL;
	struct err err = { 0 };

	must(secrets_create(path, &err), &err);
	must(secrets_open(path, STORE_WRITE, &s, &err), &err);
	must(secrets_verifier_put(s, testing_ann, "{X}verifier", "", true,
	         &err),
	    &err);
	must(secrets_vault_put(s, testing_ann, "armor", "ABCD", &err), &err);
	secrets_close(&s);
}

static inline void
testing_fill_stats(const char *path)
{
	struct stats *s = NULL;
	struct err err = { 0 };
	struct stats_counters c = { .received = 3, .sealed = 2 };
	const struct stats_login login = { testing_ann, "PLAIN", 3, 1 };

	must(stats_create(path, &err), &err);
	must(stats_open(path, STORE_WRITE, &s, &err), &err);
	must(stats_add(s, testing_ann, 7200, &c, &err), &err);
	must(stats_add_logins(s, 86400, &login, 1, &err), &err);
	stats_close(&s);
}

static inline void
testing_fill(enum store_file file, const char *path)
{
	static void (*const fill[FILES])(const char *) = {
		[FILE_DIRECTORY] = testing_fill_directory,
		[FILE_SECRETS] = testing_fill_secrets,
		[FILE_STATS] = testing_fill_stats,
	};

	fill[file](path);
}

/* ---- directory ---- */

typedef int (*directory_call)(struct directory *d, struct err *err);

static inline int
count_text(void *ctx, const char *a, const char *b, struct err *err)
{
	int *count = ctx;

	(void)a;
	(void)b;
	(void)err;
	(*count)++;
	return 0;
}

static inline int
count_account(void *ctx, const struct account *a, struct err *err)
{
	int *count = ctx;

	(void)err;
	if (a->quota_octets == 1000 && strcmp(a->mechanisms, "PLAIN") == 0)
		(*count)++;
	return 0;
}

static inline int
if_count(int rc, int count, int right)
{
	if (rc < 0)
		return -1;
	return count == right ? 0 : WRONG_ANSWER;
}

static inline int
call_domain_add(struct directory *d, struct err *err)
{
	return directory_domain_add(d, "new.example", err);
}

static inline int
call_domain_remove(struct directory *d, struct err *err)
{
	return directory_domain_remove(d, "empty.example", err);
}

static inline int
call_domain_list(struct directory *d, struct err *err)
{
	int n = 0;
	int rc = directory_domain_list(d, count_text, &n, err);

	return if_count(rc, n, 2);
}

static inline int
call_domain_find(struct directory *d, struct err *err)
{
	return directory_domain_find(d, "example.org", err);
}

static inline int
call_alias_add(struct directory *d, struct err *err)
{
	return directory_alias_add(
	    d, "sales@example.org", "info@example.org", err);
}

static inline int
call_alias_remove(struct directory *d, struct err *err)
{
	return directory_alias_remove(d, "info@example.org", NULL, err);
}

static inline int
call_alias_list(struct directory *d, struct err *err)
{
	int n = 0;
	int rc =
	    directory_alias_list(d, "info@example.org", count_text, &n, err);

	return if_count(rc, n, 1);
}

static inline int
call_account_add(struct directory *d, struct err *err)
{
	char address[] = "carol@example.org";
	struct account a = testing_account(address);

	return directory_account_add(d, &a, err);
}

static inline int
call_account_update(struct directory *d, struct err *err)
{
	char address[] = "bob@example.org";
	struct account a = testing_account(address);

	a.enabled = false;
	return directory_account_update(d, &a, err);
}

static inline int
call_account_remove(struct directory *d, struct err *err)
{
	return directory_account_remove(d, "bob@example.org", err);
}

static inline int
call_account_find(struct directory *d, struct err *err)
{
	cleanup(account_free) struct account *a = NULL;
	int rc = directory_account_find(d, testing_ann, &a, err);

	if ((rc == 1) != (a != NULL))
		return WRONG_ANSWER;
	return rc;
}

static inline int
call_account_list(struct directory *d, struct err *err)
{
	int n = 0;
	int rc = directory_account_list(d, count_account, &n, err);

	return if_count(rc, n, 2);
}

static inline int
call_cert_put(struct directory *d, struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *c = testing_cert(1, 1000, 9);

	if (c == NULL)
		return err_nomem(err);
	return directory_cert_put(d, testing_ann, c, 0, err);
}

static inline int
call_directory_enrol(struct directory *d, struct err *err)
{
	char address[] = "enrolled@example.org";
	char none[] = "";
	const struct account a = { .address = address, .enabled = true,
		.mechanisms = none };
	cleanup(pgp_cert_free) struct pgp_cert *c = testing_cert(1, 1000, 9);

	if (c == NULL)
		return err_nomem(err);
	return directory_enrol(d, &a, c, 0, err);
}

static inline int
call_cert_remove(struct directory *d, struct err *err)
{
	return directory_cert_remove(
	    d, testing_ann, "0101010101010101010101010101010101010101", err);
}

static inline int
is_anns(const struct cert_list *l)
{
	return l->count == 1 && l->certs[0]->subkey_count == 2 &&
	       l->certs[0]->data_len == 300 &&
	       l->certs[0]->subkeys[0].packet_len == 50;
}

static inline int
call_cert_list(struct directory *d, struct err *err)
{
	cleanup(cert_list_reset) struct cert_list l = { 0 };
	int rc = directory_cert_list(d, testing_ann, &l, err);

	if (rc < 0)
		return l.certs == NULL ? -1 : WRONG_ANSWER;
	return is_anns(&l) ? 0 : WRONG_ANSWER;
}

static inline int
call_recipient_find(struct directory *d, struct err *err)
{
	cleanup(recipient_free) struct recipient *r = NULL;
	int rc =
	    directory_recipient_find(d, "Ann+Tag@Example.ORG", "+-", &r, err);

	if ((rc == 1) != (r != NULL) || (rc == 1 && !is_anns(&r->certs)))
		return WRONG_ANSWER;
	return rc;
}

/* ---- secrets ---- */

typedef int (*secrets_call)(struct secrets *s, struct err *err);

static inline int
call_verifier_put(struct secrets *s, struct err *err)
{
	return secrets_verifier_put(s, testing_ann, "{X}other", "", true, err);
}

static inline int
call_verifier_get(struct secrets *s, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = 1000, .secret = true };
	bool enabled = false;
	int rc = secrets_verifier_get(s, testing_ann, &b, &enabled, err);

	return rc == 1 && (b.len != 11 || !enabled) ? WRONG_ANSWER : rc;
}

static inline int
call_set_enabled(struct secrets *s, struct err *err)
{
	return secrets_set_enabled(s, testing_ann, false, err);
}

static inline int
call_set_mechanisms(struct secrets *s, struct err *err)
{
	return secrets_set_mechanisms(s, testing_ann, "PLAIN", err);
}

static inline int
call_login_get(struct secrets *s, struct err *err)
{
	struct secrets_login l = { .enabled = false };
	int rc = secrets_login_get(s, testing_ann, &l, err);

	return rc == 1 && (strcmp(l.verifier, "{X}verifier") != 0 || !l.enabled)
	    ? WRONG_ANSWER
	    : rc;
}

static inline int
call_server_get(struct secrets *s, struct err *err)
{
	uint8_t a[SECRETS_SERVER_LEN] = { 0 };
	const uint8_t nothing[SECRETS_SERVER_LEN] = { 0 };
	int rc = secrets_server_get(s, a, err);

	return rc == 0 && memcmp(a, nothing, sizeof a) == 0 ? WRONG_ANSWER
							    : rc;
}

static inline int
call_vault_put(struct secrets *s, struct err *err)
{
	return secrets_vault_put(s, testing_ann, "other", "AB", err);
}

static inline int
call_vault_get(struct secrets *s, struct err *err)
{
	cleanup(buf_reset) struct buf a = { .limit = 1000 };
	cleanup(buf_reset) struct buf f = { .limit = 1000 };
	int rc = secrets_vault_get(s, testing_ann, &a, &f, err);

	return rc == 1 && (a.len != 5 || f.len != 4) ? WRONG_ANSWER : rc;
}

static inline int
call_secrets_enrol(struct secrets *s, struct err *err)
{
	const struct secrets_enrolment e = { .address = testing_ann,
		.verifier = "{X}other",
		.mechanisms = "PLAIN",
		.armored = "other",
		.fingerprint = "AB" };

	return secrets_enrol(s, &e, err);
}

static inline int
call_secrets_remove(struct secrets *s, struct err *err)
{
	return secrets_remove(s, "bob@example.org", err);
}

/* ---- stats ---- */

typedef int (*stats_call)(struct stats *s, struct err *err);

static inline int
call_stats_add(struct stats *s, struct err *err)
{
	struct stats_counters c = { .sent = 1 };

	return stats_add(s, testing_ann, 7200, &c, err);
}

static inline int
call_stats_add_many(struct stats *s, struct err *err)
{
	struct stats_entry a = { testing_ann, 7200, { .sent = 1 } };
	struct stats_entry b = { "", 90000, { .sent = 1 } };
	struct stats_entry *const list[] = { &a, &b };

	return stats_add_many(s, list, countof(list), err);
}

static inline int
call_stats_add_logins(struct stats *s, struct err *err)
{
	const struct stats_login list[] = {
		{ testing_ann, "PLAIN", 2, 1 },
		{ "", "LOGIN", 0, 3 },
	};
	int64_t day = 0;

	if (stats_add_logins(s, 2 * 86400 + 5, list, countof(list), err) < 0)
		return -1;

	int rc = stats_last_login(s, testing_ann, &day, err);

	if (rc == 1 && day != 2 * 86400)
		return WRONG_ANSWER;
	return rc;
}

static inline int
count_logins(void *ctx, const char *mechanism, uint64_t ok, uint64_t failed,
    struct err *err)
{
	int *count = ctx;

	(void)mechanism;
	(void)err;
	*count += (int)(ok * 10 + failed);
	return 0;
}

static inline int
call_stats_list_mechanisms(struct stats *s, struct err *err)
{
	int n = 0;
	int rc = stats_list_mechanisms(s, 0, count_logins, &n, err);

	return if_count(rc, n, 31);
}

static inline int
call_stats_last_login(struct stats *s, struct err *err)
{
	int64_t day = 0;
	int rc = stats_last_login(s, testing_ann, &day, err);

	return rc == 1 && day != 86400 ? WRONG_ANSWER : rc;
}

static inline int
call_stats_sum(struct stats *s, struct err *err)
{
	struct stats_counters c = { 0 };
	int rc = stats_sum(s, testing_ann, 0, &c, err);

	return if_count(rc, (int)c.received, 3);
}

static inline int
count_stats(void *ctx, const char *address, const struct stats_counters *sum,
    struct err *err)
{
	int *count = ctx;

	(void)err;
	if (strcmp(address, testing_ann) == 0)
		*count += (int)sum->sealed;
	return 0;
}

static inline int
call_stats_list(struct stats *s, struct err *err)
{
	int n = 0;
	int rc = stats_list(s, 0, count_stats, &n, err);

	return if_count(rc, n, 2);
}

static inline int
call_stats_expire(struct stats *s, struct err *err)
{
	return stats_expire(s, 3600, err);
}

static inline int
call_stats_expire_hour(struct stats *s, struct err *err)
{
	struct stats_counters c = { .sent = 1 };

	/* so that there is an old one, whatever was before */
	if (stats_add(s, "bob@example.org", 0, &c, err) < 0)
		return -1;
	return stats_expire_hour(s, 3600, err);
}

/* ---- nothing: opening alone ---- */

static inline int
call_directory_only(struct directory *d, struct err *err)
{
	(void)d;
	(void)err;
	return 0;
}

static inline int
call_secrets_only(struct secrets *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

static inline int
call_stats_only(struct stats *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

/* ---- the table ---- */

struct store_call {
	const char *name;
	enum store_file file;
	enum store_mode mode;
	int right; /* the answer when nothing fails */
	directory_call directory;
	secrets_call secrets;
	stats_call stats;
};

#define DIRECTORY_CALL(name, mode, right)                                   \
	{                                                                   \
#name, FILE_DIRECTORY, mode, right, call_##name, NULL, NULL \
	}
#define SECRETS_CALL(name, mode, right)                                   \
	{                                                                 \
#name, FILE_SECRETS, mode, right, NULL, call_##name, NULL \
	}
#define STATS_CALL(name, mode, right)                                   \
	{                                                               \
#name, FILE_STATS, mode, right, NULL, NULL, call_##name \
	}

static const struct store_call store_calls[] = {
	DIRECTORY_CALL(domain_add, STORE_WRITE, 0),
	DIRECTORY_CALL(domain_remove, STORE_WRITE, 0),
	DIRECTORY_CALL(domain_list, STORE_READ, 0),
	DIRECTORY_CALL(domain_find, STORE_READ, 1),
	DIRECTORY_CALL(alias_add, STORE_WRITE, 0),
	DIRECTORY_CALL(alias_remove, STORE_WRITE, 0),
	DIRECTORY_CALL(alias_list, STORE_READ, 0),
	DIRECTORY_CALL(account_add, STORE_WRITE, 0),
	DIRECTORY_CALL(account_update, STORE_WRITE, 0),
	DIRECTORY_CALL(account_remove, STORE_WRITE, 0),
	DIRECTORY_CALL(account_find, STORE_READ, 1),
	DIRECTORY_CALL(account_list, STORE_READ, 0),
	DIRECTORY_CALL(cert_put, STORE_WRITE, 0),
	DIRECTORY_CALL(directory_enrol, STORE_WRITE, 0),
	DIRECTORY_CALL(cert_remove, STORE_WRITE, 1),
	DIRECTORY_CALL(cert_list, STORE_READ, 0),
	DIRECTORY_CALL(recipient_find, STORE_READ, 1),
	SECRETS_CALL(verifier_put, STORE_WRITE, 0),
	SECRETS_CALL(verifier_get, STORE_READ, 1),
	SECRETS_CALL(set_enabled, STORE_WRITE, 1),
	SECRETS_CALL(set_mechanisms, STORE_WRITE, 1),
	SECRETS_CALL(login_get, STORE_READ, 1),
	SECRETS_CALL(server_get, STORE_READ, 0),
	SECRETS_CALL(vault_put, STORE_WRITE, 0),
	SECRETS_CALL(vault_get, STORE_READ, 1),
	SECRETS_CALL(secrets_enrol, STORE_WRITE, 0),
	SECRETS_CALL(secrets_remove, STORE_WRITE, 0),
	STATS_CALL(stats_add, STORE_WRITE, 0),
	STATS_CALL(stats_add_many, STORE_WRITE, 0),
	STATS_CALL(stats_add_logins, STORE_WRITE, 1),
	STATS_CALL(stats_list_mechanisms, STORE_READ, 0),
	STATS_CALL(stats_last_login, STORE_READ, 1),
	STATS_CALL(stats_sum, STORE_READ, 0),
	STATS_CALL(stats_list, STORE_READ, 0),
	STATS_CALL(stats_expire, STORE_WRITE, 0),
	STATS_CALL(stats_expire_hour, STORE_WRITE, 1),
};

static inline int
run_directory(const struct store_call *c, const char *path, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;

	if (directory_open(path, c->mode, &d, err) < 0)
		return d == NULL ? -1 : WRONG_ANSWER;
	return c->directory(d, err);
}

static inline int
run_secrets(const struct store_call *c, const char *path, struct err *err)
{
	cleanup(secrets_close) struct secrets *s = NULL;

	if (secrets_open(path, c->mode, &s, err) < 0)
		return s == NULL ? -1 : WRONG_ANSWER;
	return c->secrets(s, err);
}

static inline int
run_stats(const struct store_call *c, const char *path, struct err *err)
{
	cleanup(stats_close) struct stats *s = NULL;

	if (stats_open(path, c->mode, &s, err) < 0)
		return s == NULL ? -1 : WRONG_ANSWER;
	return c->stats(s, err);
}

/* Opens the file, calls the function, closes the file. */
static inline int
run_call(const struct store_call *c, const char *path, struct err *err)
{
	switch (c->file) {
	case FILE_DIRECTORY:
		return run_directory(c, path, err);
	case FILE_SECRETS:
		return run_secrets(c, path, err);
	case FILE_STATS:
	case FILES:
		break;
	}
	return run_stats(c, path, err);
}

#endif
