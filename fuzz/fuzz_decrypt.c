/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Messages to a key that everybody has (RFC 9580, A.4): what is decrypted is
 * complete, and it is the same a second time; what is for gpg is left to it.
 */

#include <string.h>

#include "fuzz.h"
#include "openpgp/sample_testing.h"
#include "openpgp/secret.h"

enum { TEXT_MAX = 1 << 20 };

static int
decrypt(const struct pgp_secret *s, const uint8_t *data, size_t size,
    struct buf *out)
{
	struct err err = { 0 };
	int rc = pgp_secret_decrypt(s, data, size, sink_to_buf(out), &err);

	CHECK(rc >= 0 || err.kind == ERR_PERM);
	return rc;
}

static void
hand_on(const struct pgp_secret *s, const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf other = { .limit = TEXT_MAX };
	char key[PGP_SESSION_KEY_TEXT_SIZE];
	struct err err = { 0 };
	int rc = pgp_secret_for_gpg(s, data, size, key, &other, &err);

	CHECK(rc >= 0 || (err.kind == ERR_PERM && other.len == 0));
	if (rc == 1)
		CHECK(strlen(key) < sizeof key && strchr(key, ':') != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(crypt_close) struct crypt *c = NULL;
	cleanup(pgp_secret_free) struct pgp_secret *s = NULL;
	cleanup(buf_reset) struct buf once = { .limit = TEXT_MAX };
	cleanup(buf_reset) struct buf twice = { .limit = TEXT_MAX };

	CHECK(crypt_open(&c, NULL) == 0);
	CHECK(pgp_secret_unlock(
		  c, sample_key, sizeof sample_key - 1, "", 0, &s, NULL) == 1);

	int rc = decrypt(s, data, size, &once);

	CHECK(decrypt(s, data, size, &twice) == rc);
	if (rc == 1) {
		CHECK(once.len == twice.len);
		CHECK(once.len == 0 ||
		      memcmp(once.data, twice.data, once.len) == 0);
	}
	hand_on(s, data, size);
	return 0;
}
