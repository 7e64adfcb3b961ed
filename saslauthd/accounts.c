/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/accounts.h"

#include <string.h>

#include "base/buf.h"
#include "crypt/hash.h"

enum { TROUBLE_MS = 200, NAME_MAX_LEN = ADDRESS_SIZE + 8 };

struct accounts {
	const struct crypt *crypt;
	char *path;
	struct secrets *secrets; /* NULL: to be opened */
	uint8_t server[SECRETS_SERVER_LEN];
	int64_t trouble_until_ms;
};

int
accounts_new(const struct crypt *crypt, const char *path,
    struct accounts **out, struct err *err)
{
	cleanup(accounts_free) struct accounts *a = calloc(1, sizeof *a);

	if (a == NULL)
		return err_nomem(err);
	a->crypt = crypt;
	a->path = strdup(path);
	if (a->path == NULL)
		return err_nomem(err);
	*out = steal(&a);
	return 0;
}

void
accounts_free(struct accounts **ap)
{
	struct accounts *a = steal(ap);

	if (a == NULL)
		return;
	secrets_close(&a->secrets);
	explicit_bzero(a->server, sizeof a->server);
	free(a->path);
	free(a);
}

static int
open_secrets(struct accounts *a, struct err *err)
{
	if (a->secrets != NULL)
		return 0;
	if (secrets_open(a->path, STORE_READ, &a->secrets, err) < 0)
		return -1;
	return secrets_server_get(a->secrets, a->server, err);
}

/* HMAC(server's secret, what || name) */
static int
derive(const struct accounts *a, const char *what, const char *name,
    uint8_t out[VERIFIER_KEY_LEN], struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = NAME_MAX_LEN };

	if (buf_puts(&b, what, err) < 0 || buf_puts(&b, name, err) < 0)
		return -1;
	return hmac_of(a->crypt, HASH_SHA256,
	    (struct crypt_bytes) { a->server, sizeof a->server },
	    (struct crypt_bytes) { b.data, b.len }, out, err);
}

static int
make_nobody(const struct accounts *a, uint32_t iterations, struct login *l,
    struct err *err)
{
	struct verifier *v = &l->verifier;
	uint8_t salt[VERIFIER_KEY_LEN];

	v->iterations = iterations;
	v->salt_len = VERIFIER_SALT_LEN;
	if (derive(a, "salt:", l->address, salt, err) < 0 ||
	    derive(a, "key:", l->address, v->stored_key, err) < 0)
		return -1;
	memcpy(v->salt, salt, v->salt_len);
	memcpy(v->server_key, v->stored_key, sizeof v->server_key);
	return 0;
}

/* 1 it is an address, 0 it is none. */
static int
take_name(const char *name, struct login *l, struct err *err)
{
	struct err why = { 0 };

	if (address_normalize(name, l->address, &why) == 0)
		return 1;
	if (why.kind != ERR_PERM)
		return err_set(err, why.kind, "%s", why.text);
	(void)snprintf(l->address, sizeof l->address, "%s", name);
	return 0;
}

static int
find(struct accounts *a, const char *name, uint32_t iterations,
    struct login *l, struct err *err)
{
	int rc = open_secrets(a, err) < 0 ? -1 : take_name(name, l, err);

	if (rc == 1)
		rc = secrets_login_get(a->secrets, l->address, &l->row, err);
	if (rc < 0)
		return -1;
	l->known = rc == 1;
	if (!l->known)
		return make_nobody(a, iterations, l, err);
	if (verifier_parse(l->row.verifier, &l->verifier, err) < 0)
		return err_set(err, ERR_TEMP, "%s: the verifier is damaged",
		    l->address);
	return 0;
}

int
accounts_find(struct accounts *a, const char *name, uint32_t iterations,
    int64_t now_ms, struct login *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	if (now_ms < a->trouble_until_ms)
		return err_set(err, ERR_TEMP, "%s: not usable a moment ago",
		    a->path);
	if (find(a, name, iterations, out, err) == 0)
		return 0;
	if (err != NULL)
		err->kind = ERR_TEMP;
	if (out->row.verifier[0] == '\0') { /* not the fault of one row */
		secrets_close(&a->secrets);
		a->trouble_until_ms = now_ms + TROUBLE_MS;
	}
	return -1;
}
