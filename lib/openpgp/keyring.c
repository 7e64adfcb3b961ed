/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/keyring.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "openpgp/gpgme_door.h"

struct newest {
	char fingerprint[80];
	long made;
};

static void
look_at(void *ctx, gpgme_key_t key)
{
	struct newest *n = ctx;

	if (key->revoked || key->expired || key->disabled || key->invalid ||
	    !key->can_encrypt || key->subkeys == NULL || key->fpr == NULL ||
	    strlen(key->fpr) >= sizeof n->fingerprint)
		return;
	if (n->fingerprint[0] != '\0' && key->subkeys->timestamp <= n->made)
		return;
	n->made = key->subkeys->timestamp;
	memcpy(n->fingerprint, key->fpr, strlen(key->fpr) + 1);
}

int
pgp_keyring_certificate(const char *gnupg_home, const char *address,
    struct buf *out, struct err *err)
{
	cleanup(gpg_close) struct gpg *g = NULL;
	char pattern[LIMIT_ADDRESS + 3];
	struct newest newest = { .made = 0 };

	if (snprintf(pattern, sizeof pattern, "<%s>", address) >=
	    (int)sizeof pattern)
		return 0;
	if (gpg_each_key(
		gnupg_home, pattern, true, look_at, &newest, err) < 0)
		return -1;
	if (newest.fingerprint[0] == '\0')
		return 0;
	if (gpg_open(gnupg_home, &g, err) < 0)
		return -1;
	return gpg_export(g, newest.fingerprint, out, err) < 0 ? -1 : 1;
}
