/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/keyblock.h"

#include <string.h>

#include "base/limits.h"
#include "openpgp/fingerprint.h"
#include "openpgp/key_armor.h"
#include "openpgp/packet.h"

enum {
	TAG_TRUST = 12,
	TAG_USER_ATTRIBUTE = 17,
	TAG_NONCRITICAL = 40, /* unknown tags from here on are skipped */
	PGP_DSA = 17,
	PGP_RSA_SIGN = 3,
};

/* Filled by the events of the packet reader. */
struct collector {
	struct keyblock *kb;
	size_t size;    /* of kb->packets, allocated */
	size_t *starts; /* of each body in kb->bodies, which may yet move */
};

/* What has a place in a certificate (trust packets come from old keyrings). */
static bool
belongs(unsigned tag)
{
	switch (tag) {
	case PGP_TAG_SIGNATURE:
	case PGP_TAG_PUBLIC_KEY:
	case PGP_TAG_MARKER:
	case TAG_TRUST:
	case PGP_TAG_USER_ID:
	case PGP_TAG_PUBLIC_SUBKEY:
	case TAG_USER_ATTRIBUTE:
	case PGP_TAG_PADDING:
		return true;
	default:
		return tag >= TAG_NONCRITICAL;
	}
}

/* Of a secret key: the rules of a certificate, for the packets it has. */
static int
check_secret_tag(unsigned tag, size_t number, struct err *err)
{
	if (number == 1 && tag != PGP_TAG_SECRET_KEY)
		return err_set(err, ERR_PERM,
		    "this is no private key: it begins with a packet of tag "
		    "%u",
		    tag);
	if (number > 1 &&
	    (tag == PGP_TAG_SECRET_KEY || tag == PGP_TAG_PUBLIC_KEY))
		return err_set(err, ERR_PERM,
		    "packet %zu: a second key begins here; give one private "
		    "key at a time",
		    number);
	if (tag != PGP_TAG_SECRET_KEY && tag != PGP_TAG_SECRET_SUBKEY &&
	    !belongs(tag))
		return err_set(err, ERR_PERM,
		    "packet %zu has the tag %u, which has no place in a "
		    "private key",
		    number, tag);
	return 0;
}

/* number counts from 1, as people do. */
static int
check_tag(unsigned tag, size_t number, struct err *err)
{
	if (tag == PGP_TAG_SECRET_KEY || tag == PGP_TAG_SECRET_SUBKEY)
		return err_set(err, ERR_PERM,
		    "this is a secret key: never give it to a server; export "
		    "the public one with gpg --export");
	if (tag == PGP_TAG_PUBLIC_KEY && number > 1)
		return err_set(err, ERR_PERM,
		    "packet %zu: a second key begins here; give one "
		    "certificate at a time",
		    number);
	if (!belongs(tag))
		return err_set(err, ERR_PERM,
		    "packet %zu has the tag %u, which has no place in a "
		    "certificate",
		    number, tag);
	if (number == 1 && tag != PGP_TAG_PUBLIC_KEY)
		return err_set(err, ERR_PERM,
		    "this is no certificate: it begins with a packet of tag "
		    "%u, not with a public key",
		    tag);
	return 0;
}

static int
make_room(struct collector *c, struct err *err)
{
	size_t size = c->size == 0 ? 16 : c->size * 2;

	if (c->kb->count < c->size)
		return 0;
	if (size > LIMIT_CERTIFICATE_PACKETS)
		return err_set(err, ERR_PERM,
		    "too large for a certificate: more than %d packets",
		    LIMIT_CERTIFICATE_PACKETS);

	struct keyblock_packet *packets =
	    reallocarray(c->kb->packets, size, sizeof *packets);

	if (packets == NULL)
		return err_nomem(err);
	c->kb->packets = packets;

	size_t *starts = reallocarray(c->starts, size, sizeof *starts);

	if (starts == NULL)
		return err_nomem(err);
	c->starts = starts;
	c->size = size;
	return 0;
}

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct collector *c = ctx;
	struct keyblock *kb = c->kb;

	if ((kb->secret ? check_secret_tag(tag, kb->count + 1, err)
			: check_tag(tag, kb->count + 1, err)) < 0 ||
	    make_room(c, err) < 0)
		return -1;
	kb->packets[kb->count] = (struct keyblock_packet){ .tag = tag };
	c->starts[kb->count] = kb->bodies.len;
	kb->count++;
	return 0;
}

static bool
is_key(unsigned tag)
{
	return tag == PGP_TAG_PUBLIC_KEY || tag == PGP_TAG_PUBLIC_SUBKEY ||
	       tag == PGP_TAG_SECRET_KEY || tag == PGP_TAG_SECRET_SUBKEY;
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct collector *c = ctx;
	struct keyblock_packet *p = &c->kb->packets[c->kb->count - 1];

	if (n > LIMIT_PACKET_BODY - p->body.n && is_key(p->tag))
		return err_set(err, ERR_PERM,
		    "packet %zu: a key of more than %d octets", c->kb->count,
		    LIMIT_PACKET_BODY);
	p->body.n += n;
	return buf_put(&c->kb->bodies, data, n, err);
}

static int
on_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

/* What the packet reader says, as a sentence about a certificate. */
static int
damaged(struct err *err, const struct keyblock *kb, bool at_end)
{
	char why[ERR_TEXT_SIZE / 2];

	if (err == NULL || err->kind != ERR_PROTO)
		return -1;
	if (snprintf(why, sizeof why, "%s", err->text) < 0)
		why[0] = '\0';
	const char *what = kb->secret ? "private key" : "certificate";

	if (kb->count == 0)
		return err_set(
		    err, ERR_PERM, "this is no OpenPGP %s: %s", what, why);
	return err_set(err, ERR_PERM, "the %s is %s packet %zu: %s", what,
	    at_end ? "cut off in" : "damaged after", kb->count, why);
}

static void
free_collector(struct collector *c)
{
	free(c->starts);
}

static int
read_packets(struct keyblock *kb, struct err *err)
{
	cleanup(free_collector) struct collector c = { .kb = kb };
	cleanup(packet_reader_free) struct packet_reader *r = NULL;
	struct packet_events events = {
		.begin = on_begin, .body = on_body, .end = on_end, .ctx = &c
	};

	if (packet_reader_new(events, &r, err) < 0)
		return -1;
	if (packet_reader_feed(r, kb->data.data, kb->data.len, err) < 0)
		return damaged(err, kb, false);
	if (packet_reader_finish(r, err) < 0)
		return damaged(err, kb, true);
	if (kb->count == 0)
		return err_set(err, ERR_PERM, "there is no %s: empty",
		    kb->secret ? "private key" : "certificate");
	for (size_t i = 0; i < kb->count; i++)
		kb->packets[i].body.p = kb->bodies.data + c.starts[i];
	return 0;
}

static int
read_block(bool secret, const uint8_t *data, size_t n, struct keyblock **out,
    struct err *err)
{
	cleanup(keyblock_free) struct keyblock *kb = calloc(1, sizeof *kb);

	if (kb == NULL)
		return err_nomem(err);
	kb->secret = secret;
	kb->data = (struct buf){ .limit = LIMIT_CERTIFICATE, .secret = secret };
	kb->bodies = kb->data;
	if ((secret ? secret_key_dearmor(data, n, &kb->data, err)
		    : key_dearmor(data, n, &kb->data, err)) < 0)
		return -1;
	/* bodies is never NULL then, not even for empty packets */
	if (buf_reserve(&kb->bodies, kb->data.len, err) < 0)
		return -1;
	if (read_packets(kb, err) < 0)
		return -1;
	*out = steal(&kb);
	return 0;
}

int
keyblock_read(
    const uint8_t *data, size_t n, struct keyblock **out, struct err *err)
{
	return read_block(false, data, n, out, err);
}

int
keyblock_read_secret(
    const uint8_t *data, size_t n, struct keyblock **out, struct err *err)
{
	return read_block(true, data, n, out, err);
}

void
keyblock_free(struct keyblock **kp)
{
	struct keyblock *kb = steal(kp);

	if (kb == NULL)
		return;
	buf_reset(&kb->data);
	buf_reset(&kb->bodies);
	free(kb->packets);
	free(kb);
}

int
keyblock_key_read(const struct crypt *crypt, struct octets body,
    struct keyblock_key *out, struct err *err)
{
	struct octets rest = body;
	uint32_t version = 0;
	uint32_t created = 0;
	uint32_t algorithm = 0;
	uint32_t len = 0;

	if (!take_number(&rest, 1, &version) ||
	    !take_number(&rest, 4, &created) ||
	    !take_number(&rest, 1, &algorithm))
		return err_set(err, ERR_PERM, "a damaged key packet");
	if (version < 4 || version > 6)
		return err_set(err, ERR_PERM,
		    "keys of version %u are not supported", version);
	if (version > 4 && (!take_number(&rest, 4, &len) || len != rest.n))
		return err_set(err, ERR_PERM, "a damaged key packet");
	*out = (struct keyblock_key){ .version = (uint8_t)version,
		.algorithm = (uint8_t)algorithm,
		.created = created,
		.material = rest };
	return pgp_fingerprint(crypt, body.p, body.n, out->fingerprint,
	    &out->fingerprint_len, err);
}

size_t
keyblock_key_bits(const struct keyblock_key *key)
{
	struct octets material = key->material;
	struct octets mpi;

	switch (key->algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
	case PGP_RSA_SIGN:
	case PGP_ELGAMAL:
	case PGP_DSA:
		return take_mpi(&material, &mpi) ? mpi_bits(&mpi) : 0;
	default:
		return SIZE_MAX;
	}
}

int
keyblock_put_user_id(struct buf *b, const void *text, size_t n, struct err *err)
{
	const uint8_t *octets = text;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = octets[i];

		if (buf_putc(b, c < 0x20 || c == 0x7f ? '?' : c, err) < 0)
			return -1;
	}
	return buf_putc(b, '\n', err);
}
