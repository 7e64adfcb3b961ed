/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "store/metacache.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypt/gcm.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"
#include "store/database.h"

enum { NAME_LEN = 32, PENDING_MAX = 256, PENDING_OCTETS = 1 << 20 };

struct pending {
	uint8_t name[NAME_LEN];
	struct buf value; /* encrypted */
};

struct metacache {
	const struct crypt *crypt;
	uint8_t name_key[METACACHE_KEY_LEN];
	uint8_t value_key[GCM_KEY_LEN];
	pthread_mutex_t lock; /* guards what follows */
	struct database *db;
	struct pending pending[PENDING_MAX];
	size_t pending_count, pending_octets;
};

enum statement { ENTRY_GET, ENTRY_PUT, ENTRY_EXPIRE, STATEMENT_COUNT };

static const char version_1[] = "CREATE TABLE entries("
				"  id INTEGER PRIMARY KEY,"
				"  name BLOB NOT NULL UNIQUE,"
				"  value BLOB NOT NULL"
				") STRICT;";

static const char *const steps[] = { version_1 };

static const char *const statements[STATEMENT_COUNT] = {
	[ENTRY_GET] = "SELECT value FROM entries WHERE name = ?1",
	/* the new row gets a new id, the highest */
	[ENTRY_PUT] = "INSERT OR REPLACE INTO entries(name, value) "
		      "VALUES (?1, ?2)",
	[ENTRY_EXPIRE] = "DELETE FROM entries WHERE id <= "
			 "(SELECT max(id) FROM entries) - ?1",
};

static const struct database_schema schema = {
	.name = "message cache",
	.application_id = 0x53504d43, /* "SPMC" */
	.steps = steps,
	.step_count = countof(steps),
	.statements = statements,
	.statement_count = STATEMENT_COUNT,
	.file_mode = 0600,
	.busy_timeout_ms = 2000,
	.journal = JOURNAL_SHARED,
};

/* ---- names and values ---- */

static int
derive_keys(struct metacache *m, const uint8_t *key, struct err *err)
{
	const struct crypt_bytes from = { key, METACACHE_KEY_LEN };
	const struct crypt_bytes none = { "", 0 };
	const struct crypt_bytes names = { "names", 5 };
	const struct crypt_bytes values = { "values", 6 };

	if (hkdf_sha256(m->crypt, from, none, names, m->name_key,
		sizeof m->name_key, err) < 0)
		return -1;
	return hkdf_sha256(m->crypt, from, none, values, m->value_key,
	    sizeof m->value_key, err);
}

static int
hash_name(const struct metacache *m, struct crypt_bytes name,
    uint8_t out[NAME_LEN], struct err *err)
{
	const struct crypt_bytes key = { m->name_key, sizeof m->name_key };

	return hmac_of(m->crypt, HASH_SHA256, key, name, out, err);
}

static int
encrypt(const struct metacache *m, struct crypt_bytes value,
    struct pending *out, struct err *err)
{
	const struct crypt_bytes name = { out->name, NAME_LEN };

	out->value.limit = METACACHE_VALUE_MAX + GCM_OVERHEAD;
	if (buf_reserve(&out->value, value.len + GCM_OVERHEAD, err) < 0 ||
	    gcm_seal(m->crypt, m->value_key, name, value, out->value.data,
		err) < 0)
		return -1;
	out->value.len = value.len + GCM_OVERHEAD;
	return 0;
}

/* 1, or 0 when it is not what we have put there. */
static int
decrypt(const struct metacache *m, const uint8_t *name,
    struct crypt_bytes stored, struct buf *out, struct err *err)
{
	const struct crypt_bytes ad = { name, NAME_LEN };
	struct err why = { 0 };

	if (stored.len < GCM_OVERHEAD)
		return 0;
	if (buf_reserve(out, stored.len - GCM_OVERHEAD, err) < 0)
		return -1;
	if (gcm_open(m->crypt, m->value_key, ad, stored, out->data + out->len,
		&why) < 0)
		return why.kind == ERR_PERM ? 0
					    : err_set(err, why.kind, "%s",
						  why.text);
	out->len += stored.len - GCM_OVERHEAD;
	return 1;
}

/* ---- the file ---- */

static void
remove_file(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[4096];

	for (size_t i = 0; i < countof(suffixes); i++)
		if (snprintf(name, sizeof name, "%s%s", path, suffixes[i]) <
		    (int)sizeof name)
			(void)unlink(name);
}

static int
open_file(struct metacache *m, const char *path, struct err *err)
{
	if (database_create(path, &schema, err) < 0)
		return -1;
	return database_open(path, &schema, STORE_WRITE, &m->db, err);
}

/* ERR_PERM is another program's file, or a later version's: it is whole. */
static int
open_or_renew(struct metacache *m, const char *path, struct err *err)
{
	struct err why = { 0 };

	if (open_file(m, path, &why) == 0)
		return 0;
	if (why.kind != ERR_TEMP || !database_is_damaged(path))
		return err_set(err, why.kind, "%s", why.text);
	remove_file(path);
	return open_file(m, path, err);
}

int
metacache_open(const struct crypt *crypt, const char *path,
    const uint8_t key[METACACHE_KEY_LEN], struct metacache **out,
    struct err *err)
{
	struct metacache *m = calloc(1, sizeof *m);

	if (m == NULL)
		return err_nomem(err);
	m->crypt = crypt;
	if (pthread_mutex_init(&m->lock, NULL) != 0) {
		free(m);
		return err_nomem(err);
	}

	int rc = derive_keys(m, key, err);

	if (rc == 0)
		rc = open_or_renew(m, path, err);
	if (rc < 0)
		metacache_close(&m);
	*out = m;
	return rc;
}

static void
forget_pending(struct metacache *m)
{
	for (size_t i = 0; i < m->pending_count; i++)
		buf_reset(&m->pending[i].value);
	m->pending_count = m->pending_octets = 0;
}

static int
put_row(struct metacache *m, const struct pending *p, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(m->db, ENTRY_PUT, &q, err) < 0)
		return -1;
	query_bind_blob(&q, 1, p->name, NAME_LEN);
	query_bind_blob(&q, 2, p->value.data, p->value.len);
	return query_run(&q, err);
}

static int
expire(struct metacache *m, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(m->db, ENTRY_EXPIRE, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, METACACHE_ENTRIES_MAX);
	return query_run(&q, err);
}

static int
write_pending(struct metacache *m, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(m->db, STORE_WRITE, &tx, err) < 0)
		return -1;
	for (size_t i = 0; i < m->pending_count; i++)
		if (put_row(m, &m->pending[i], err) < 0)
			return -1;
	if (expire(m, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

/* Whatever comes of it: a cache waits for nothing. */
static int
flush(struct metacache *m, struct err *err)
{
	int rc = m->pending_count == 0 ? 0 : write_pending(m, err);

	forget_pending(m);
	return rc;
}

void
metacache_close(struct metacache **mp)
{
	struct metacache *m = steal(mp);
	struct err ignored = { 0 };

	if (m == NULL)
		return;
	if (m->db != NULL)
		(void)!flush(m, &ignored);
	database_close(&m->db);
	(void)pthread_mutex_destroy(&m->lock);
	explicit_bzero(m, sizeof *m);
	free(m);
}

/* ---- get and put ---- */

static int
get(struct metacache *m, const uint8_t *name, struct buf *value,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	cleanup(free_bytes) uint8_t *stored = NULL;
	size_t len = 0;

	if (query_open(m->db, ENTRY_GET, &q, err) < 0)
		return -1;
	query_bind_blob(&q, 1, name, NAME_LEN);

	int rc = query_next(&q, err);

	if (rc > 0 && query_copy_blob(&q, 0, METACACHE_VALUE_MAX + GCM_OVERHEAD,
			  &stored, &len, err) < 0)
		rc = -1;
	return rc <= 0 ? rc
		       : decrypt(m, name, (struct crypt_bytes){ stored, len },
			     value, err);
}

int
metacache_get(struct metacache *m, struct crypt_bytes name, struct buf *value,
    struct err *err)
{
	uint8_t hashed[NAME_LEN];
	int rc;

	if (hash_name(m, name, hashed, err) < 0)
		return -1;
	(void)pthread_mutex_lock(&m->lock);
	rc = get(m, hashed, value, err);
	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}

int
metacache_put(struct metacache *m, struct crypt_bytes name,
    struct crypt_bytes value, struct err *err)
{
	struct pending p = { 0 };
	int rc = 0;

	if (value.len > METACACHE_VALUE_MAX)
		return 0;
	if (hash_name(m, name, p.name, err) < 0 ||
	    encrypt(m, value, &p, err) < 0) {
		buf_reset(&p.value);
		return -1;
	}
	(void)pthread_mutex_lock(&m->lock);
	m->pending[m->pending_count++] = p;
	m->pending_octets += p.value.len;
	if (m->pending_count == PENDING_MAX ||
	    m->pending_octets >= PENDING_OCTETS)
		rc = flush(m, err);
	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}

int
metacache_flush(struct metacache *m, struct err *err)
{
	(void)pthread_mutex_lock(&m->lock);

	int rc = flush(m, err);

	(void)pthread_mutex_unlock(&m->lock);
	return rc;
}
