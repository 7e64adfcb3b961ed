/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "certfile.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "openpgp/pubkey.h"
#include "openpgp/vet.h"
#include "shared.h"

/* Armor is a third longer than what it holds, and people put text around. */
enum { CERTFILE_MAX = 2 * LIMIT_CERTIFICATE };

static int
slurp(FILE *f, struct buf *out, struct err *err)
{
	uint8_t piece[4096];
	size_t n;

	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		if (buf_put(out, piece, n, err) < 0)
			return -1;
	if (ferror(f))
		return err_set(err, ERR_PERM, "%s", strerror(errno));
	return 0;
}

/* It may be a secret key by mistake: the copy in memory is wiped. */
static int
vet_stream(struct ctl *ctl, FILE *f, const char *name, const char *address,
    struct pgp_cert **out, struct err *err)
{
	cleanup(buf_reset) struct buf data = { .limit = CERTFILE_MAX,
		.secret = true };
	char warning[ERR_TEXT_SIZE] = "";

	if (slurp(f, &data, err) < 0 ||
	    pgp_vet(data.data, data.len, address, now(), out, warning, err) <
		0)
		return err_context(err, "%s", name);
	if (warning[0] != '\0')
		ctl_warn(ctl, "%s: %s", name, warning);
	return 0;
}

int
certfile_vet(struct ctl *ctl, const char *file, const char *address,
    struct pgp_cert **out, struct err *err)
{
	if (file == NULL)
		return vet_stream(ctl, ctl->in, "standard input", address, out,
		    err);

	cleanup(close_file) FILE *f = fopen(file, "re");

	if (f == NULL)
		return err_set(err, ERR_PERM, "open %s: %s", file,
		    strerror(errno));
	return vet_stream(ctl, f, file, address, out, err);
}

/* ---- what to say about stored certificates ---- */

static const char *
algorithm_name(uint8_t algorithm)
{
	switch (algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
		return "RSA";
	case PGP_ELGAMAL:
		return "ElGamal";
	case PGP_ECDH:
		return "ECDH";
	case PGP_X25519:
		return "X25519";
	case PGP_X448:
		return "X448";
	default:
		return "unknown";
	}
}

/* The bits of the first integer of the key, which stands behind the header. */
static unsigned
first_integer_bits(const struct pgp_subkey *k)
{
	size_t at = k->version == 6 ? 10 : 6;

	if (k->packet_len < at + 2)
		return 0;
	return (unsigned)k->packet[at] << 8 | k->packet[at + 1];
}

static const char *
curve_name(const struct pgp_subkey *k)
{
	static const char *const names[CURVES] = {
		[CURVE_X25519] = "Curve25519",
		[CURVE_P256] = "NIST P-256",
		[CURVE_P384] = "NIST P-384",
		[CURVE_P521] = "NIST P-521",
		[CURVE_BRAINPOOL256] = "brainpoolP256r1",
		[CURVE_BRAINPOOL384] = "brainpoolP384r1",
		[CURVE_BRAINPOOL512] = "brainpoolP512r1",
	};
	struct pubkey parsed;

	if (pubkey_parse(k->packet, k->packet_len, &parsed, NULL) != 1)
		return "other curve";
	return names[parsed.ecdh.curve];
}

const char *
algorithm_text(const struct pgp_subkey *k, char out[ALGORITHM_TEXT_SIZE])
{
	const char *name = algorithm_name(k->algorithm);

	switch (k->algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
	case PGP_ELGAMAL:
		(void)snprintf(out, ALGORITHM_TEXT_SIZE, "%s %u", name,
		    first_integer_bits(k));
		return out;
	case PGP_ECDH:
		(void)snprintf(out, ALGORITHM_TEXT_SIZE, "%s %s", name,
		    curve_name(k));
		return out;
	default:
		return name;
	}
}

int64_t
usable_until(const struct cert_list *certs, int64_t when,
    enum pgp_unusable *why)
{
	const struct pgp_cert *cert;
	const struct pgp_subkey *k = pgp_usable_subkey(certs->certs,
	    certs->count, when, &cert, why);

	/* each turn uses up the subkey that carries the account until then */
	while (k != NULL) {
		enum pgp_unusable later;

		when = k->expires;
		if (when == 0)
			return 0;
		k = pgp_usable_subkey(certs->certs, certs->count, when, &cert,
		    &later);
	}
	return when;
}

const char *
cert_state(const struct pgp_cert *c, int64_t when)
{
	struct pgp_cert copy = *c;
	struct pgp_cert *const only[] = { &copy };
	const struct pgp_cert *cert;
	enum pgp_unusable why;

	(void)pgp_usable_subkey(only, 1, when, &cert, &why);
	return pgp_unusable_text(why);
}

const char *
subkey_state(const struct pgp_subkey *k, int64_t when)
{
	struct pgp_subkey copy = *k;
	const struct pgp_cert alone = { .created = k->created,
		.subkeys = &copy,
		.subkey_count = 1 };

	return cert_state(&alone, when);
}
