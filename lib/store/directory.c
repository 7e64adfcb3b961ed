/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Opening, what the parts of the directory share, and domains. */

#include "store/directory.h"

#include <string.h>

#include "base/limits.h"
#include "mail/address.h"
#include "store/directory_schema.h"

int
directory_create(const char *path, struct err *err)
{
	return database_create(path, &directory_schema, err);
}

int
directory_open(const char *path, enum store_mode mode, struct directory **out,
    struct err *err)
{
	cleanup(directory_close) struct directory *d = calloc(1, sizeof *d);

	if (d == NULL)
		return err_nomem(err);
	if (database_open(path, &directory_schema, mode, &d->db, err) < 0)
		return -1;
	*out = steal(&d);
	return 0;
}

void
directory_close(struct directory **dp)
{
	struct directory *d = steal(dp);

	if (d == NULL)
		return;
	database_close(&d->db);
	free(d);
}

int
directory_check_address(
    const char *address, const char **domain, struct err *err)
{
	char normal[ADDRESS_SIZE];

	if (address_normalize(address, normal, err) < 0)
		return -1;
	if (strcmp(address, normal) != 0)
		return err_set(err, ERR_PERM,
		    "address \"%s\": its normal form is %s", address, normal);
	*domain = strrchr(address, '@') + 1;
	return 0;
}

static int
open_with_texts(struct directory *d, enum directory_statement s, const char *a,
    const char *b, struct query *q, struct err *err)
{
	if (query_open(d->db, s, q, err) < 0)
		return -1;
	if (a != NULL)
		query_bind_text(q, 1, a);
	if (b != NULL)
		query_bind_text(q, 2, b);
	return 0;
}

int
directory_exists(struct directory *d, enum directory_statement s, const char *a,
    const char *b, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (open_with_texts(d, s, a, b, &q, err) < 0)
		return -1;
	return query_next(&q, err);
}

int
directory_change(struct directory *d, enum directory_statement s, const char *a,
    const char *b, int64_t *changes, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (open_with_texts(d, s, a, b, &q, err) < 0 || query_run(&q, err) < 0)
		return -1;
	if (changes != NULL)
		*changes = database_changes(d->db);
	return 0;
}

/* Appends the columns of a row, each with its NUL. */
static int
put_texts(struct query *q, int columns, struct buf *rows, struct err *err)
{
	for (int i = 0; i < columns; i++) {
		const char *text = NULL;

		if (query_text(q, i, &text, err) < 0 ||
		    buf_put(rows, text, strlen(text) + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int
read_texts(struct directory *d, enum directory_statement s, const char *key,
    int columns, struct buf *rows, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	if (open_with_texts(d, s, key, NULL, &q, err) < 0)
		return -1;
	while ((rc = query_next(&q, err)) > 0)
		if (put_texts(&q, columns, rows, err) < 0)
			return -1;
	return rc;
}

int
directory_list_texts(struct directory *d, enum directory_statement s,
    const char *key, directory_each_text each, void *ctx, struct err *err)
{
	cleanup(buf_reset) struct buf rows = { .limit = LIMIT_STORE_LIST };
	int columns = s == DOMAIN_LIST ? 1 : 2;

	if (read_texts(d, s, key, columns, &rows, err) < 0)
		return -1;
	for (size_t at = 0; at < rows.len;) {
		const char *a = (const char *)rows.data + at;
		const char *b = columns < 2 ? NULL : a + strlen(a) + 1;

		at += strlen(a) + 1 + (b == NULL ? 0 : strlen(b) + 1);
		if (each(ctx, a, b, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- domains ---- */

int
directory_need_domain(struct directory *d, const char *domain, struct err *err)
{
	int found = directory_exists(d, DOMAIN_FIND, domain, NULL, err);

	if (found == 0)
		return err_set(err, ERR_PERM,
		    "%s is no domain of this server: add it with `sealpost "
		    "domain add %s`",
		    domain, domain);
	return found < 0 ? -1 : 0;
}

static int
check_domain(const char *domain, struct err *err)
{
	char normal[ADDRESS_SIZE];

	if (domain_normalize(domain, normal, err) < 0)
		return -1;
	if (strcmp(domain, normal) != 0)
		return err_set(err, ERR_PERM,
		    "domain \"%s\": its normal form is %s", domain, normal);
	return 0;
}

int
directory_domain_add(struct directory *d, const char *domain, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (check_domain(domain, err) < 0 ||
	    database_begin(d->db, STORE_WRITE, &tx, err) < 0)
		return -1;

	int found = directory_exists(d, DOMAIN_FIND, domain, NULL, err);

	if (found < 0)
		return -1;
	if (found > 0)
		return err_set(
		    err, ERR_PERM, "domain %s exists already", domain);
	if (directory_change(d, DOMAIN_ADD, domain, NULL, NULL, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

/* Names one address that needs the domain. */
static int
check_unused(struct directory *d, const char *domain, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	const char *address = NULL;

	if (open_with_texts(d, DOMAIN_IN_USE, domain, NULL, &q, err) < 0)
		return -1;

	int rc = query_next(&q, err);

	if (rc <= 0)
		return rc;
	if (query_text(&q, 0, &address, err) < 0)
		return -1;
	return err_set(err, ERR_PERM,
	    "domain %s is in use: %s lies in it (and perhaps others)", domain,
	    address);
}

int
directory_domain_remove(
    struct directory *d, const char *domain, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	int64_t changes = 0;

	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    check_unused(d, domain, err) < 0 ||
	    directory_change(d, DOMAIN_REMOVE, domain, NULL, &changes, err) < 0)
		return -1;
	if (changes == 0)
		return err_set(
		    err, ERR_PERM, "%s is no domain of this server", domain);
	return database_commit(&tx, err);
}

int
directory_domain_list(
    struct directory *d, directory_each_text each, void *ctx, struct err *err)
{
	return directory_list_texts(d, DOMAIN_LIST, NULL, each, ctx, err);
}

int
directory_domain_find(struct directory *d, const char *domain, struct err *err)
{
	return directory_exists(d, DOMAIN_FIND, domain, NULL, err);
}
