/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Encryption by a gpg process, for the algorithms that we do not do ourselves.
 *
 * The plaintext goes through a pipe, straight from the caller's memory; the
 * ciphertext goes to the sink while the caller feeds. What gpg gives is
 * believed only when gpg reports its end *and* the octets are one complete
 * message, for the right subkey and long enough for all of the text: GPGME
 * itself does not see whether a gpg was killed half way.
 */

#include "openpgp/backend.h"

#include <string.h>

#include "openpgp/gpgme_door.h"
#include "openpgp/packet.h"

enum {
	PKESK_HEAD = 9, /* version and key ID */
	/*
	 * What SEIPD and literal packets add at least: version, random prefix,
	 * literal header (tag, length, format, name, date), MDC.
	 */
	WRAPPING_MIN = 1 + 18 + 8 + 22,
};

struct gpg_session {
	struct gpg_home *home;
	uint8_t key_id[8];
	/* "FINGERPRINT!\n": this very subkey */
	char recipient[PGP_FINGERPRINT_HEX_SIZE + 2];
};

struct gpg_encryption {
	const struct gpg_session *session;
	struct sink to;
	struct gpg *gpg;
	struct gpgme_data_cbs from_us;
	struct gpgme_data_cbs to_us;
	gpgme_data_t plaintext;
	gpgme_data_t ciphertext;
	/* the caller's text at hand; 0 octets while it is not fed */
	const uint8_t *in;
	size_t in_len;
	uint64_t in_total;
	bool in_end;
	bool end_taken;  /* GPGME has seen the end of the text */
	bool abandoned;  /* what still comes goes nowhere */
	bool ended;      /* gpg said that it wrote the message to its end */
	struct err sink; /* why the output was not taken */
	struct packet_reader *packets;
	unsigned packet_count;
	unsigned tag;
	uint8_t pkesk[PKESK_HEAD];
	size_t pkesk_len;
	uint64_t seipd_len;
};

static bool
handles(const struct pgp_subkey *subkey)
{
	switch (subkey->algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
	case PGP_ELGAMAL:
	case PGP_ECDH:
		/* 5: GnuPG's own, which 2.4 makes for Curve448 */
		return subkey->version == 4 || subkey->version == 5;
	default:
		return false;
	}
}

static void
session_free(void **session)
{
	struct gpg_session *s = steal(session);

	if (s == NULL)
		return;
	gpg_home_free(&s->home);
	free(s);
}

static int
import_into(
    const struct gpg_home *home, const struct pgp_cert *cert, struct err *err)
{
	cleanup(gpg_close) struct gpg *g = NULL;

	if (gpg_open(gpg_home_path(home), &g, err) < 0)
		return -1;

	int taken = gpg_import(g, cert->data, cert->data_len, err);

	if (taken == 0)
		return err_set(err, ERR_PERM,
		    "gpg finds no usable certificate in what is stored");
	return taken < 0 ? -1 : 0;
}

static int
session_new(const struct crypt *crypt, const struct pgp_cert *cert,
    const struct pgp_subkey *subkey, void **session, struct err *err)
{
	char hex[PGP_FINGERPRINT_HEX_SIZE];
	struct gpg_session *s = calloc(1, sizeof *s);
	cleanup(session_free) void *made = s;

	(void)crypt;
	if (s == NULL)
		return err_nomem(err);
	if (subkey->fingerprint_len != (subkey->version == 4 ? 20 : 32))
		return err_set(err, ERR_PERM, "the stored subkey is damaged");
	pgp_fingerprint_hex(subkey->fingerprint, subkey->fingerprint_len, hex);
	pgp_key_id(subkey->fingerprint, subkey->fingerprint_len, s->key_id);
	if (snprintf(s->recipient, sizeof s->recipient, "%s!\n", hex) < 0)
		return err_set(err, ERR_TEMP, "cannot format a text");
	if (gpg_home_new(GPG_HOME_FOR_ENCRYPTION, &s->home, err) < 0 ||
	    import_into(s->home, cert, err) < 0)
		return -1;
	*session = steal(&made);
	return 0;
}

static int
on_packet(void *ctx, unsigned tag, struct err *err)
{
	struct gpg_encryption *e = ctx;
	static const unsigned expected[] = { PGP_TAG_PKESK, PGP_TAG_SEIPD };

	if (e->packet_count >= countof(expected) ||
	    tag != expected[e->packet_count])
		return err_set(err, ERR_TEMP,
		    "gpg made a message of another form: a packet of tag %u",
		    tag);
	e->tag = tag;
	e->packet_count++;
	return 0;
}

static int
on_packet_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct gpg_encryption *e = ctx;

	(void)err;
	if (e->tag == PGP_TAG_SEIPD) {
		e->seipd_len += n;
		return 0;
	}
	for (size_t i = 0; i < n && e->pkesk_len < sizeof e->pkesk; i++)
		e->pkesk[e->pkesk_len++] = data[i];
	return 0;
}

static int
on_packet_end(void *ctx, struct err *err)
{
	struct gpg_encryption *e = ctx;

	if (e->tag != PGP_TAG_PKESK)
		return 0;
	if (e->pkesk_len != sizeof e->pkesk || e->pkesk[0] != 3 ||
	    memcmp(e->pkesk + 1, e->session->key_id,
		sizeof e->session->key_id) != 0)
		return err_set(err, ERR_TEMP,
		    "gpg encrypted to another key than it was told to");
	return 0;
}

/* A broken frame is gpg's fault, and may be gone the next time. */
static int
frame_error(struct err *err)
{
	if (err != NULL)
		err->kind = ERR_TEMP;
	return err_context(err, "what gpg made");
}

static ssize_t
read_plaintext(void *handle, void *buffer, size_t size)
{
	struct gpg_encryption *e = handle;
	size_t n = e->abandoned ? 0 : e->in_len < size ? e->in_len : size;

	if (n == 0) {
		e->end_taken = true;
		return 0;
	}
	memcpy(buffer, e->in, n);
	e->in += n;
	e->in_len -= n;
	return (ssize_t)n;
}

/*
 * An abandoned gpg is let run to its end, into nothing: it must be gone before
 * its home is.
 */
static ssize_t
write_ciphertext(void *handle, const void *buffer, size_t size)
{
	struct gpg_encryption *e = handle;

	if (e->abandoned)
		return (ssize_t)size;
	if (packet_reader_feed(e->packets, buffer, size, &e->sink) < 0) {
		(void)frame_error(&e->sink);
		e->abandoned = true;
	} else if (sink_put(&e->to, buffer, size, &e->sink) < 0) {
		e->abandoned = true;
	}
	return (ssize_t)size;
}

static gpgme_error_t
on_status(void *handle, const char *keyword, const char *args)
{
	struct gpg_encryption *e = handle;

	(void)args;
	if (strcmp(keyword, "END_ENCRYPTION") == 0)
		e->ended = true;
	return 0;
}

/* Why nothing more is taken; 0 when all is well so far. */
static int
check_running(const struct gpg_encryption *e, int over, struct err *err)
{
	if (over < 0)
		return -1;
	if (e->sink.kind != ERR_NONE)
		return err_set(err, e->sink.kind, "%s", e->sink.text);
	if (over > 0 && gpg_result(e->gpg) != 0)
		return gpg_failed(err, gpg_result(e->gpg), "encrypt");
	return 0;
}

static int
feed(void *encryption, const void *data, size_t n, struct err *err)
{
	struct gpg_encryption *e = encryption;
	int over = 0;

	e->in = data;
	e->in_len = n;
	e->in_total += n;
	while (e->in_len > 0 && over == 0 && !e->abandoned)
		over = gpg_step(e->gpg, true, GPG_PATIENCE_MS, err);

	bool taken = e->in_len == 0;

	e->in = NULL; /* data goes back to the caller */
	e->in_len = 0;
	if (check_running(e, over, err) < 0) {
		e->abandoned = true;
		return -1;
	}
	if (!taken || over > 0) {
		e->abandoned = true;
		return err_set(err, ERR_TEMP, "gpg ended too early");
	}
	return 0;
}

static int
check_whole(struct gpg_encryption *e, struct err *err)
{
	if (!e->ended || !e->end_taken)
		return err_set(err, ERR_TEMP,
		    "gpg ended before its message did");
	if (packet_reader_finish(e->packets, err) < 0)
		return frame_error(err);
	if (e->packet_count != 2 ||
	    e->seipd_len < e->in_total + WRAPPING_MIN)
		return err_set(err, ERR_TEMP, "gpg made no whole message");
	return 0;
}

static int
finish(void *encryption, struct err *err)
{
	struct gpg_encryption *e = encryption;
	int over = 0;

	e->in_end = true;
	while (over == 0)
		over = gpg_step(e->gpg, true, GPG_PATIENCE_MS, err);
	e->abandoned = e->abandoned || over < 0;
	if (check_running(e, over, err) < 0)
		return -1;
	return check_whole(e, err);
}

/* Lets gpg come to its end; one that does not is left to itself. */
static void
stop(struct gpg_encryption *e)
{
	struct err ignored;

	e->abandoned = true;
	while (gpg_step(e->gpg, true, GPG_PATIENCE_MS, &ignored) == 0)
		continue;
}

static void
encryption_free(void **encryption)
{
	struct gpg_encryption *e = steal(encryption);

	if (e == NULL)
		return;
	if (e->gpg != NULL)
		stop(e);
	gpg_close(&e->gpg);
	free_gpg_data(&e->plaintext);
	free_gpg_data(&e->ciphertext);
	packet_reader_free(&e->packets);
	free(e);
}

static int
start(struct gpg_encryption *e, struct err *err)
{
	e->from_us.read = read_plaintext;
	e->to_us.write = write_ciphertext;

	gpgme_error_t code =
	    gpgme_data_new_from_cbs(&e->plaintext, &e->from_us, e);

	if (code == 0)
		code = gpgme_data_new_from_cbs(&e->ciphertext, &e->to_us, e);
	if (code != 0)
		return gpg_failed(err, code, "start");
	(void)gpgme_data_set_flag(e->plaintext, "sensitive", "1");
	gpgme_set_armor(gpg_ctx(e->gpg), 0);
	code = gpgme_op_encrypt_ext_start(gpg_ctx(e->gpg), NULL,
	    e->session->recipient,
	    GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_ENCRYPT_TO |
		GPGME_ENCRYPT_NO_COMPRESS,
	    e->plaintext, e->ciphertext);
	return code == 0 ? 0 : gpg_failed(err, code, "encrypt");
}

static int
encryption_new(void *session, struct sink to, void **encryption,
    struct err *err)
{
	struct gpg_encryption *e = calloc(1, sizeof *e);
	cleanup(encryption_free) void *made = e;

	if (e == NULL)
		return err_nomem(err);
	e->session = session;
	e->to = to;

	struct packet_events events = { .begin = on_packet,
		.body = on_packet_body,
		.end = on_packet_end,
		.ctx = e };

	if (packet_reader_new(events, &e->packets, err) < 0 ||
	    gpg_open(gpg_home_path(e->session->home), &e->gpg, err) < 0 ||
	    gpg_watch_status(e->gpg, on_status, e, err) < 0 ||
	    start(e, err) < 0)
		return -1;
	*encryption = steal(&made);
	return 0;
}

const struct pgp_backend pgp_backend_gpgme = {
	.handles = handles,
	.session_new = session_new,
	.session_free = session_free,
	.encryption_new = encryption_new,
	.feed = feed,
	.finish = finish,
	.encryption_free = encryption_free,
};
