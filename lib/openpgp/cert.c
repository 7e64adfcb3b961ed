/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/cert.h"

#include <string.h>

#include "base/limits.h"

/* How far the clock of this machine may lag behind the key's maker. */
enum { CLOCK_LAG_SECONDS = 600 };

struct pgp_cert *
pgp_cert_new(void)
{
	return calloc(1, sizeof(struct pgp_cert));
}

void
pgp_cert_free(struct pgp_cert **cp)
{
	struct pgp_cert *c = steal(cp);

	if (c == NULL)
		return;
	for (size_t i = 0; c->subkeys != NULL && i < c->subkey_count; i++)
		free(c->subkeys[i].packet);
	free(c->subkeys);
	free(c->user_ids);
	free(c->data);
	free(c);
}

int
pgp_cert_add_subkey(
    struct pgp_cert *c, const struct pgp_subkey *subkey, struct err *err)
{
	if (c->subkey_count >= LIMIT_SUBKEYS)
		return err_set(err, ERR_PERM, "more than %d encryption subkeys",
		    LIMIT_SUBKEYS);

	size_t count = c->subkey_count;
	struct pgp_subkey *subkeys =
	    reallocarray(c->subkeys, count + 1, sizeof *subkeys);

	if (subkeys == NULL)
		return err_nomem(err);
	c->subkeys = subkeys;

	uint8_t *packet = malloc(subkey->packet_len + 1);

	if (packet == NULL)
		return err_nomem(err);
	if (subkey->packet_len > 0)
		memcpy(packet, subkey->packet, subkey->packet_len);

	size_t at = count;

	for (; at > 0 && subkeys[at - 1].created < subkey->created; at--)
		subkeys[at] = subkeys[at - 1];
	subkeys[at] = *subkey;
	subkeys[at].packet = packet;
	c->subkey_count++;
	return 0;
}

const char *
pgp_fingerprint_hex(
    const uint8_t *fingerprint, size_t len, char out[PGP_FINGERPRINT_HEX_SIZE])
{
	static const char digits[] = "0123456789ABCDEF";

	if (len > PGP_FINGERPRINT_MAX)
		len = PGP_FINGERPRINT_MAX;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[fingerprint[i] >> 4];
		out[2 * i + 1] = digits[fingerprint[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

void
pgp_key_id(const uint8_t *fingerprint, size_t len, uint8_t out[8])
{
	if (len == 20)
		memcpy(out, fingerprint + 12, 8);
	else if (len >= 8)
		memcpy(out, fingerprint, 8);
	else
		memset(out, 0, 8);
}

const char *
pgp_unusable_text(enum pgp_unusable why)
{
	switch (why) {
	case PGP_USABLE:
		return "usable";
	case PGP_NO_CERTIFICATE:
		return "no certificate";
	case PGP_REVOKED:
		return "revoked";
	case PGP_EXPIRED:
		return "expired";
	case PGP_NOT_YET_VALID:
		return "not yet valid";
	case PGP_NO_ENCRYPTION_SUBKEY:
		return "no encryption subkey";
	}
	return "unusable";
}

static enum pgp_unusable
judge(bool revoked, int64_t created, int64_t expires, int64_t now)
{
	if (revoked)
		return PGP_REVOKED;
	if (expires != 0 && expires <= now)
		return PGP_EXPIRED;
	if (created > now && created - now > CLOCK_LAG_SECONDS)
		return PGP_NOT_YET_VALID;
	return PGP_USABLE;
}

/* The newest subkey of one certificate that is usable, or NULL and *why. */
static const struct pgp_subkey *
usable_in(const struct pgp_cert *c, int64_t now, enum pgp_unusable *why)
{
	const struct pgp_subkey *newest = NULL;
	const struct pgp_subkey *usable = NULL;

	*why = judge(c->revoked, c->created, c->expires, now);
	if (*why != PGP_USABLE)
		return NULL;
	*why = PGP_NO_ENCRYPTION_SUBKEY;
	for (size_t i = 0; i < c->subkey_count; i++) {
		const struct pgp_subkey *k = &c->subkeys[i];
		enum pgp_unusable verdict =
		    judge(k->revoked, k->created, k->expires, now);

		if (newest == NULL || k->created > newest->created) {
			newest = k;
			*why = verdict;
		}
		if (verdict == PGP_USABLE &&
		    (usable == NULL || k->created > usable->created))
			usable = k;
	}
	if (usable != NULL)
		*why = PGP_USABLE;
	return usable;
}

const struct pgp_subkey *
pgp_usable_subkey(struct pgp_cert *const *certs, size_t count, int64_t now,
    const struct pgp_cert **cert, enum pgp_unusable *why)
{
	enum pgp_unusable newest = PGP_NO_CERTIFICATE;

	for (size_t i = 0; i < count; i++) {
		enum pgp_unusable verdict;
		const struct pgp_subkey *k = usable_in(certs[i], now, &verdict);

		if (k != NULL) {
			*cert = certs[i];
			*why = PGP_USABLE;
			return k;
		}
		if (i == 0)
			newest = verdict;
	}
	*cert = NULL;
	*why = newest;
	return NULL;
}
