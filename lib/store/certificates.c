/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Certificates of the directory, and the milter's look-up. */

#include <string.h>

#include "base/limits.h"
#include "mail/address.h"
#include "store/directory_schema.h"

/* ---- writing ---- */

static int
check_cert(const struct pgp_cert *c, struct err *err)
{
	bool bad =
	    c->fingerprint_len == 0 ||
	    c->fingerprint_len > PGP_FINGERPRINT_MAX ||
	    c->data_len > LIMIT_CERTIFICATE ||
	    c->subkey_count > LIMIT_SUBKEYS ||
	    (c->user_ids != NULL && strlen(c->user_ids) > LIMIT_CERTIFICATE);

	for (size_t i = 0; !bad && i < c->subkey_count; i++)
		bad = c->subkeys[i].packet_len > LIMIT_PACKET_BODY ||
		      c->subkeys[i].fingerprint_len > PGP_FINGERPRINT_MAX;
	return bad ? err_set(err, ERR_PERM, "the certificate is too large") : 0;
}

static int
insert_subkey(struct directory *d, int64_t cert, const struct pgp_subkey *k,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, SUBKEY_ADD, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, cert);
	query_bind_blob(&q, 2, k->fingerprint, k->fingerprint_len);
	query_bind_int(&q, 3, k->version);
	query_bind_int(&q, 4, k->algorithm);
	query_bind_int(&q, 5, k->created);
	query_bind_int(&q, 6, k->expires);
	query_bind_int(&q, 7, k->revoked);
	query_bind_int(&q, 8, k->seipd2);
	query_bind_blob(&q, 9, k->packet, k->packet_len);
	return query_run(&q, err);
}

static int
insert_cert(struct directory *d, const char *address, const char *fingerprint,
    const struct pgp_cert *c, int64_t now, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };

	if (query_open(d->db, CERT_ADD, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	query_bind_text(&q, 2, fingerprint);
	query_bind_int(&q, 3, c->created);
	query_bind_int(&q, 4, c->expires);
	query_bind_int(&q, 5, c->revoked);
	query_bind_text(&q, 6, c->user_ids == NULL ? "" : c->user_ids);
	query_bind_blob(&q, 7, c->data, c->data_len);
	query_bind_int(&q, 8, now);
	if (query_run(&q, err) < 0)
		return -1;

	int64_t id = database_last_id(d->db);

	for (size_t i = 0; i < c->subkey_count; i++)
		if (insert_subkey(d, id, &c->subkeys[i], err) < 0)
			return -1;
	return 0;
}

static int
need_account(struct directory *d, const char *address, struct err *err)
{
	int found = directory_exists(d, ACCOUNT_FIND, address, NULL, err);

	if (found == 0)
		return err_set(
		    err, ERR_PERM, "there is no account %s", address);
	return found < 0 ? -1 : 0;
}

int
directory_cert_put(struct directory *d, const char *address,
    const struct pgp_cert *cert, int64_t now, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	char hex[PGP_FINGERPRINT_HEX_SIZE];

	if (check_cert(cert, err) < 0)
		return -1;
	(void)pgp_fingerprint_hex(
	    cert->fingerprint, cert->fingerprint_len, hex);
	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    need_account(d, address, err) < 0 ||
	    directory_change(d, CERT_REMOVE, address, hex, NULL, err) < 0 ||
	    insert_cert(d, address, hex, cert, now, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
directory_enrol(struct directory *d, const struct account *a,
    const struct pgp_cert *cert, int64_t now, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	char hex[PGP_FINGERPRINT_HEX_SIZE];

	if (check_cert(cert, err) < 0)
		return -1;
	(void)pgp_fingerprint_hex(
	    cert->fingerprint, cert->fingerprint_len, hex);
	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    account_insert(d, a, err) < 0 ||
	    insert_cert(d, a->address, hex, cert, now, err) < 0)
		return -1;
	return database_commit(&tx, err);
}

int
directory_cert_remove(struct directory *d, const char *address,
    const char *fingerprint, struct err *err)
{
	cleanup(database_rollback) struct database *tx = NULL;
	int64_t changes = 0;

	if (database_begin(d->db, STORE_WRITE, &tx, err) < 0 ||
	    directory_change(
		d, CERT_REMOVE, address, fingerprint, &changes, err) < 0 ||
	    database_commit(&tx, err) < 0)
		return -1;
	return changes > 0;
}

/* ---- reading ---- */

void
cert_list_reset(struct cert_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		pgp_cert_free(&l->certs[i]);
	free(l->certs);
	*l = (struct cert_list){ 0 };
}

static int
damaged(const char *what, struct err *err)
{
	return err_set(err, ERR_TEMP, "directory: a damaged %s", what);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
parse_fingerprint(const char *hex, struct pgp_cert *c, struct err *err)
{
	size_t n = strlen(hex);

	if (n == 0 || n % 2 != 0 || n > 2 * (size_t)PGP_FINGERPRINT_MAX)
		return damaged("fingerprint", err);
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(hex[i]);
		int low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return damaged("fingerprint", err);
		c->fingerprint[i / 2] = (uint8_t)(high << 4 | low);
	}
	c->fingerprint_len = n / 2;
	return 0;
}

static int
subkey_fingerprint(struct query *q, struct pgp_subkey *k, struct err *err)
{
	cleanup(free_bytes) uint8_t *data = NULL;

	if (query_copy_blob(
		q, 0, PGP_FINGERPRINT_MAX, &data, &k->fingerprint_len, err) < 0)
		return -1;
	memcpy(k->fingerprint, data, k->fingerprint_len);
	return 0;
}

static int
subkey_of_row(struct query *q, struct pgp_subkey *k, struct err *err)
{
	int64_t version = query_int(q, 1);
	int64_t algorithm = query_int(q, 2);

	if (version < 0 || version > UINT8_MAX || algorithm < 0 ||
	    algorithm > UINT8_MAX)
		return damaged("subkey", err);
	k->version = (uint8_t)version;
	k->algorithm = (uint8_t)algorithm;
	k->created = query_int(q, 3);
	k->expires = query_int(q, 4);
	k->revoked = query_int(q, 5) != 0;
	k->seipd2 = query_int(q, 6) != 0;
	if (subkey_fingerprint(q, k, err) < 0)
		return -1;
	return query_copy_blob(
	    q, 7, LIMIT_PACKET_BODY, &k->packet, &k->packet_len, err);
}

static int
load_subkeys(
    struct directory *d, int64_t id, struct pgp_cert *c, struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	c->subkeys = calloc(LIMIT_SUBKEYS, sizeof *c->subkeys);
	if (c->subkeys == NULL)
		return err_nomem(err);
	if (query_open(d->db, SUBKEY_LIST, &q, err) < 0)
		return -1;
	query_bind_int(&q, 1, id);
	while ((rc = query_next(&q, err)) > 0) {
		if (c->subkey_count == LIMIT_SUBKEYS)
			return damaged("certificate", err);
		if (subkey_of_row(&q, &c->subkeys[c->subkey_count++], err) < 0)
			return -1;
	}
	return rc;
}

static int
cert_of_row(struct directory *d, struct query *q, struct pgp_cert **out,
    struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *c = pgp_cert_new();
	const char *hex = NULL;

	if (c == NULL)
		return err_nomem(err);
	if (query_text(q, 1, &hex, err) < 0 ||
	    parse_fingerprint(hex, c, err) < 0 ||
	    query_copy_text(q, 5, &c->user_ids, err) < 0 ||
	    query_copy_blob(
		q, 6, LIMIT_CERTIFICATE, &c->data, &c->data_len, err) < 0)
		return -1;
	c->created = query_int(q, 2);
	c->expires = query_int(q, 3);
	c->revoked = query_int(q, 4) != 0;
	if (load_subkeys(d, query_int(q, 0), c, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

static int
append_cert(struct cert_list *l, struct pgp_cert **c, struct err *err)
{
	struct pgp_cert **more =
	    reallocarray(l->certs, l->count + 1, sizeof(struct pgp_cert *));

	if (more == NULL)
		return err_nomem(err);
	l->certs = more;
	l->certs[l->count++] = steal(c);
	return 0;
}

static int
read_certs(struct directory *d, const char *address, struct cert_list *l,
    struct err *err)
{
	cleanup(query_close) struct query q = { 0 };
	int rc;

	if (query_open(d->db, CERT_LIST, &q, err) < 0)
		return -1;
	query_bind_text(&q, 1, address);
	while ((rc = query_next(&q, err)) > 0) {
		cleanup(pgp_cert_free) struct pgp_cert *c = NULL;

		if (cert_of_row(d, &q, &c, err) < 0 ||
		    append_cert(l, &c, err) < 0)
			return -1;
	}
	return rc;
}

int
cert_list_load(struct directory *d, const char *address, struct cert_list *out,
    struct err *err)
{
	cleanup(cert_list_reset) struct cert_list l = { 0 };

	if (read_certs(d, address, &l, err) < 0)
		return -1;
	*out = l;
	l = (struct cert_list){ 0 };
	return 0;
}

int
directory_cert_list(struct directory *d, const char *address,
    struct cert_list *out, struct err *err)
{
	cleanup(cert_list_reset) struct cert_list l = { 0 };
	cleanup(database_rollback) struct database *tx = NULL;

	if (database_begin(d->db, STORE_READ, &tx, err) < 0 ||
	    cert_list_load(d, address, &l, err) < 0 ||
	    database_commit(&tx, err) < 0)
		return -1;
	*out = l;
	l = (struct cert_list){ 0 };
	return 0;
}

/* ---- the milter's question ---- */

void
recipient_free(struct recipient **rp)
{
	struct recipient *r = steal(rp);

	if (r == NULL)
		return;
	account_free(&r->account);
	cert_list_reset(&r->certs);
	free(r);
}

/* The exact address, then the one without its extension. */
static int
find_account(struct directory *d, const char *address, const char *delimiters,
    struct account **out, struct err *err)
{
	char stripped[ADDRESS_SIZE];
	int rc = account_load(d, address, out, err);

	if (rc != 0)
		return rc;
	if (address_strip_extension(address, delimiters, stripped) == 0)
		return 0;
	return account_load(d, stripped, out, err);
}

/* See the header: "not an address of ours" must not become "no account". */
static int
normal_form(const char *address, char out[ADDRESS_SIZE], struct err *err)
{
	if (address_normalize(address, out, err) == 0)
		return 0;
	if (err != NULL)
		err->kind = ERR_TEMP;
	return -1;
}

int
directory_recipient_find(struct directory *d, const char *address,
    const char *delimiters, struct recipient **out, struct err *err)
{
	cleanup(recipient_free) struct recipient *r = calloc(1, sizeof *r);
	cleanup(database_rollback) struct database *tx = NULL;
	char normal[ADDRESS_SIZE];

	if (r == NULL)
		return err_nomem(err);
	if (normal_form(address, normal, err) < 0 ||
	    database_begin(d->db, STORE_READ, &tx, err) < 0)
		return -1;

	int rc = find_account(d, normal, delimiters, &r->account, err);

	if (rc > 0 &&
	    cert_list_load(d, r->account->address, &r->certs, err) < 0)
		return -1;
	if (rc < 0 || database_commit(&tx, err) < 0)
		return -1;
	if (rc > 0)
		*out = steal(&r);
	return rc;
}
