/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a server tells the bridge while it logs in: SCRAM's messages, parted by
 * 0x1e, and responses to GETMETADATA and LIST. No server that does not know the
 * password is taken for the right one.
 */

#include <string.h>

#include "bridge/upstream_private.h"
#include "fuzz.h"
#include "proto/sasl_client.h"

enum { PART = 0x1e, ROUNDS_MAX = 5000, TEXT_MAX = 1 << 20 };

static void
check_scram(const struct crypt *c, const uint8_t *data, size_t size)
{
	const struct scram_setup setup = {
		.crypt = c,
		.user = "ann@one.example",
		.password = { "for-tests-only", 14 },
		.nonce = "nonce",
		.min_iterations = 4096,
		.max_iterations = ROUNDS_MAX,
	};
	cleanup(scram_client_free) struct scram_client *s = NULL;
	cleanup(buf_reset) struct buf final = { .limit = TEXT_MAX,
		.secret = true };
	const uint8_t *end = memchr(data, PART, size);
	size_t n = end == NULL ? size : (size_t)(end - data), len;
	struct crypt_bytes salt = { NULL, 0 };
	uint32_t rounds = 0;

	CHECK(scram_client_new(&setup, &s, NULL) == 0);
	CHECK(scram_client_first(s, &len) != NULL && len > 0);
	if (scram_client_take_first(s, data, n, &salt, &rounds, NULL) < 0)
		return;
	CHECK(rounds >= 4096 && rounds <= ROUNDS_MAX && salt.len > 0);
	CHECK(scram_client_final(s, &final, NULL) == 0);
	CHECK(memchr(final.data, '\n', final.len) == NULL);
	if (end != NULL)
		CHECK(scram_client_verify(
			  s, end + 1, size - n - 1, NULL) != 1);
}

static void
check_responses(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf response = { .limit = TEXT_MAX };
	cleanup(buf_reset) struct buf out = { .limit = TEXT_MAX };
	bool is_sent = false;

	if (size > TEXT_MAX / 2 || buf_put(&response, data, size, NULL) < 0)
		return;
	if (imap_metadata_value(&response,
		"/private/vendor/vendor.sealpost/vault", &out, NULL) <= 0)
		buf_clear(&out);
	CHECK(out.len <= size);
	buf_clear(&out);
	if (imap_list_entry(&response, &is_sent, &out, NULL) <= 0)
		buf_clear(&out);
	CHECK(out.len <= size + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(crypt_close) struct crypt *c = NULL;
	static const uint8_t nothing[1];

	if (size == 0)
		data = nothing;
	CHECK(crypt_open(&c, NULL) == 0);
	check_scram(c, data, size);
	check_responses(data, size);
	return 0;
}
