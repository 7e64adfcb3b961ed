/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/proof_packets.h"

#include <string.h>

#include "base/limits.h"
#include "openpgp/cursor.h"

enum {
	MPI_MAX = 2048,
	WRAPPED_KEY_MAX = 64,
	SKESK_MIN = 4,
	SKESK_MAX = 128,
	/* version; a block and 2 octets of 64 bits; a packet; the MDC */
	SEIPD1_MIN = 1 + 10 + 2 + 22,
	/* version, cipher, mode, chunk size; salt; two tags */
	SEIPD2_MIN = 4 + 32 + 16 + 16,
};

static int
not_sealed(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTO, "not sealed: %s", what);
}

/* --- is it spread like ciphertext? --- */

/*
 * Pearson's chi-squared against the even distribution, 255 degrees of freedom:
 * 255 is usual, 1,000 never happens; text has more than its length.
 */
bool
spread_is_even(const struct spread *s)
{
	uint64_t squares = 0;

	if (s->total < SPREAD_MIN)
		return true;
	for (size_t i = 0; i < countof(s->seen); i++)
		squares += (uint64_t)s->seen[i] * s->seen[i];
	return squares * 256 <= (uint64_t)s->total * (s->total + 1000);
}

static void
spread_count(struct spread *s, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s->seen[data[i]]++;
	s->total += (uint32_t)n;
}

bool
spread_add(struct spread *s, const uint8_t *data, size_t n)
{
	while (n > 0) {
		size_t room = SPREAD_WINDOW - s->total;
		size_t take = n < room ? n : room;

		spread_count(s, data, take);
		if (s->total == SPREAD_WINDOW) {
			if (!spread_is_even(s))
				return false;
			*s = (struct spread){ 0 };
		}
		data += take;
		n -= take;
	}
	return true;
}

/* --- session keys --- */

/* An integer at most; its leading zeros are let pass, as some clients are. */
static bool
skip_mpi(struct octets *from)
{
	uint32_t bits;
	struct octets mpi;

	return take_number(from, 2, &bits) && bits > 0 &&
	       (bits + 7) / 8 <= MPI_MAX &&
	       take_octets(from, (bits + 7) / 8, &mpi);
}

/* A length octet and the session key wrapped under an agreed key. */
static bool
skip_wrapped_key(struct octets *from)
{
	uint32_t len;
	struct octets key;

	return take_number(from, 1, &len) && len <= WRAPPED_KEY_MAX &&
	       take_octets(from, len, &key);
}

/* The algorithm's own fields, and nothing but them (RFC 9580, 5.1). */
static bool
is_encrypted_key(unsigned algorithm, struct octets rest)
{
	struct octets point;
	bool whole = false;

	switch (algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
		whole = skip_mpi(&rest);
		break;
	case PGP_ELGAMAL:
		whole = skip_mpi(&rest);
		whole = whole && skip_mpi(&rest);
		break;
	case PGP_ECDH:
		whole = skip_mpi(&rest) && skip_wrapped_key(&rest);
		break;
	case PGP_X25519:
		whole =
		    take_octets(&rest, 32, &point) && skip_wrapped_key(&rest);
		break;
	case PGP_X448:
		whole =
		    take_octets(&rest, 56, &point) && skip_wrapped_key(&rest);
		break;
	default:
		break;
	}
	return whole && rest.n == 0;
}

static unsigned
same_algorithm(unsigned algorithm)
{
	return algorithm == PGP_RSA_ENCRYPT ? PGP_RSA : algorithm;
}

/* Whom a session key is for: a key ID of 8 octets, or a fingerprint. */
struct addressee {
	struct octets name;
	unsigned algorithm;
};

static bool
is_named(const struct addressee *a, const struct pgp_subkey *key)
{
	uint8_t id[8];

	if (same_algorithm(a->algorithm) != same_algorithm(key->algorithm))
		return false;
	if (a->name.n != sizeof id)
		return a->name.n == key->fingerprint_len &&
		       memcmp(a->name.p, key->fingerprint, a->name.n) == 0;
	pgp_key_id(key->fingerprint, key->fingerprint_len, id);
	return memcmp(a->name.p, id, sizeof id) == 0;
}

static bool
is_recipient(const struct proof_packets *p, const struct addressee *a)
{
	static const uint8_t anybody[8] = { 0 };

	if (a->name.n == 0 ||
	    (a->name.n == sizeof anybody &&
		memcmp(a->name.p, anybody, sizeof anybody) == 0))
		return false;
	for (size_t i = 0; i < p->cert_count; i++)
		for (size_t k = 0; k < p->certs[i]->subkey_count; k++)
			if (is_named(a, &p->certs[i]->subkeys[k]))
				return true;
	return false;
}

/* Version 6: a length, then the key's version and fingerprint, or nothing. */
static bool
take_fingerprint(struct octets *from, struct octets *out)
{
	uint32_t len, version;

	if (!take_number(from, 1, &len))
		return false;
	if (len == 0)
		return take_octets(from, 0, out);
	return take_number(from, 1, &version) &&
	       take_octets(from, len - 1, out) &&
	       ((version == 4 && out->n == 20) ||
		   (version == 6 && out->n == 32));
}

static int
end_pkesk(struct proof_packets *p, struct err *err)
{
	struct octets rest = { p->body.data, p->body.len };
	struct addressee a;
	uint32_t version, algorithm;

	if (!take_number(&rest, 1, &version) || (version != 3 && version != 6))
		return not_sealed(err, "session key of an unknown version");
	if (version == 3 ? !take_octets(&rest, 8, &a.name)
			 : !take_fingerprint(&rest, &a.name))
		return not_sealed(err, "damaged session key");
	if (!take_number(&rest, 1, &algorithm) ||
	    !is_encrypted_key(algorithm, rest))
		return not_sealed(err, "damaged session key");
	a.algorithm = algorithm;
	p->other_versions[version == 6] = true;
	if (is_recipient(p, &a))
		p->for_recipient[version == 6] = true;
	return 0;
}

static int
end_skesk(struct proof_packets *p, struct err *err)
{
	uint8_t version = p->body.len > 0 ? p->body.data[0] : 0;

	if ((version != 4 && version != 6) || p->body.len < SKESK_MIN ||
	    p->body.len > SKESK_MAX)
		return not_sealed(err, "damaged session key");
	p->other_versions[version == 6] = true;
	return 0;
}

/* --- the encrypted data --- */

static int
check_head(const struct proof_packets *p, struct err *err)
{
	uint8_t cipher = p->head[1], mode = p->head[2], chunk = p->head[3];
	bool second = p->head[0] == 2;

	if (p->head[0] != 1 && !second)
		return not_sealed(err, "encrypted data of unknown version");
	if (second &&
	    (cipher < 7 || cipher > 13 || mode < 1 || mode > 3 || chunk > 16))
		return not_sealed(err, "encrypted data of unknown kind");
	if (p->other_versions[!second])
		return not_sealed(err, "session keys of the wrong version");
	if (!p->for_recipient[second] && !(p->anyone && p->session_keys > 0))
		return not_sealed(err, "not for this recipient");
	return 0;
}

static int
data_octets(
    struct proof_packets *p, const uint8_t *data, size_t n, struct err *err)
{
	size_t used = 0;

	while (used < n && p->data_len < sizeof p->head) {
		p->head[p->data_len++] = data[used++];
		if (p->data_len == sizeof p->head && check_head(p, err) < 0)
			return -1;
	}
	p->data_len += n - used;
	if (!spread_add(&p->spread, data + used, n - used))
		return not_sealed(err, "the encrypted data are not random");
	return 0;
}

static int
end_data(struct proof_packets *p, struct err *err)
{
	if (p->data_len < (p->head[0] == 2 ? SEIPD2_MIN : SEIPD1_MIN))
		return not_sealed(err, "encrypted data too short");
	if (!spread_is_even(&p->spread))
		return not_sealed(err, "the encrypted data are not random");
	p->complete = true;
	return 0;
}

/* --- packets --- */

static int
begin_packet(void *ctx, unsigned tag, struct err *err)
{
	struct proof_packets *p = ctx;

	p->tag = tag;
	if (p->complete)
		return not_sealed(err, "a packet behind the encrypted data");
	if (tag == PGP_TAG_SEIPD)
		return 0;
	if (tag != PGP_TAG_PKESK && tag != PGP_TAG_SKESK)
		return not_sealed(err, "a packet that does not belong here");
	if (++p->session_keys > LIMIT_PKESK_PACKETS)
		return not_sealed(err, "too many session keys");
	buf_clear(&p->body);
	return 0;
}

static int
packet_octets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct proof_packets *p = ctx;

	if (p->tag == PGP_TAG_SEIPD)
		return data_octets(p, data, n, err);
	if (n > p->body.limit - p->body.len)
		return not_sealed(err, "a session key that is too long");
	return buf_put(&p->body, data, n, err);
}

static int
end_packet(void *ctx, struct err *err)
{
	struct proof_packets *p = ctx;

	if (p->tag == PGP_TAG_SEIPD)
		return end_data(p, err);
	return p->tag == PGP_TAG_PKESK ? end_pkesk(p, err) : end_skesk(p, err);
}

struct packet_events
proof_packets_events(struct proof_packets *p)
{
	return (struct packet_events){
		.begin = begin_packet,
		.body = packet_octets,
		.end = end_packet,
		.ctx = p,
	};
}

int
proof_packets_finish(const struct proof_packets *p, struct err *err)
{
	return p->complete ? 0 : not_sealed(err, "no encrypted data");
}

void
proof_packets_init(
    struct proof_packets *p, struct pgp_cert *const *certs, size_t cert_count)
{
	*p = (struct proof_packets){
		.certs = certs,
		.cert_count = cert_count,
		.body = { .limit = LIMIT_PACKET_BODY },
	};
}

void
proof_packets_reset(struct proof_packets *p)
{
	buf_reset(&p->body);
}
