/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private key files, as a server may give them: what is unlocked has a
 * fingerprint, and a public part that says nothing of the secret one.
 */

#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "openpgp/secret.h"

static void
look_at(const struct pgp_secret *s)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_CERTIFICATE };
	size_t len = 0;

	CHECK(pgp_secret_fingerprint(s, &len) != NULL);
	CHECK(len == 20 || len == 32);
	CHECK(pgp_secret_public(s, &out, NULL) == 0);
	/* old or new format: the tag of a public key */
	CHECK(out.len > 0 && (out.data[0] & 0x3f) == 6);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "", "p\xc3\xa4ss w\xc3\xb6rd" };
	cleanup(crypt_close) struct crypt *c = NULL;

	CHECK(crypt_open(&c, NULL) == 0);
	for (size_t i = 0; i < countof(words); i++) {
		cleanup(pgp_secret_free) struct pgp_secret *s = NULL;
		struct err err = { 0 };
		int rc = pgp_secret_unlock(
		    c, data, size, words[i], strlen(words[i]), &s, &err);

		CHECK((rc == 1) == (s != NULL));
		CHECK(rc >= 0 || err.kind == ERR_PERM);
		if (rc == 1)
			look_at(s);
	}
	return 0;
}
