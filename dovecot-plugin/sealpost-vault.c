/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sealpost-vault.h"

#include <string.h>

#include "base/limits.h"
#include "mail/address.h"
#include "store/secrets.h"

static int
get(const char *path, const char *user, struct buf *armored,
    struct buf *fingerprint, struct err *err)
{
	cleanup(secrets_close) struct secrets *s = NULL;
	char address[ADDRESS_SIZE];

	/* whoever is no address has no account, and so no vault */
	if (address_normalize(user, address, NULL) < 0)
		return 0;
	if (secrets_open(path, STORE_READ, &s, err) < 0)
		return -1;
	return secrets_vault_get(s, address, armored, fingerprint, err);
}

int
sealpost_vault_get(const char *path, const char *user,
    enum sealpost_vault_part part, void (*take)(void *ctx, const char *text),
    void *ctx, char *error, size_t error_size)
{
	cleanup(buf_reset) struct buf armored = {
		.limit = LIMIT_VAULT, .secret = true
	};
	cleanup(buf_reset) struct buf fingerprint = { .limit = LIMIT_VAULT };
	struct err err = { 0 };
	const char *text = NULL;
	int rc = get(path, user, &armored, &fingerprint, &err);

	if (rc > 0)
		text = buf_str(part == SEALPOST_VAULT_ARMORED ? &armored :
		                                                &fingerprint,
		    &err);
	if (rc < 0 || (rc > 0 && text == NULL)) {
		snprintf(error, error_size, "%s", err.text);
		return -1;
	}
	if (rc > 0)
		take(ctx, text);
	return rc;
}
