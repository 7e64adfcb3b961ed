/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/selfsig.h"

#include <string.h>

#include "base/limits.h"
#include "crypt/signature.h"
#include "openpgp/packet.h"

enum signature_type {
	SIG_GENERIC_CERTIFICATION = 0x10,
	SIG_POSITIVE_CERTIFICATION = 0x13,
	SIG_SUBKEY_BINDING = 0x18,
	SIG_DIRECT_KEY = 0x1f,
	SIG_KEY_REVOCATION = 0x20,
	SIG_SUBKEY_REVOCATION = 0x28,
	SIG_CERTIFICATION_REVOCATION = 0x30,
};

enum subpacket_type {
	SUB_CREATED = 2,
	SUB_EXPIRES = 3,
	SUB_KEY_EXPIRES = 9,
	SUB_ISSUER = 16,
	SUB_FLAGS = 27,
	SUB_FEATURES = 30,
	SUB_ISSUER_FINGERPRINT = 33,
};

enum {
	ALG_RSA_SIGN = 3,
	ALG_ECDSA = 19,
	ALG_EDDSA_LEGACY = 22,
	ALG_ED25519 = 27,
	ALG_ED448 = 28,
	ED25519_LEN = 32,
	ED448_LEN = 57,
	FLAGS_ENCRYPT = 0x04 | 0x08,
	FEATURE_SEIPD2 = 0x08,
	TAG_USER_ATTRIBUTE = 17,
	LIMIT_USER_IDS = 64 << 10,
};

/*
 * Subpackets that say nothing against a self-signature when they are critical
 * (RFC 9580, 5.2.3.7); notations (20) are not among them, for we know none.
 */
static const uint64_t understood =
    1ULL << 2 | 1ULL << 3 | 1ULL << 4 | 1ULL << 7 | 1ULL << 9 | 1ULL << 11 |
    1ULL << 12 | 1ULL << 16 | 1ULL << 21 | 1ULL << 22 | 1ULL << 23 |
    1ULL << 24 | 1ULL << 25 | 1ULL << 26 | 1ULL << 27 | 1ULL << 28 |
    1ULL << 29 | 1ULL << 30 | 1ULL << 32 | 1ULL << 33 | 1ULL << 34 | 1ULL << 39;

/* One signature packet. All but `value` and `salt` stand under the hash. */
struct signature {
	uint8_t version;
	uint8_t type;
	uint8_t algorithm;
	uint8_t hash_id;
	struct octets hashed; /* from the version to the hashed area's end */
	struct octets salt;   /* version 6 alone */
	struct octets left;   /* two octets of the digest */
	struct octets value;
	int64_t created;
	uint32_t expires;     /* seconds after created, 0 = never */
	uint32_t key_expires; /* seconds after the key's creation, 0 = never */
	uint8_t flags;
	uint8_t features;
	bool critical; /* a critical subpacket that we do not understand */
	bool foreign;  /* names another issuer than the primary key */
};

/* What the verified signatures over one component add up to. */
struct standing {
	bool bound;
	bool revoked;
	int64_t newest;
	int64_t ends; /* of the newest signature itself, 0 = never */
	uint32_t key_expires;
	uint8_t flags;
	uint8_t features;
};

struct walk {
	const struct crypt *crypt;
	const struct keyblock *kb;
	struct keyblock_key primary;
	struct standing main;    /* of the primary key */
	struct standing current; /* of the user ID or subkey at hand */
	const struct keyblock_packet *component;
	struct buf user_ids;
	struct pgp_cert *cert; /* NULL: only the primary is asked for */
};

static int64_t
earlier(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static bool
names_other_issuer(
    const struct keyblock_key *primary, uint8_t type, struct octets data)
{
	uint8_t id[8];

	if (type == SUB_ISSUER) {
		pgp_key_id(primary->fingerprint, primary->fingerprint_len, id);
		return data.n != sizeof id || memcmp(data.p, id, data.n) != 0;
	}
	return data.n != 1 + primary->fingerprint_len ||
	       memcmp(data.p + 1, primary->fingerprint, data.n - 1) != 0;
}

static void
on_subpacket(const struct keyblock_key *primary, uint8_t type,
    struct octets data, struct signature *s)
{
	uint32_t number = 0;
	struct octets rest = data;

	(void)take_number(&rest, data.n < 4 ? data.n : 4, &number);
	switch (type & 0x7f) {
	case SUB_CREATED:
		s->created = data.n == 4 ? number : 0;
		break;
	case SUB_EXPIRES:
		s->expires = data.n == 4 ? number : 1;
		break;
	case SUB_KEY_EXPIRES:
		s->key_expires = data.n == 4 ? number : 1;
		break;
	case SUB_FLAGS:
		s->flags = data.n > 0 ? data.p[0] : 0;
		break;
	case SUB_FEATURES:
		s->features = data.n > 0 ? data.p[0] : 0;
		break;
	case SUB_ISSUER:
	case SUB_ISSUER_FINGERPRINT:
		if (names_other_issuer(primary, type & 0x7f, data))
			s->foreign = true;
		break;
	default:
		break;
	}
	if ((type & 0x80) != 0 &&
	    ((type & 0x7f) > 63 || (understood >> (type & 0x7f) & 1) == 0))
		s->critical = true;
}

static bool
take_subpacket_len(struct octets *area, uint32_t *len)
{
	uint32_t second;

	if (!take_number(area, 1, len))
		return false;
	if (*len < 192)
		return true;
	if (*len == 255)
		return take_number(area, 4, len);
	if (!take_number(area, 1, &second))
		return false;
	*len = (*len - 192) * 256 + second + 192;
	return true;
}

static bool
read_subpackets(
    const struct keyblock_key *primary, struct octets area, struct signature *s)
{
	while (area.n > 0) {
		uint32_t len;
		uint32_t type;
		struct octets data;

		if (!take_subpacket_len(&area, &len) || len == 0 ||
		    !take_number(&area, 1, &type) ||
		    !take_octets(&area, len - 1, &data))
			return false;
		on_subpacket(primary, (uint8_t)type, data, s);
	}
	return true;
}

/* False for what is no signature of the primary's version, or damaged. */
static bool
read_signature(
    const struct keyblock_key *primary, struct octets body, struct signature *s)
{
	struct octets rest = body;
	struct octets area;
	uint32_t head[4];
	uint32_t len;

	*s = (struct signature){ 0 };
	for (size_t i = 0; i < countof(head); i++)
		if (!take_number(&rest, 1, &head[i]))
			return false;
	s->version = (uint8_t)head[0];
	s->type = (uint8_t)head[1];
	s->algorithm = (uint8_t)head[2];
	s->hash_id = (uint8_t)head[3];
	if (s->version != primary->version)
		return false;

	size_t width = s->version == 6 ? 4 : 2;

	if (!take_number(&rest, width, &len) || !take_octets(&rest, len, &area))
		return false;
	s->hashed = (struct octets){ body.p, body.n - rest.n };
	if (!read_subpackets(primary, area, s) ||
	    !take_number(&rest, width, &len) ||
	    !take_octets(&rest, len, &area) || !take_octets(&rest, 2, &s->left))
		return false;
	if (s->version == 6 && (!take_number(&rest, 1, &len) ||
				   !take_octets(&rest, len, &s->salt)))
		return false;
	s->value = rest;
	return true;
}

static bool
is_revocation(uint8_t type)
{
	return type == SIG_KEY_REVOCATION || type == SIG_SUBKEY_REVOCATION ||
	       type == SIG_CERTIFICATION_REVOCATION;
}

/* SHA-1 may still take rights away; it may no longer give any. */
static bool
known_hash(const struct signature *s, enum hash_kind *kind)
{
	switch (s->hash_id) {
	case 2:
		*kind = HASH_SHA1;
		return is_revocation(s->type);
	case 8:
		*kind = HASH_SHA256;
		return true;
	case 9:
		*kind = HASH_SHA384;
		return true;
	case 10:
		*kind = HASH_SHA512;
		return true;
	case 11:
		*kind = HASH_SHA224;
		return true;
	default:
		return false;
	}
}

static int
feed_number(struct hash *h, size_t value, size_t width, struct err *err)
{
	uint8_t octets[4];

	for (size_t i = 0; i < width; i++)
		octets[i] = (uint8_t)(value >> (8 * (width - 1 - i)) & 0xff);
	return hash_feed(h, octets, width, err);
}

static int
feed_key(struct hash *h, uint8_t version, struct octets body, struct err *err)
{
	if (feed_number(h, version == 6 ? 0x9b : 0x99, 1, err) < 0 ||
	    feed_number(h, body.n, version == 6 ? 4 : 2, err) < 0)
		return -1;
	return hash_feed(h, body.p, body.n, err);
}

static int
feed_component(
    struct hash *h, const struct walk *w, uint8_t version, struct err *err)
{
	if (w->component == NULL)
		return 0;
	if (w->component->tag == PGP_TAG_PUBLIC_SUBKEY)
		return feed_key(h, version, w->component->body, err);
	if (feed_number(h, 0xb4, 1, err) < 0 ||
	    feed_number(h, w->component->body.n, 4, err) < 0)
		return -1;
	return hash_feed(h, w->component->body.p, w->component->body.n, err);
}

/* RFC 9580, section 5.2.4. */
static int
make_digest(const struct walk *w, const struct signature *s,
    enum hash_kind kind, uint8_t out[HASH_LEN_MAX], struct err *err)
{
	cleanup(hash_free) struct hash *h = NULL;

	if (hash_new(w->crypt, kind, &h, err) < 0 ||
	    (s->salt.n > 0 && hash_feed(h, s->salt.p, s->salt.n, err) < 0) ||
	    feed_key(h, s->version, w->kb->packets[0].body, err) < 0 ||
	    feed_component(h, w, s->version, err) < 0 ||
	    hash_feed(h, s->hashed.p, s->hashed.n, err) < 0 ||
	    feed_number(h, s->version, 1, err) < 0 ||
	    feed_number(h, 0xff, 1, err) < 0 ||
	    feed_number(h, s->hashed.n, 4, err) < 0)
		return -1;
	return hash_finish(h, out, err);
}

static struct signature_part
part(struct octets o)
{
	return (struct signature_part){ o.p, o.n };
}

struct named_curve {
	enum signature_kind kind;
	uint8_t oid[12]; /* length octet first */
};

static const struct named_curve ed25519_legacy = { SIGNATURE_ED25519,
	{ 9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01 } };

static const struct named_curve ecdsa_curves[] = {
	{ SIGNATURE_P256,
	    { 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 } },
	{ SIGNATURE_P384, { 5, 0x2b, 0x81, 0x04, 0x00, 0x22 } },
	{ SIGNATURE_P521, { 5, 0x2b, 0x81, 0x04, 0x00, 0x23 } },
};

static bool
take_oid(struct octets *from, const struct named_curve *curve)
{
	struct octets rest = *from;
	struct octets oid;

	if (!take_octets(&rest, 1 + (size_t)curve->oid[0], &oid) ||
	    memcmp(oid.p, curve->oid, oid.n) != 0)
		return false;
	*from = rest;
	return true;
}

static bool
take_ecdsa_key(struct octets *key, enum signature_kind *kind)
{
	for (size_t i = 0; i < countof(ecdsa_curves); i++)
		if (take_oid(key, &ecdsa_curves[i])) {
			*kind = ecdsa_curves[i].kind;
			return true;
		}
	return false;
}

/* The two halves of a legacy EdDSA signature lost their leading zeros. */
static bool
join_eddsa(struct octets value, uint8_t joined[2 * ED25519_LEN])
{
	memset(joined, 0, 2 * (size_t)ED25519_LEN);
	for (size_t half = 0; half < 2; half++) {
		struct octets mpi;

		if (!take_mpi(&value, &mpi) || mpi.n > ED25519_LEN)
			return false;
		memcpy(joined + (half + 1) * ED25519_LEN - mpi.n, mpi.p, mpi.n);
	}
	return value.n == 0;
}

/* A key and a signature by it, cut into numbers. */
struct cut {
	struct octets key;   /* what is left of the key's material */
	struct octets value; /* what is left of the signature */
	uint8_t joined[2 * ED25519_LEN];
	struct signature_check check;
};

static bool
cut_rsa(struct cut *c)
{
	struct octets n;
	struct octets e;
	struct octets value;

	if (!take_mpi(&c->key, &n) || !take_mpi(&c->key, &e) ||
	    !take_mpi(&c->value, &value))
		return false;
	c->check.kind = SIGNATURE_RSA;
	c->check.key = part(n);
	c->check.exponent = part(e);
	c->check.value = part(value);
	return true;
}

static bool
cut_ecdsa(struct cut *c)
{
	struct octets point;
	struct octets r;
	struct octets s;

	if (!take_ecdsa_key(&c->key, &c->check.kind) ||
	    !take_mpi(&c->key, &point) || !take_mpi(&c->value, &r) ||
	    !take_mpi(&c->value, &s))
		return false;
	c->check.key = part(point);
	c->check.value = part(r);
	c->check.s = part(s);
	return true;
}

static bool
cut_eddsa_legacy(struct cut *c)
{
	struct octets point;

	if (!take_oid(&c->key, &ed25519_legacy) || !take_mpi(&c->key, &point) ||
	    point.n != 1 + ED25519_LEN || point.p[0] != 0x40 ||
	    !join_eddsa(c->value, c->joined))
		return false;
	c->check.kind = SIGNATURE_ED25519;
	c->check.key = (struct signature_part){ point.p + 1, ED25519_LEN };
	c->check.value = (struct signature_part){ c->joined, sizeof c->joined };
	return true;
}

static bool
cut_ed25519(struct cut *c)
{
	c->check.kind = SIGNATURE_ED25519;
	c->check.key = part(c->key);
	c->check.value = part(c->value);
	return c->key.n == ED25519_LEN;
}

static bool
cut_ed448(struct cut *c)
{
	c->check.kind = SIGNATURE_ED448;
	c->check.key = part(c->key);
	c->check.value = part(c->value);
	return c->key.n == ED448_LEN;
}

static const struct {
	uint8_t algorithm;
	bool (*cut)(struct cut *c);
} algorithms[] = {
	{ PGP_RSA, cut_rsa },
	{ ALG_RSA_SIGN, cut_rsa },
	{ ALG_ECDSA, cut_ecdsa },
	{ ALG_EDDSA_LEGACY, cut_eddsa_legacy },
	{ ALG_ED25519, cut_ed25519 },
	{ ALG_ED448, cut_ed448 },
};

static bool
cut_by_algorithm(uint8_t algorithm, struct cut *c)
{
	for (size_t i = 0; i < countof(algorithms); i++)
		if (algorithms[i].algorithm == algorithm)
			return algorithms[i].cut(c);
	return false;
}

/* 1 made by the primary key over the component at hand, 0 not, -1 *err. */
static int
verify(const struct walk *w, const struct signature *s, struct err *err)
{
	struct cut c = { .key = w->primary.material, .value = s->value };
	enum hash_kind kind;
	uint8_t digest[HASH_LEN_MAX];

	if (s->algorithm != w->primary.algorithm || s->foreign ||
	    !known_hash(s, &kind) ||
	    (s->version == 6 && s->salt.n != hash_len(kind) / 2) ||
	    !cut_by_algorithm(s->algorithm, &c))
		return 0;
	if (make_digest(w, s, kind, digest, err) < 0)
		return -1;
	if (memcmp(digest, s->left.p, s->left.n) != 0)
		return 0;
	c.check.hash = kind;
	c.check.digest = (struct signature_part){ digest, hash_len(kind) };
	return signature_verify(w->crypt, &c.check, err);
}

/* The newest signature rules; of two at the same second, what is less. */
static void
add_binding(struct standing *to, const struct standing *from)
{
	if (!to->bound || from->newest > to->newest) {
		bool revoked = to->revoked;

		*to = *from;
		to->revoked = revoked;
		return;
	}
	if (from->newest < to->newest)
		return;
	to->ends = earlier(to->ends, from->ends);
	to->key_expires = (uint32_t)earlier(to->key_expires, from->key_expires);
	to->flags &= from->flags;
	to->features &= from->features;
}

static struct standing
standing_of(const struct signature *s)
{
	return (struct standing){ .bound = true,
		.newest = s->created,
		.ends = s->expires == 0 ? 0 : s->created + s->expires,
		.key_expires = s->key_expires,
		.flags = s->flags,
		.features = s->features };
}

/* Which signatures mean something where they stand. */
static bool
has_meaning(const struct walk *w, uint8_t type)
{
	if (w->component == NULL)
		return type == SIG_DIRECT_KEY || type == SIG_KEY_REVOCATION;
	if (w->component->tag == PGP_TAG_PUBLIC_SUBKEY)
		return type == SIG_SUBKEY_BINDING ||
		       type == SIG_SUBKEY_REVOCATION;
	return (w->component->tag == PGP_TAG_USER_ID &&
		((type >= SIG_GENERIC_CERTIFICATION &&
		     type <= SIG_POSITIVE_CERTIFICATION) ||
		    type == SIG_CERTIFICATION_REVOCATION));
}

static int
on_signature(struct walk *w, struct octets body, struct err *err)
{
	struct standing *to = w->component == NULL ? &w->main : &w->current;
	struct signature s;

	if (!read_signature(&w->primary, body, &s) || !has_meaning(w, s.type))
		return 0;
	if (!is_revocation(s.type) &&
	    (s.critical || s.created < w->primary.created))
		return 0;

	int good = verify(w, &s, err);

	if (good <= 0)
		return good;
	if (is_revocation(s.type)) {
		to->revoked = true;
		return 0;
	}

	const struct standing from = standing_of(&s);

	add_binding(to, &from);
	return 0;
}

static int
end_user_id(struct walk *w, struct err *err)
{
	if (!w->current.bound || w->current.revoked)
		return 0;
	if (w->primary.version == 4)
		add_binding(&w->main, &w->current);
	return keyblock_put_user_id(
	    &w->user_ids, w->component->body.p, w->component->body.n, err);
}

static bool
may_encrypt(uint8_t algorithm)
{
	return algorithm == PGP_RSA || algorithm == PGP_RSA_ENCRYPT ||
	       algorithm == PGP_ELGAMAL || algorithm == PGP_ECDH ||
	       algorithm == PGP_X25519 || algorithm == PGP_X448;
}

static int
add_key(struct walk *w, struct octets body, const struct standing *standing,
    struct err *err)
{
	struct keyblock_key key;
	struct err why = { 0 };

	if (!standing->bound || (standing->flags & FLAGS_ENCRYPT) == 0)
		return 0;
	if (keyblock_key_read(w->crypt, body, &key, &why) < 0)
		return why.kind == ERR_PERM
			   ? 0
			   : err_set(err, why.kind, "%s", why.text);
	if (!may_encrypt(key.algorithm) || key.version != w->primary.version)
		return 0;

	cleanup(free_bytes) uint8_t *packet = malloc(body.n + 1);

	if (packet == NULL)
		return err_nomem(err);
	memcpy(packet, body.p, body.n);

	struct pgp_subkey subkey = { .version = key.version,
		.algorithm = key.algorithm,
		.fingerprint_len = key.fingerprint_len,
		.created = key.created,
		.expires = standing->key_expires == 0
			       ? standing->ends
			       : earlier(standing->ends,
				     key.created + standing->key_expires),
		.revoked = standing->revoked,
		.packet = packet,
		.packet_len = body.n };

	memcpy(subkey.fingerprint, key.fingerprint, key.fingerprint_len);
	return pgp_cert_add_subkey(w->cert, &subkey, err);
}

/* What was gathered about the component that ends here. */
static int
end_component(struct walk *w, struct err *err)
{
	int rc = 0;

	if (w->component != NULL && w->component->tag == PGP_TAG_USER_ID)
		rc = end_user_id(w, err);
	else if (w->component != NULL && w->cert != NULL &&
		 w->component->tag == PGP_TAG_PUBLIC_SUBKEY)
		rc = add_key(w, w->component->body, &w->current, err);
	w->current = (struct standing){ 0 };
	return rc;
}

static bool
begins_component(unsigned tag)
{
	return tag == PGP_TAG_USER_ID || tag == TAG_USER_ATTRIBUTE ||
	       tag == PGP_TAG_PUBLIC_SUBKEY;
}

static int
walk(struct walk *w, struct err *err)
{
	const struct keyblock *kb = w->kb;

	w->user_ids.limit = LIMIT_USER_IDS;
	if (keyblock_key_read(w->crypt, kb->packets[0].body, &w->primary, err) <
	    0)
		return -1;
	for (size_t i = 1; i < kb->count; i++) {
		const struct keyblock_packet *p = &kb->packets[i];

		if (begins_component(p->tag)) {
			if (end_component(w, err) < 0)
				return -1;
			w->component = p;
		} else if (p->tag == PGP_TAG_SIGNATURE &&
			   on_signature(w, p->body, err) < 0) {
			return -1;
		}
	}
	return end_component(w, err);
}

static void
free_walk(struct walk *w)
{
	buf_reset(&w->user_ids);
}

int
selfsig_seipd2(const struct crypt *crypt, const struct keyblock *kb,
    bool *seipd2, struct err *err)
{
	cleanup(free_walk) struct walk w = { .crypt = crypt, .kb = kb };

	if (walk(&w, err) < 0)
		return -1;
	*seipd2 = w.main.bound && (w.main.features & FEATURE_SEIPD2) != 0;
	return 0;
}

/* What holds for the primary key holds for all its subkeys. */
static void
apply_primary(const struct walk *w, struct pgp_cert *c)
{
	c->created = w->primary.created;
	c->expires = w->main.ends;
	if (w->main.key_expires != 0)
		c->expires = earlier(
		    c->expires, w->primary.created + w->main.key_expires);
	c->revoked = w->main.revoked;
	for (size_t i = 0; i < c->subkey_count; i++) {
		struct pgp_subkey *k = &c->subkeys[i];

		k->expires = earlier(k->expires, c->expires);
		k->revoked = k->revoked || c->revoked;
		k->seipd2 = (w->main.features & FEATURE_SEIPD2) != 0;
	}
}

int
selfsig_vet(const struct crypt *crypt, const struct keyblock *kb,
    struct pgp_cert *cert, struct err *err)
{
	cleanup(free_walk) struct walk w = {
		.crypt = crypt, .kb = kb, .cert = cert
	};

	if (walk(&w, err) < 0)
		return -1;
	if (!w.main.bound)
		return err_set(err, ERR_PERM,
		    "the certificate has no valid signature of its own "
		    "primary key (algorithm %u) on %s",
		    w.primary.algorithm,
		    w.primary.version == 6 ? "the key itself"
					   : "a user ID or the key itself");
	if (add_key(&w, kb->packets[0].body, &w.main, err) < 0 ||
	    buf_str(&w.user_ids, err) == NULL)
		return -1;

	size_t len;

	free(cert->user_ids);
	cert->user_ids = (char *)buf_steal(&w.user_ids, &len);
	cert->fingerprint_len = w.primary.fingerprint_len;
	memcpy(cert->fingerprint, w.primary.fingerprint,
	    w.primary.fingerprint_len);
	apply_primary(&w, cert);
	return 0;
}
