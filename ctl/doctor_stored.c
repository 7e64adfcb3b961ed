/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_probe.h"

#include <string.h>

#include "base/limits.h"
#include "mail/header.h"
#include "openpgp/seal.h"

/* ---- the stored message ---- */

static int
put_crlf(const uint8_t *text, size_t len, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r') &&
		    buf_putc(out, '\r', err) < 0)
			return -1;
		if (buf_putc(out, text[i], err) < 0)
			return -1;
	}
	return 0;
}

static int
feed_body(struct pgp_proof *proof, const struct message_parts *p,
    const char **reason, struct err *err)
{
	if (pgp_proof_feed(proof, p->body, p->body_len, err) < 0)
		return -1;
	return pgp_proof_finish(proof, reason, err);
}

/* Only the subkey that is used now counts. */
static int
prove(const struct buf *text, const struct pgp_cert *cert, char *reason,
    struct err *err)
{
	cleanup(message_parts_reset) struct message_parts p = { 0 };
	cleanup(pgp_proof_free) struct pgp_proof *proof = NULL;
	struct pgp_cert only = *cert;
	struct pgp_cert *const certs[] = { &only };
	const char *why = "its Content-Type is not that of a sealed message";

	if (header_split(text->data, text->len, &p, err) < 0)
		return -1;

	int rc = seal_proof_new(&p.header, certs, 1, &proof, err);

	if (rc > 0)
		rc = feed_body(proof, &p, &why, err);
	if (rc == 0)
		(void)snprintf(reason, DOCTOR_REASON_SIZE, "%s", why);
	return rc;
}

static bool
holds_canary(const void *text, size_t len, const char *canary)
{
	return memmem(text, len, canary, strlen(canary)) != NULL;
}

int
doctor_is_sealed(const void *text, size_t len, const char *canary,
    const struct cert_list *certs, int64_t now, char reason[DOCTOR_REASON_SIZE],
    struct err *err)
{
	cleanup(buf_reset) struct buf crlf = { .limit = LIMIT_HEADER };
	const struct pgp_cert *cert = NULL;
	enum pgp_unusable why;
	const struct pgp_subkey *k =
	    pgp_usable_subkey(certs->certs, certs->count, now, &cert, &why);

	if (holds_canary(text, len, canary)) {
		(void)snprintf(
		    reason, DOCTOR_REASON_SIZE, "it is stored as plaintext");
		return 0;
	}
	if (k == NULL) {
		(void)snprintf(reason, DOCTOR_REASON_SIZE,
		    "the account has no usable key: %s",
		    pgp_unusable_text(why));
		return 0;
	}
	if (put_crlf(text, len, &crlf, err) < 0)
		return -1;

	struct pgp_subkey subkey = *k;
	struct pgp_cert alone = *cert;

	alone.subkeys = &subkey;
	alone.subkey_count = 1;
	return prove(&crlf, &alone, reason, err);
}

/* ---- the queue ---- */

/* The string behind the key, up to its end; false when there is none. */
static bool
find_string(
    const char *line, size_t len, const char *key, char *out, size_t size)
{
	const char *at = memmem(line, len, key, strlen(key));
	size_t n = 0;

	if (at == NULL)
		return false;
	for (at += strlen(key); at < line + len && *at != '"'; at++) {
		if (*at == '\\' && at + 1 < line + len)
			at++;
		if (n + 1 < size)
			out[n++] = *at;
	}
	out[n] = '\0';
	return true;
}

bool
doctor_find_queued(const char *line, size_t len, const char *address,
    struct doctor_queued *out)
{
	char key[LIMIT_ADDRESS + 30];

	out->reason[0] = '\0';
	(void)snprintf(key, sizeof key, "\"address\": \"%s\"", address);
	if (memmem(line, len, key, strlen(key)) == NULL ||
	    !find_string(
		line, len, "\"queue_id\": \"", out->id, sizeof out->id))
		return false;
	/* it is a word of the shell later */
	if (out->id[strspn(out->id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz")] != '\0')
		return false;
	(void)find_string(
	    line, len, "\"delay_reason\": \"", out->reason, sizeof out->reason);
	return true;
}
