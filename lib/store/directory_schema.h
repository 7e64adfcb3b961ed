/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the files of directory.db share, private to lib/store. */
#ifndef STORE_DIRECTORY_SCHEMA_H
#define STORE_DIRECTORY_SCHEMA_H

#include "store/database.h"
#include "store/directory.h"

struct directory {
	struct database *db;
};

extern const struct database_schema directory_schema;

enum directory_statement {
	DOMAIN_ADD,
	DOMAIN_REMOVE,
	DOMAIN_LIST,
	DOMAIN_FIND,
	DOMAIN_IN_USE,
	ALIAS_ADD,
	ALIAS_REMOVE,
	ALIAS_REMOVE_ALL,
	ALIAS_LIST,
	ALIAS_LIST_ALL,
	ALIAS_FIND,
	ALIAS_HAS_TARGET,
	ALIAS_CIRCLE,
	ACCOUNT_ADD,
	ACCOUNT_UPDATE,
	ACCOUNT_REMOVE,
	ACCOUNT_FIND,
	ACCOUNT_LIST,
	CERT_ADD,
	CERT_REMOVE,
	CERT_LIST,
	SUBKEY_ADD,
	SUBKEY_LIST,
	DIRECTORY_STATEMENT_COUNT
};

/* The domain of an address in normal form. ERR_PERM when it is none. */
int directory_check_address(
    const char *address, const char **domain, struct err *err) must_check;

/* Runs a statement with up to two texts: is there a row? 1, 0, -1. */
int directory_exists(struct directory *d, enum directory_statement s,
    const char *a, const char *b, struct err *err) must_check;

/* The same without a result: *changes (may be NULL) rows were changed. */
int directory_change(struct directory *d, enum directory_statement s,
    const char *a, const char *b, int64_t *changes, struct err *err) must_check;

/* 0, or ERR_PERM: the domain of an account or alias must be ours. */
int directory_need_domain(
    struct directory *d, const char *domain, struct err *err) must_check;

/* Reads a statement's rows of one or two texts, then calls for each. */
int directory_list_texts(struct directory *d, enum directory_statement s,
    const char *key, directory_each_text each, void *ctx,
    struct err *err) must_check;

/* To be called inside a transaction. */
int account_insert(struct directory *d, const struct account *a,
    struct err *err) must_check;
int account_load(struct directory *d, const char *address, struct account **out,
    struct err *err) must_check;
int cert_list_load(struct directory *d, const char *address,
    struct cert_list *out, struct err *err) must_check;

#endif
