/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Aliases of the directory. */

#include <string.h>

#include "store/directory_schema.h"

/*
 * Postfix looks at aliases first: one with an account's address would take
 * its mail away. With the account among its own targets it gets a copy.
 */
static int
check_account(struct directory *d, const char *address, const char *target,
    struct err *err)
{
	int account = directory_exists(d, ACCOUNT_FIND, address, NULL, err);

	if (account < 0)
		return -1;
	if (strcmp(address, target) == 0)
		return account > 0 ? 0
				   : err_set(err, ERR_PERM,
					 "%s leads to itself and is no account",
					 address);
	if (account == 0)
		return 0;

	int itself =
	    directory_exists(d, ALIAS_HAS_TARGET, address, address, err);

	if (itself == 0)
		return err_set(err, ERR_PERM,
		    "%s is an account: to forward a copy make it a target of "
		    "its own first (`sealpost alias add %s %s`)",
		    address, address, address);
	return itself < 0 ? -1 : 0;
}

static int
check_circle(struct directory *d, const char *address, const char *target,
    struct err *err)
{
	int own = directory_exists(d, ALIAS_HAS_TARGET, address, address, err);

	if (own != 0 || strcmp(address, target) == 0)
		return own < 0 ? -1 : 0;

	int circle = directory_exists(d, ALIAS_CIRCLE, address, target, err);

	if (circle > 0)
		return err_set(err, ERR_PERM,
		    "an alias from %s to %s would lead in a circle", address,
		    target);
	return circle;
}

static int
check_new(struct directory *d, const char *address, const char *target,
    struct err *err)
{
	int known = directory_exists(d, ALIAS_HAS_TARGET, address, target, err);

	if (known > 0)
		return err_set(err, ERR_PERM,
		    "the alias %s to %s exists already", address, target);
	if (known < 0 || check_account(d, address, target, err) < 0)
		return -1;
	return check_circle(d, address, target, err);
}

static int
insert(struct directory *d, const char *address, const char *target,
    const char *domain, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, ALIAS_ADD, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	query_bind_text(&q, 2, target);
	query_bind_text(&q, 3, domain);
	return query_run(&q, err);
}

int
directory_alias_add(struct directory *d, const char *address,
    const char *target, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	const char *domain = NULL;
	const char *target_domain = NULL;

	if (directory_check_address(address, &domain, err) < 0 ||
	    directory_check_address(target, &target_domain, err) < 0 ||
	    database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    directory_need_domain(d, domain, err) < 0 ||
	    check_new(d, address, target, err) < 0 ||
	    insert(d, address, target, domain, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

/* After a removal: an account that still is an alias must lead to itself. */
static int
check_left(struct directory *d, const char *address, struct err *err)
{
	int account = directory_exists(d, ACCOUNT_FIND, address, NULL, err);

	if (account <= 0)
		return account;

	int alias = directory_exists(d, ALIAS_FIND, address, NULL, err);

	if (alias <= 0)
		return alias;

	int itself =
	    directory_exists(d, ALIAS_HAS_TARGET, address, address, err);

	if (itself == 0)
		return err_set(err, ERR_PERM,
		    "%s is an account: remove its other targets first, or its "
		    "mail would not reach it",
		    address);
	return itself < 0 ? -1 : 0;
}

int
directory_alias_remove(struct directory *d, const char *address,
    const char *target, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	int64_t changes = 0;

	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    directory_change(d,
		target == NULL ? ALIAS_REMOVE_ALL : ALIAS_REMOVE, address,
		target, &changes, err) < 0)
		return -1;
	if (changes == 0)
		return err_set(err, ERR_PERM, "there is no alias %s%s%s",
		    address, target == NULL ? "" : " to ",
		    target == NULL ? "" : target);
	if (check_left(d, address, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
directory_alias_list(struct directory *d, const char *address,
    directory_each_text each, void *ctx, struct err *err)
{
	return directory_list_texts(d,
	    address == NULL ? ALIAS_LIST_ALL : ALIAS_LIST, address, each, ctx,
	    err);
}
