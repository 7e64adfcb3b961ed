/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The tables of secrets.db are an interface to Dovecot's passdb (read-only):
 *
 * verifiers(address, verifier, enabled, mechanisms)
 *	verifier is "{SCRAM-SHA-256}...", enabled 0 or 1, mechanisms a copy of
 *	accounts.mechanisms in directory.db: names between blanks, or empty.
 * server(name, value)
 *	name "salt": what the salts of unknown users are made from.
 * vaults(address, armored, fingerprint)
 *	The protected private key, and its fingerprint in upper-case
 *	hexadecimal.
 */

#include "store/secrets.h"

#include <string.h>

#include "base/limits.h"
#include "mail/address.h"
#include "store/database.h"
#include "store/schemas.h"

struct secrets {
	struct database *db;
};

enum secrets_statement {
	VERIFIER_PUT,
	VERIFIER_GET,
	VERIFIER_ENABLE,
	VERIFIER_MECHANISMS,
	LOGIN_GET,
	SERVER_GET,
	VERIFIER_REMOVE,
	VAULT_PUT,
	VAULT_GET,
	VAULT_REMOVE,
	SECRETS_STATEMENT_COUNT
};

static const char version_1[] =
    "CREATE TABLE verifiers("
    "  address TEXT NOT NULL PRIMARY KEY,"
    "  verifier TEXT NOT NULL,"
    "  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1))"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE vaults("
    "  address TEXT NOT NULL PRIMARY KEY,"
    "  armored TEXT NOT NULL,"
    "  fingerprint TEXT NOT NULL"
    ") STRICT;";

static const char version_2[] =
    "ALTER TABLE verifiers ADD COLUMN mechanisms TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE server("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  value BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO server(name, value) VALUES ('salt', randomblob(32));";

static const char *const steps[] = { version_1, version_2 };

static const char *const statements[SECRETS_STATEMENT_COUNT] = {
	[VERIFIER_PUT] =
	    "INSERT INTO verifiers(address, verifier, enabled, mechanisms) "
	    "VALUES (?1, ?2, ?3, ?4) ON CONFLICT(address) DO UPDATE SET "
	    "verifier = excluded.verifier, enabled = excluded.enabled, "
	    "mechanisms = excluded.mechanisms",
	[VERIFIER_GET] =
	    "SELECT verifier, enabled FROM verifiers WHERE address = ?1",
	[VERIFIER_ENABLE] =
	    "UPDATE verifiers SET enabled = ?2 WHERE address = ?1",
	[VERIFIER_MECHANISMS] =
	    "UPDATE verifiers SET mechanisms = ?2 WHERE address = ?1",
	[LOGIN_GET] =
	    "SELECT verifier, mechanisms, enabled FROM verifiers "
	    "WHERE address = ?1",
	[SERVER_GET] = "SELECT value FROM server WHERE name = ?1",
	[VERIFIER_REMOVE] = "DELETE FROM verifiers WHERE address = ?1",
	[VAULT_PUT] =
	    "INSERT INTO vaults(address, armored, fingerprint) "
	    "VALUES (?1, ?2, ?3) ON CONFLICT(address) DO UPDATE SET "
	    "armored = excluded.armored, fingerprint = excluded.fingerprint",
	[VAULT_GET] =
	    "SELECT armored, fingerprint FROM vaults WHERE address = ?1",
	[VAULT_REMOVE] = "DELETE FROM vaults WHERE address = ?1",
};

const struct database_schema secrets_schema = {
	.name = "secrets",
	.application_id = 0x53504c53, /* "SPLS" */
	.steps = steps,
	.step_count = countof(steps),
	.statements = statements,
	.statement_count = SECRETS_STATEMENT_COUNT,
	.file_mode = 0640,
	.busy_timeout_ms = 1000,
	.journal = JOURNAL_ROLLBACK,
	.secure_delete = true,
};

int
secrets_create(const char *path, struct err *err)
{
	return database_create(path, &secrets_schema, err);
}

int
secrets_open(const char *path, enum store_mode mode, struct secrets **out,
    struct err *err)
{
	cleanup(secrets_close) struct secrets *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	if (database_open(path, &secrets_schema, mode, &s->db, err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

void
secrets_close(struct secrets **sp)
{
	struct secrets *s = steal(sp);

	if (s == NULL)
		return;
	database_close(&s->db);
	free(s);
}

/* What is stored under another form would never be found. */
static int
check_address(const char *address, struct err *err)
{
	char normal[ADDRESS_SIZE];

	if (address_normalize(address, normal, err) < 0)
		return -1;
	if (strcmp(address, normal) != 0)
		return err_set(err, ERR_PERM,
		    "address \"%s\": its normal form is %s", address, normal);
	return 0;
}

static int
check_mechanisms(const char *address, const char *mechanisms, struct err *err)
{
	if (strlen(mechanisms) > LIMIT_MECHANISMS)
		return err_set(err, ERR_PERM, "%s: too many mechanisms",
		    address);
	return 0;
}

/* Both are to be called inside a transaction. */
static int
put_verifier(struct secrets *s, const struct secrets_enrolment *e,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (check_address(e->address, err) < 0)
		return -1;
	if (strlen(e->verifier) > LIMIT_VERIFIER)
		return err_set(err, ERR_PERM, "%s: the verifier is too long",
		    e->address);
	if (check_mechanisms(e->address, e->mechanisms, err) < 0 ||
	    query_open(s->db, VERIFIER_PUT, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, e->address);
	query_bind_text(&q, 2, e->verifier);
	query_bind_int(&q, 3, e->enabled);
	query_bind_text(&q, 4, e->mechanisms);
	return query_run(&q, err);
}

static int
put_vault(struct secrets *s, const struct secrets_enrolment *e,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (check_address(e->address, err) < 0)
		return -1;
	if (strlen(e->armored) > LIMIT_VAULT ||
	    strlen(e->fingerprint) > LIMIT_VAULT)
		return err_set(
		    err, ERR_PERM, "%s: the vault is too large", e->address);
	if (query_open(s->db, VAULT_PUT, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, e->address);
	query_bind_text(&q, 2, e->armored);
	query_bind_text(&q, 3, e->fingerprint);
	return query_run(&q, err);
}

int
secrets_verifier_put(struct secrets *s, const char *address,
    const char *verifier, const char *mechanisms, bool enabled,
    struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	const struct secrets_enrolment e = { .address = address,
		.verifier = verifier,
		.mechanisms = mechanisms,
		.enabled = enabled };

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    put_verifier(s, &e, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

/* Opens a look-up by address: 1 there is a row, 0, -1. */
static int
find(struct secrets *s, enum secrets_statement which, const char *address,
    struct query *q, struct err *err)
{
	if (query_open(s->db, which, q, err) < 0)
		return -1;
	query_bind_text(q, 1, address);
	return query_next(q, err);
}

static int
put_column(struct query *q, int column, struct buf *out, struct err *err)
{
	const char *text = NULL;

	if (query_text(q, column, &text, err) < 0)
		return -1;
	return buf_puts(out, text, err);
}

int
secrets_verifier_get(struct secrets *s, const char *address, struct buf *out,
    bool *enabled, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc = find(s, VERIFIER_GET, address, &q, err);

	if (rc <= 0)
		return rc;
	if (put_column(&q, 0, out, err) < 0)
		return -1;
	*enabled = query_int(&q, 1) != 0;
	return 1;
}

/* Runs a prepared change inside tx: 1 done, 0 no such row. */
static int
change_row(struct query *q, struct database **tx, struct err *err)
{
	if (query_run(q, err) < 0)
		return -1;

	int found = database_changes(*tx) > 0;

	return database_commit(tx, err) < 0 ? -1 : found;
}

int
secrets_set_enabled(
    struct secrets *s, const char *address, bool enabled, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	cleanup(query_close) struct query q = { 0 };

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    query_open(s->db, VERIFIER_ENABLE, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	query_bind_int(&q, 2, enabled);
	return change_row(&q, &tx, err);
}

int
secrets_set_mechanisms(struct secrets *s, const char *address,
    const char *mechanisms, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	cleanup(query_close) struct query q = { 0 };

	if (check_mechanisms(address, mechanisms, err) < 0 ||
	    database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    query_open(s->db, VERIFIER_MECHANISMS, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	query_bind_text(&q, 2, mechanisms);
	return change_row(&q, &tx, err);
}

static int
copy_column(struct query *q, int column, char *out, size_t size,
    struct err *err)
{
	const char *text = NULL;

	if (query_text(q, column, &text, err) < 0)
		return -1;

	size_t len = strlen(text);

	if (len >= size)
		return err_set(err, ERR_TEMP, "secrets: it is damaged");
	memcpy(out, text, len + 1);
	return 0;
}

int
secrets_login_get(struct secrets *s, const char *address,
    struct secrets_login *out, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc = find(s, LOGIN_GET, address, &q, err);

	if (rc <= 0)
		return rc;
	if (copy_column(&q, 0, out->verifier, sizeof out->verifier, err) < 0 ||
	    copy_column(&q, 1, out->mechanisms, sizeof out->mechanisms, err) <
	        0)
		return -1;
	out->enabled = query_int(&q, 2) != 0;
	return 1;
}

int
secrets_server_get(struct secrets *s, uint8_t out[SECRETS_SERVER_LEN],
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	cleanup(free_bytes) uint8_t *value = NULL;
	size_t len = 0;
	int rc = find(s, SERVER_GET, "salt", &q, err);

	if (rc < 0 || (rc == 1 && query_copy_blob(&q, 0, SECRETS_SERVER_LEN,
	                              &value, &len, err) < 0))
		return -1;
	if (len != SECRETS_SERVER_LEN)
		return err_set(err, ERR_TEMP,
		    "secrets: the server's secret is missing");
	memcpy(out, value, len);
	explicit_bzero(value, len);
	return 0;
}

int
secrets_vault_put(struct secrets *s, const char *address, const char *armored,
    const char *fingerprint, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	const struct secrets_enrolment e = { .address = address,
		.armored = armored,
		.fingerprint = fingerprint };

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    put_vault(s, &e, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
secrets_enrol(
    struct secrets *s, const struct secrets_enrolment *e, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    put_verifier(s, e, err) < 0 || put_vault(s, e, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
secrets_vault_get(struct secrets *s, const char *address, struct buf *armored,
    struct buf *fingerprint, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc = find(s, VAULT_GET, address, &q, err);

	if (rc <= 0)
		return rc;
	if (put_column(&q, 0, armored, err) < 0 ||
	    put_column(&q, 1, fingerprint, err) < 0)
		return -1;
	return 1;
}

static int
remove_row(struct secrets *s, enum secrets_statement which, const char *address,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(s->db, which, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	return query_run(&q, err);
}

int
secrets_remove(struct secrets *s, const char *address, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(s->db, STORE_WRITE, &tx, err) < 0 ||
	    remove_row(s, VERIFIER_REMOVE, address, err) < 0 ||
	    remove_row(s, VAULT_REMOVE, address, err) < 0)
		return -1;
	return database_commit(&tx, err);
}
