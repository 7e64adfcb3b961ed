/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Accounts of the directory. */

#include <string.h>

#include "base/limits.h"
#include "store/directory_schema.h"

void
account_free(struct account **ap)
{
	struct account *a = steal(ap);

	if (a == NULL)
		return;
	free(a->address);
	free(a->mechanisms);
	free(a);
}

/* The columns are ACCOUNT_COLUMNS of directory_schema.c. */
static int
account_of_row(struct query *q, struct account **out, struct err *err)
{
	cleanup(account_free) struct account *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_nomem(err);
	if (query_copy_text(q, 0, &a->address, err) < 0 ||
	    query_copy_text(q, 4, &a->mechanisms, err) < 0)
		return -1;
	a->enabled = query_int(q, 1) != 0;
	a->protect_subject = query_int(q, 2) != 0;
	a->quota_octets = (uint64_t)query_int(q, 3);
	a->created = query_int(q, 5);
	*out = steal(&a);
	return 0;
}

int
account_load(struct directory *d, const char *address, struct account **out,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, ACCOUNT_FIND, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);

	int rc = query_next(&q, err);

	if (rc <= 0)
		return rc;
	return account_of_row(&q, out, err) < 0 ? -1 : 1;
}

int
directory_account_find(struct directory *d, const char *address,
    struct account **out, struct err *err)
{
	return account_load(d, address, out, err);
}

static int
check_account(const struct account *a, const char **domain, struct err *err)
{
	if (a->quota_octets > INT64_MAX)
		return err_set(
		    err, ERR_PERM, "%s: the quota is too large", a->address);
	if (strlen(a->mechanisms) > LIMIT_MECHANISMS)
		return err_set(err, ERR_PERM,
		    "%s: the list of mechanisms is too long", a->address);
	return directory_check_address(a->address, domain, err);
}

static void
bind_account(struct query *q, const struct account *a)
{
	query_bind_text(q, 1, a->address);
	query_bind_int(q, 2, a->enabled);
	query_bind_int(q, 3, a->protect_subject);
	query_bind_int(q, 4, (int64_t)a->quota_octets);
	query_bind_text(q, 5, a->mechanisms);
}

static int
insert(struct directory *d, const struct account *a, const char *domain,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, ACCOUNT_ADD, &q, err) < 0)
		return -1;
	bind_account(&q, a);
	query_bind_int(&q, 6, a->created);
	query_bind_text(&q, 7, domain);
	return query_run(&q, err);
}

static int
check_new(struct directory *d, const char *address, struct err *err)
{
	int found = directory_exists(d, ACCOUNT_FIND, address, NULL, err);

	if (found > 0)
		return err_set(
		    err, ERR_PERM, "account %s exists already", address);
	if (found < 0)
		return -1;
	found = directory_exists(d, ALIAS_FIND, address, NULL, err);
	if (found > 0)
		return err_set(err, ERR_PERM,
		    "%s is an alias: remove it first, or mail would not "
		    "reach the account",
		    address);
	return found;
}

int
account_insert(struct directory *d, const struct account *a, struct err *err)
{
	const char *domain = NULL;

	if (check_account(a, &domain, err) < 0 ||
	    directory_need_domain(d, domain, err) < 0 ||
	    check_new(d, a->address, err) < 0)
		return -1;
	return insert(d, a, domain, err);
}

int
directory_account_add(
    struct directory *d, const struct account *a, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    account_insert(d, a, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

static int
no_account(const char *address, struct err *err)
{
	return err_set(err, ERR_PERM, "there is no account %s", address);
}

static int
update(struct directory *d, const struct account *a, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, ACCOUNT_UPDATE, &q, err) < 0)
		return -1;
	bind_account(&q, a);
	if (query_run(&q, err) < 0)
		return -1;
	return database_changes(d->db) > 0 ? 0 : no_account(a->address, err);
}

int
directory_account_update(
    struct directory *d, const struct account *a, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	const char *domain = NULL;

	if (check_account(a, &domain, err) < 0 ||
	    database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    update(d, a, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
directory_account_remove(
    struct directory *d, const char *address, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	int64_t changes = 0;

	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    directory_change(d, ACCOUNT_REMOVE, address, NULL, &changes, err) <
		0)
		return -1;
	if (changes == 0)
		return no_account(address, err);
	if (directory_change(d, ALIAS_REMOVE, address, address, NULL, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

/* ---- the list ---- */

struct account_list {
	struct account **accounts;
	size_t count, size;
};

static void
account_list_reset(struct account_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		account_free(&l->accounts[i]);
	free(l->accounts);
	*l = (struct account_list){ 0 };
}

static int
account_list_grow(struct account_list *l, struct err *err)
{
	size_t size = l->size == 0 ? 64 : l->size * 2;

	if (l->count < l->size)
		return 0;

	struct account **more =
	    reallocarray(l->accounts, size, sizeof(struct account *));

	if (more == NULL)
		return err_nomem(err);
	l->accounts = more;
	l->size = size;
	return 0;
}

static int
read_accounts(struct directory *d, struct account_list *l, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	if (query_open(d->db, ACCOUNT_LIST, &q, err) < 0)
		return -1;
	while ((rc = query_next(&q, err)) > 0) {
		if (account_list_grow(l, err) < 0 ||
		    account_of_row(&q, &l->accounts[l->count], err) < 0)
			return -1;
		l->count++;
	}
	return rc;
}

int
directory_account_list(struct directory *d, directory_each_account each,
    void *ctx, struct err *err)
{
	cleanup(account_list_reset) struct account_list l = { 0 };

	if (read_accounts(d, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (each(ctx, l.accounts[i], err) < 0)
			return -1;
	return 0;
}
