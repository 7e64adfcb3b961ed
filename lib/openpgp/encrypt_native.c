/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Native encryption: OpenSSL through lib/crypt, in this process. */
#include "openpgp/encrypt_native.h"

#include <string.h>

#include "base/limits.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/pubkey.h"
#include "openpgp/seipd.h"

struct native_session {
	const struct crypt *crypt;
	enum seipd_version version;
	uint8_t session_key[SESSION_KEY_LEN];
	struct buf pkesk; /* the whole packet */
};

/* Each stage puts its octets into the one above it. */
struct native_encryption {
	struct packet_writer *data;    /* packet 18, into the caller's sink */
	struct seipd_writer *seipd;    /* its body, into data */
	struct packet_writer *literal; /* packet 11, into seipd */
};

static bool
handles(const struct pgp_subkey *subkey)
{
	struct pubkey key;

	/* a damaged one is for session_new to refuse, not for gpg to try */
	return pubkey_parse(subkey->packet, subkey->packet_len, &key, NULL) !=
	       0;
}

static void
session_free(void **session)
{
	struct native_session *s = steal(session);

	if (s == NULL)
		return;
	explicit_bzero(s->session_key, sizeof s->session_key);
	buf_reset(&s->pkesk);
	free(s);
}

static void
free_session(struct native_session **sp)
{
	void *s = steal(sp);

	session_free(&s);
}

static int
session_new(const struct crypt *crypt, const struct pgp_cert *cert,
    const struct pgp_subkey *subkey, void **session, struct err *err)
{
	(void)cert;
	cleanup(free_session) struct native_session *s = calloc(1, sizeof *s);
	struct pubkey key;

	if (s == NULL)
		return err_nomem(err);
	if (pubkey_parse(subkey->packet, subkey->packet_len, &key, err) < 0)
		return -1;

	bool v2 = subkey->seipd2 || subkey->version == 6;

	s->crypt = crypt;
	s->version = v2 ? SEIPD_V2 : SEIPD_V1;
	s->pkesk.limit = LIMIT_PACKET_BODY;
	if (crypt_random(crypt, s->session_key, sizeof s->session_key, err) <
		0 ||
	    pkesk_put(crypt, subkey, &key, v2 ? PKESK_V6 : PKESK_V3,
		s->session_key, &s->pkesk, err) < 0)
		return -1;
	*session = steal(&s);
	return 0;
}

static void
encryption_free(void **encryption)
{
	struct native_encryption *e = steal(encryption);

	if (e == NULL)
		return;
	packet_writer_free(&e->literal);
	seipd_writer_free(&e->seipd);
	packet_writer_free(&e->data);
	free(e);
}

static void
free_encryption(struct native_encryption **ep)
{
	void *e = steal(ep);

	encryption_free(&e);
}

/* Binary, no name, no date (RFC 9580, section 5.9). */
static const uint8_t literal_head[] = { 'b', 0, 0, 0, 0, 0 };

static int
encryption_new(
    void *session, struct sink to, void **encryption, struct err *err)
{
	const struct native_session *s = session;
	cleanup(free_encryption) struct native_encryption *e =
	    calloc(1, sizeof *e);

	if (e == NULL)
		return err_nomem(err);
	if (packet_writer_new(PGP_TAG_SEIPD, to, &e->data, err) < 0 ||
	    sink_put(&to, s->pkesk.data, s->pkesk.len, err) < 0 ||
	    seipd_writer_new(s->crypt, s->version, s->session_key,
		packet_writer_sink(e->data), &e->seipd, err) < 0 ||
	    packet_writer_new(PGP_TAG_LITERAL, seipd_writer_sink(e->seipd),
		&e->literal, err) < 0)
		return -1;

	struct sink literal = packet_writer_sink(e->literal);

	if (sink_put(&literal, literal_head, sizeof literal_head, err) < 0)
		return -1;
	*encryption = steal(&e);
	return 0;
}

static int
feed(void *encryption, const void *data, size_t n, struct err *err)
{
	struct native_encryption *e = encryption;
	struct sink literal = packet_writer_sink(e->literal);

	return sink_put(&literal, data, n, err);
}

static int
finish(void *encryption, struct err *err)
{
	struct native_encryption *e = encryption;

	if (packet_writer_finish(e->literal, err) < 0 ||
	    seipd_writer_finish(e->seipd, err) < 0)
		return -1;
	return packet_writer_finish(e->data, err);
}

const struct pgp_backend pgp_backend_native = {
	.handles = handles,
	.session_new = session_new,
	.session_free = session_free,
	.encryption_new = encryption_new,
	.feed = feed,
	.finish = finish,
	.encryption_free = encryption_free,
};

void
native_session_key(const void *session, uint8_t out[SESSION_KEY_LEN])
{
	const struct native_session *s = session;

	memcpy(out, s->session_key, SESSION_KEY_LEN);
}
