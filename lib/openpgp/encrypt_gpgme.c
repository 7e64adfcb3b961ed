/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Encryption by a gpg process, for the algorithms that we do not do ourselves.
 *
 * GPGME's operation runs in a thread of its own, which takes the plaintext
 * from the caller and gives the ciphertext back through a relay in memory:
 * the sink is called in the caller's thread alone, and a plaintext is never in
 * a file. What gpg gives is believed only when gpg reports its end *and* the
 * octets are one complete message for the right subkey.
 */

#include "openpgp/backend.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "openpgp/cursor.h"
#include "openpgp/gpgme_door.h"
#include "openpgp/packet.h"

enum {
	RELAY_OUT = 128 << 10,
	STALL_SECONDS = 120, /* without a sign of life gpg is given up */
	PKESK_HEAD = 9,      /* version and key ID */
};

struct gpg_session {
	struct gpg_home *home;
	uint8_t key_id[8];
	/* "FINGERPRINT!\n": this very subkey */
	char recipient[PGP_FINGERPRINT_HEX_SIZE + 2];
};

/* What the two threads share; all of it is guarded by the mutex. */
struct relay {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	const uint8_t *in; /* the caller's, until in_len is 0 */
	size_t in_len;
	bool in_end;
	bool abandoned;
	struct buf out;
	bool done;
	bool ended; /* gpg said that it wrote the message to its end */
	gpgme_error_t code;
};

struct gpg_encryption {
	const struct gpg_session *session;
	struct sink to;
	gpgme_ctx_t ctx;
	struct relay relay;
	bool relay_ready;
	pthread_t thread;
	bool running;
	struct buf taken; /* output on its way to the sink */
	struct packet_reader *packets;
	unsigned packet_count;
	unsigned tag;
	uint8_t pkesk[PKESK_HEAD];
	size_t pkesk_len;
};

static bool
handles(const struct pgp_subkey *subkey)
{
	switch (subkey->algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
	case PGP_ELGAMAL:
	case PGP_ECDH:
		return subkey->version == 4;
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
	cleanup(gpg_context_free) gpgme_ctx_t ctx = NULL;

	if (gpg_context_new(gpg_home_path(home), &ctx, err) < 0)
		return -1;

	int taken = gpg_import(ctx, cert->data, cert->data_len, err);

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
	if (subkey->fingerprint_len != 20)
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

/* --- in the thread of gpg --- */

static ssize_t
read_plaintext(void *handle, void *buffer, size_t size)
{
	struct relay *r = handle;

	pthread_mutex_lock(&r->mutex);
	while (r->in_len == 0 && !r->in_end && !r->abandoned)
		pthread_cond_wait(&r->changed, &r->mutex);

	size_t n = r->abandoned ? 0 : r->in_len < size ? r->in_len : size;

	if (n > 0)
		memcpy(buffer, r->in, n);
	r->in += n;
	r->in_len -= n;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return (ssize_t)n;
}

/*
 * An abandoned gpg is let run to its end, into nothing: it must be gone before
 * its home is.
 */
static ssize_t
write_ciphertext(void *handle, const void *buffer, size_t size)
{
	struct relay *r = handle;
	ssize_t n = -1;
	struct err ignored;

	pthread_mutex_lock(&r->mutex);
	while (r->out.len >= RELAY_OUT && !r->abandoned)
		pthread_cond_wait(&r->changed, &r->mutex);

	size_t room = RELAY_OUT - r->out.len;

	if (r->abandoned)
		n = (ssize_t)size;
	else if (buf_put(
		     &r->out, buffer, size < room ? size : room, &ignored) == 0)
		n = (ssize_t)(size < room ? size : room);
	else
		errno = ENOMEM;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return n;
}

static gpgme_error_t
on_status(void *handle, const char *keyword, const char *args)
{
	struct relay *r = handle;

	(void)args;
	if (strcmp(keyword, "END_ENCRYPTION") != 0)
		return 0;
	pthread_mutex_lock(&r->mutex);
	r->ended = true;
	pthread_mutex_unlock(&r->mutex);
	return 0;
}

static gpgme_error_t
encrypt(struct gpg_encryption *e)
{
	struct gpgme_data_cbs from = { .read = read_plaintext };
	struct gpgme_data_cbs to = { .write = write_ciphertext };
	cleanup(free_gpg_data) gpgme_data_t plaintext = NULL;
	cleanup(free_gpg_data) gpgme_data_t ciphertext = NULL;
	gpgme_error_t code =
	    gpgme_data_new_from_cbs(&plaintext, &from, &e->relay);

	if (code == 0)
		code = gpgme_data_new_from_cbs(&ciphertext, &to, &e->relay);
	if (code != 0)
		return code;
	(void)gpgme_data_set_flag(plaintext, "sensitive", "1");
	return gpgme_op_encrypt_ext(e->ctx, NULL, e->session->recipient,
	    GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_ENCRYPT_TO |
		GPGME_ENCRYPT_NO_COMPRESS,
	    plaintext, ciphertext);
}

static void *
run(void *arg)
{
	struct gpg_encryption *e = arg;
	sigset_t pipe_signal;

	/* whoever uses us may want to be told of SIGPIPE, but not of ours */
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);

	gpgme_error_t code = encrypt(e);

	pthread_mutex_lock(&e->relay.mutex);
	e->relay.code = code;
	e->relay.done = true;
	pthread_cond_broadcast(&e->relay.changed);
	pthread_mutex_unlock(&e->relay.mutex);
	return NULL;
}

/* --- in the caller's thread --- */

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
	for (size_t i = 0;
	     e->tag == PGP_TAG_PKESK && i < n && e->pkesk_len < sizeof e->pkesk;
	     i++)
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

/* Hands on what has come out; called and returns with the mutex locked. */
static int
drain(struct gpg_encryption *e, struct err *err)
{
	struct relay *r = &e->relay;

	if (r->out.len == 0)
		return 0;

	struct buf full = r->out;

	r->out = e->taken;
	e->taken = full;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);

	int rc = packet_reader_feed(e->packets, full.data, full.len, err);

	rc = rc < 0 ? frame_error(err)
		    : sink_put(&e->to, full.data, full.len, err);
	buf_clear(&e->taken);
	pthread_mutex_lock(&r->mutex);
	return rc;
}

/* Waits for the other thread; called and returns with the mutex locked. */
static int
wait_for_gpg(struct relay *r, struct err *err)
{
	struct timespec until;

	if (clock_gettime(CLOCK_MONOTONIC, &until) < 0)
		return err_set(err, ERR_TEMP, "clock: %s", strerror(errno));
	until.tv_sec += STALL_SECONDS;
	if (pthread_cond_timedwait(&r->changed, &r->mutex, &until) == ETIMEDOUT)
		return err_set(err, ERR_TEMP,
		    "gpg gave no sign of life for %d seconds", STALL_SECONDS);
	return 0;
}

/* Until gpg has taken the input, or (at the end) is done. Mutex locked. */
static int
exchange(struct gpg_encryption *e, struct err *err)
{
	struct relay *r = &e->relay;

	for (;;) {
		if (drain(e, err) < 0)
			return -1;
		if (r->out.len > 0)
			continue;
		if (r->done || (!r->in_end && r->in_len == 0))
			return 0;
		if (wait_for_gpg(r, err) < 0)
			return -1;
	}
}

static int
feed(void *encryption, const void *data, size_t n, struct err *err)
{
	struct gpg_encryption *e = encryption;
	struct relay *r = &e->relay;

	if (n == 0)
		return 0;
	pthread_mutex_lock(&r->mutex);
	r->in = data;
	r->in_len = n;
	pthread_cond_broadcast(&r->changed);

	int rc = exchange(e, err);

	if (rc == 0 && r->done)
		rc = r->code != 0
			 ? gpg_failed(err, r->code, "encrypt")
			 : err_set(err, ERR_TEMP, "gpg ended too early");
	r->in = NULL; /* data goes back to the caller */
	r->in_len = 0;
	r->abandoned = r->abandoned || rc < 0;
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

/*
 * GPGME does not see how a gpg ended: one that was killed looks like one that
 * is done. So three things must come together.
 */
static int
check_whole(struct gpg_encryption *e, struct err *err)
{
	if (e->relay.code != 0)
		return gpg_failed(err, e->relay.code, "encrypt");
	if (!e->relay.ended)
		return err_set(
		    err, ERR_TEMP, "gpg ended before its message did");
	if (packet_reader_finish(e->packets, err) < 0)
		return frame_error(err);
	if (e->packet_count != 2)
		return err_set(err, ERR_TEMP, "gpg made no whole message");
	return 0;
}

static int
finish(void *encryption, struct err *err)
{
	struct gpg_encryption *e = encryption;
	struct relay *r = &e->relay;

	pthread_mutex_lock(&r->mutex);
	r->in_end = true;
	pthread_cond_broadcast(&r->changed);

	int rc = exchange(e, err);

	if (rc == 0)
		rc = check_whole(e, err);
	r->abandoned = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->mutex);
	return rc;
}

/* Lets gpg come to its end; one that does not is left to itself. */
static void
stop(struct gpg_encryption *e)
{
	struct relay *r = &e->relay;
	struct err ignored;

	pthread_mutex_lock(&r->mutex);
	r->abandoned = true;
	pthread_cond_broadcast(&r->changed);
	while (!r->done && wait_for_gpg(r, &ignored) == 0)
		continue;
	if (!r->done)
		(void)gpgme_cancel_async(e->ctx);
	pthread_mutex_unlock(&r->mutex);
	(void)pthread_join(e->thread, NULL);
}

static void
encryption_free(void **encryption)
{
	struct gpg_encryption *e = steal(encryption);

	if (e == NULL)
		return;
	if (e->running)
		stop(e);
	gpg_context_free(&e->ctx);
	packet_reader_free(&e->packets);
	buf_reset(&e->taken);
	buf_reset(&e->relay.out);
	if (e->relay_ready) {
		(void)pthread_cond_destroy(&e->relay.changed);
		(void)pthread_mutex_destroy(&e->relay.mutex);
	}
	free(e);
}

static int
relay_init(struct gpg_encryption *e, struct err *err)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) != 0)
		return err_nomem(err);

	int rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

	if (rc == 0)
		rc = pthread_cond_init(&e->relay.changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (rc == 0 && pthread_mutex_init(&e->relay.mutex, NULL) != 0) {
		(void)pthread_cond_destroy(&e->relay.changed);
		rc = -1;
	}
	if (rc != 0)
		return err_nomem(err);
	e->relay.out.limit = RELAY_OUT;
	e->taken.limit = RELAY_OUT;
	e->relay_ready = true;
	return 0;
}

static int
context_init(struct gpg_encryption *e, struct err *err)
{
	if (gpg_context_new(gpg_home_path(e->session->home), &e->ctx, err) < 0)
		return -1;

	gpgme_error_t code = gpgme_set_ctx_flag(e->ctx, "full-status", "1");

	if (code != 0)
		return gpg_failed(err, code, "start");
	gpgme_set_status_cb(e->ctx, on_status, &e->relay);
	gpgme_set_armor(e->ctx, 0);
	return 0;
}

static int
encryption_new(
    void *session, struct sink to, void **encryption, struct err *err)
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

	if (relay_init(e, err) < 0 || context_init(e, err) < 0 ||
	    packet_reader_new(events, &e->packets, err) < 0)
		return -1;

	int code = pthread_create(&e->thread, NULL, run, e);

	if (code != 0)
		return err_set(err, ERR_TEMP, "start a thread for gpg: %s",
		    strerror(code));
	e->running = true;
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
