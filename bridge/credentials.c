/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the bridge makes of a password. */
#include <string.h>

#include "base/limits.h"
#include "base/locked.h"
#include "crypt/login_secret.h"
#include "user.h"

/* Both texts lie behind the struct, in locked memory. */
struct block {
	struct credentials c;
	char login[LIMIT_PASSWORD + 1];
	char passphrase[LIMIT_PASSWORD + 1];
};

void
credentials_free(struct credentials **cp)
{
	locked_free(steal(cp), sizeof(struct block));
}

static void
set_login(struct block *b, const char *text, size_t len)
{
	memcpy(b->login, text, len);
	b->c.login = b->login;
	b->c.login_len = len;
}

static void
set_passphrase(struct block *b, const char *text, size_t len)
{
	memcpy(b->passphrase, text, len);
	b->c.passphrase = b->passphrase;
	b->c.passphrase_len = len;
}

static int
set_derived(struct block *b, const struct crypt *crypt,
    const struct account *a, struct crypt_bytes password, struct err *err)
{
	struct login_secret s;

	if (login_secret_derive(crypt, a->address, password, &s, err) < 0)
		return -1;
	if (a->login_secret)
		set_login(b, s.login, strlen(s.login));
	set_passphrase(b, s.passphrase, strlen(s.passphrase));
	login_secret_wipe(&s);
	return 0;
}

int
credentials_derive(const struct crypt *crypt, const struct account *a,
    const char *password, size_t len, struct credentials **out,
    struct err *err)
{
	if (len > LIMIT_PASSWORD)
		return err_set(err, ERR_PERM,
		    "the password has more than %d octets", LIMIT_PASSWORD);

	struct block *b = locked_new(sizeof *b);

	if (b == NULL)
		return err_nomem(err);

	cleanup(credentials_free) struct credentials *c = &b->c;

	set_login(b, password, len);
	set_passphrase(b, password, len);
	if ((a->login_secret || a->key == KEY_VAULT) &&
	    set_derived(b, crypt, a, (struct crypt_bytes){ password, len },
		err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}
