/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * JSON is read by SQLite, which is here anyhow, has a strict parser that is
 * tested and fuzzed more than most, and bounds the depth. What it lets through
 * and we do not (broken UTF-8, NUL, a name twice) is checked here.
 */
#include "store/enrolment.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

enum { SHORT = 100 };

/* All members but "version", which is a number. */
static const struct member {
	const char *name;
	size_t field; /* offset of its text */
	size_t limit; /* octets */
} members[] = {
#define MEMBER(name_, limit_)                                             \
	{ #name_, offsetof(struct enrolment, name_), limit_ }
	MEMBER(format, SHORT),
	MEMBER(address, LIMIT_ADDRESS),
	MEMBER(created, SHORT),
	MEMBER(fingerprint, SHORT),
	MEMBER(certificate, 2 * LIMIT_CERTIFICATE),
	MEMBER(verifier, LIMIT_VERIFIER),
	MEMBER(vault, LIMIT_VAULT),
#undef MEMBER
};

void
enrolment_free(struct enrolment **ep)
{
	struct enrolment *e = steal(ep);

	if (e == NULL)
		return;
	free(e->format);
	free(e->address);
	free(e->created);
	free(e->fingerprint);
	free(e->certificate);
	free(e->verifier);
	free(e->vault);
	free(e);
}

static int
not_text(struct err *err)
{
	return err_set(err, ERR_PERM, "it is not UTF-8 text");
}

static int
check_utf8(const char *text, size_t n, struct err *err)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_character(text + i, n - i);
		if (len == 0 || text[i] == '\0')
			return not_text(err);
	}
	return 0;
}

/* SQLite ends a text at an escaped NUL; no member has use for one. */
static int
check_nul(const char *text, size_t n, struct err *err)
{
	static const char nul[] = "\\u0000";

	if (memmem(text, n, nul, sizeof nul - 1) != NULL)
		return not_text(err);
	return 0;
}

static void
close_sqlite(sqlite3 **db)
{
	(void)sqlite3_close(*db);
	*db = NULL;
}

static void
finalize(sqlite3_stmt **stmt)
{
	(void)sqlite3_finalize(*stmt);
	*stmt = NULL;
}

static int
sqlite_failed(int rc, struct err *err)
{
	if (rc == SQLITE_NOMEM)
		return err_nomem(err);
	return err_set(err, ERR_TEMP, "read JSON: %s", sqlite3_errstr(rc));
}

static int
prepare(sqlite3 *db, const char *sql, const char *text, size_t n,
    sqlite3_stmt **out, struct err *err)
{
	int rc = sqlite3_prepare_v3(db, sql, -1, 0, out, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(*out, 1, text, (int)n, SQLITE_STATIC);
	return rc == SQLITE_OK ? 0 : sqlite_failed(rc, err);
}

static int
check_object(sqlite3 *db, const char *text, size_t n, struct err *err)
{
	cleanup(finalize) sqlite3_stmt *stmt = NULL;

	if (prepare(db,
	        "SELECT iif(json_valid(?1), json_type(?1) = 'object', 0)",
	        text, n, &stmt, err) < 0)
		return -1;

	int rc = sqlite3_step(stmt);

	if (rc != SQLITE_ROW)
		return sqlite_failed(rc, err);
	if (sqlite3_column_int(stmt, 0) != 1)
		return err_set(err, ERR_PERM, "it is not one JSON object");
	return 0;
}

static int
take_version(sqlite3_stmt *row, bool *seen, struct err *err)
{
	if (*seen)
		return err_set(err, ERR_PERM, "\"version\" stands twice");
	*seen = true;
	if (sqlite3_column_type(row, 1) != SQLITE_INTEGER ||
	    sqlite3_column_int64(row, 1) < 1)
		return err_set(err, ERR_PERM, "\"version\" is no number");
	if (sqlite3_column_int64(row, 1) > ENROLMENT_VERSION)
		return err_set(err, ERR_PERM,
		    "a newer program made it (version %lld; this one knows "
		    "%d)",
		    (long long)sqlite3_column_int64(row, 1),
		    ENROLMENT_VERSION);
	return 0;
}

static int
take_text(sqlite3_stmt *row, const struct member *m, char **field,
    struct err *err)
{
	if (*field != NULL)
		return err_set(err, ERR_PERM, "\"%s\" stands twice", m->name);
	if (sqlite3_column_type(row, 1) != SQLITE_TEXT)
		return err_set(err, ERR_PERM, "\"%s\" is no text", m->name);

	const char *text = (const char *)sqlite3_column_text(row, 1);
	size_t n = (size_t)sqlite3_column_bytes(row, 1);

	if (text == NULL)
		return err_nomem(err);
	if (n > m->limit)
		return err_set(err, ERR_PERM, "\"%s\" is too long", m->name);
	if (check_utf8(text, n, err) < 0)
		return err_context(err, "\"%s\"", m->name);
	*field = strdup(text);
	return *field == NULL ? err_nomem(err) : 0;
}

static char **
field_of(struct enrolment *e, const struct member *m)
{
	return (char **)(void *)((char *)e + m->field);
}

static int
take_member(sqlite3_stmt *row, struct enrolment *e, bool *has_version,
    struct err *err)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);

	if (name == NULL)
		return err_nomem(err);
	if (strcmp(name, "version") == 0)
		return take_version(row, has_version, err);
	for (size_t i = 0; i < countof(members); i++)
		if (strcmp(name, members[i].name) == 0)
			return take_text(row, &members[i],
			    field_of(e, &members[i]), err);
	return err_set(err, ERR_PERM, "\"%.40s\" is unknown", name);
}

static int
check_complete(struct enrolment *e, bool has_version, struct err *err)
{
	if (e->format == NULL || strcmp(e->format, ENROLMENT_FORMAT) != 0)
		return err_set(err, ERR_PERM, "it is no enrolment file");
	if (!has_version)
		return err_set(err, ERR_PERM, "\"version\" is missing");
	for (size_t i = 0; i < countof(members); i++)
		if (*field_of(e, &members[i]) == NULL)
			return err_set(err, ERR_PERM, "\"%s\" is missing",
			    members[i].name);
	return 0;
}

static int
read_members(sqlite3 *db, const char *text, size_t n, struct enrolment *e,
    struct err *err)
{
	cleanup(finalize) sqlite3_stmt *stmt = NULL;
	bool has_version = false;
	int rc;

	if (prepare(db, "SELECT key, atom FROM json_each(?1)", text, n, &stmt,
	        err) < 0)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		if (take_member(stmt, e, &has_version, err) < 0)
			return -1;
	if (rc != SQLITE_DONE)
		return sqlite_failed(rc, err);
	return check_complete(e, has_version, err);
}

int
enrolment_parse(const char *text, size_t n, struct enrolment **out,
    struct err *err)
{
	cleanup(enrolment_free) struct enrolment *e = calloc(1, sizeof *e);
	cleanup(close_sqlite) sqlite3 *db = NULL;

	if (e == NULL)
		return err_nomem(err);
	if (n > LIMIT_ENROLMENT)
		return err_set(err, ERR_PERM,
		    "too large for an enrolment file: more than %d octets",
		    LIMIT_ENROLMENT);
	if (check_utf8(text, n, err) < 0 || check_nul(text, n, err) < 0)
		return -1;

	int rc = sqlite3_open_v2(":memory:", &db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc != SQLITE_OK)
		return sqlite_failed(rc, err);
	if (check_object(db, text, n, err) < 0 ||
	    read_members(db, text, n, e, err) < 0)
		return -1;
	*out = steal(&e);
	return 0;
}
